/** What `proveDirect` makes of what `statx` says. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type DirectProof, proveDirect } from "../../src/io/alignment.ts";
import { Libc, type LibcCalls, openLibc } from "../../src/io/libc.ts";
import { NodeEngine } from "../../src/io/node_engine.ts";

const found = openLibc();
const ignore = !(found instanceof Libc);
if (found instanceof Libc) found[Symbol.dispose]();

/** Proves in an empty directory, with a `statx` that fills in `words`, or fails if there are none. */
async function proof(words: Record<number, number> | undefined): Promise<DirectProof> {
  const real = openLibc();
  if (!(real instanceof Libc)) throw new Error(real.reason);
  const statx: LibcCalls["symbols"]["statx"] = (_fd, _path, _flags, _mask, result) => {
    const view = new DataView((result as Uint8Array<ArrayBuffer>).buffer);
    for (const [at, word] of Object.entries(words ?? {})) view.setUint32(Number(at), word, true);
    return words === undefined ? -1 : 0;
  };
  const libc = { ...real, symbols: { ...real.symbols, statx } } as LibcCalls;
  const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
  const engine = new NodeEngine();
  try {
    return await proveDirect(engine, { directory, write: true, readOnly: false, libc });
  } finally {
    await engine.shutdown();
    real[Symbol.dispose]();
    await Deno.remove(directory, { recursive: true });
  }
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, sanitizeOps: true, sanitizeResources: true, fn });
}

test("proveDirect() takes the alignment that statx says", async () => {
  const { alignment, read, write, notes } = await proof({ 0x00: 0x2000, 0x98: 4, 0x9c: 512 });
  assertEquals([alignment, read, write, notes], [{ memory: 4, offset: 512 }, true, true, []]);
});

test("proveDirect() takes whole blocks when statx does not say", async () => {
  for (const words of [undefined, { 0x00: 0x7ff }]) {
    assertEquals((await proof(words)).alignment, { memory: 4096, offset: 4096 });
  }
});

test("proveDirect() proves nothing when statx says that there is no direct IO", async () => {
  const { alignment, read, write, notes } = await proof({ 0x00: 0x2000 });
  assertEquals([alignment, read, write], [{ memory: 1, offset: 1 }, false, false]);
  assertStringIncludes(notes[0], "statx says that the file system has none");
});

test("proveDirect() proves nothing when statx demands more than a block", async () => {
  const { read, notes } = await proof({ 0x00: 0x2000, 0x98: 512, 0x9c: 65_536 });
  assertEquals(read, false);
  assertStringIncludes(notes[0], "65536 bytes");
});
