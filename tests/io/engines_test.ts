/** The contract of engines, on every engine that this machine offers. */

import type { IoEngine } from "../../src/io/engine.ts";
import { statxAlignment } from "../../src/io/posix/statx.ts";
import { currentDirectory, Libc, openLibc } from "../../src/io/posix/libc.ts";
import { nodeEngine } from "../../src/io/node/node_engine.ts";
import { threadsEngine } from "../../src/io/threads/threads_engine.ts";
import { openUringEngine } from "../../src/io/uring/uring_engine.ts";
import { testEngine } from "./engine_contract.ts";

const libc = openLibc();
const noUring = await whyNoUring();
const noFfi = libc instanceof Libc ? undefined : libc.reason;
const alignment = alignmentOfTests();

for (const direct of [true, false]) {
  for (const locked of [false, true]) {
    testEngine({ name: "UringEngine", make: uringEngine, direct, alignment, locked, skip: noUring });
    testEngine({
      name: "ThreadsEngine",
      make: () => threadsEngine(ownLibc()),
      direct,
      alignment,
      locked,
      skip: noFfi,
    });
  }
  testEngine({ name: "NodeEngine", make: nodeEngine, direct, alignment, skip: noDirect(direct) });
}

if (libc instanceof Libc) libc[Symbol.dispose]();

function ownLibc(): Libc {
  const own = openLibc();
  if (own instanceof Libc) return own;
  throw new Error(own.reason);
}

async function uringEngine(): Promise<IoEngine> {
  const libc = ownLibc();
  const engine = await openUringEngine(libc);
  if (!("reason" in engine)) return engine;
  libc[Symbol.dispose]();
  throw new Error(engine.reason);
}

async function whyNoUring(): Promise<string | undefined> {
  try {
    await (await uringEngine()).shutdown();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : "unknown";
  }
}

function noDirect(direct: boolean): string | undefined {
  return direct && Deno.build.os !== "linux" ? `no direct IO on ${Deno.build.os}` : undefined;
}

/** What the file system of temporary files demands; 1 if it does not say, as tmpfs does not and takes anything. */
function alignmentOfTests(): number {
  const path = Deno.makeTempFileSync({ prefix: "varve_test_" });
  try {
    return libc instanceof Libc ? statxAlignment(libc, { at: currentDirectory, name: path })?.offset ?? 1 : 1;
  } finally {
    Deno.removeSync(path);
  }
}
