/** What `proveDirect` makes of what `statx` says. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { proveDirect } from "../../src/io/direct_support.ts";
import type { DirectSupport } from "../../src/io/engine.ts";
import { nodeEngine } from "../../src/io/node/node_engine.ts";

/** Proves in an empty directory, where the system says `said`. */
async function proof(said: { memory: number; offset: number } | undefined): Promise<DirectSupport> {
  const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
  const engine = nodeEngine();
  try {
    return await proveDirect(engine, directory, { write: true, readOnly: false }, () => said);
  } finally {
    await engine.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: Deno.build.os !== "linux", sanitizeOps: true, sanitizeResources: true, fn });
}

test("proveDirect() takes the alignment that statx says", async () => {
  const { alignment, read, write, notes } = await proof({ memory: 4, offset: 512 });
  assertEquals([alignment, read, write, notes], [{ memory: 4, offset: 512 }, true, true, []]);
});

test("proveDirect() takes whole blocks when the system does not say", async () => {
  assertEquals((await proof(undefined)).alignment, { memory: 4096, offset: 4096 });
});

test("proveDirect() proves nothing when statx says that there is no direct IO", async () => {
  const { alignment, read, write, notes } = await proof({ memory: 0, offset: 0 });
  assertEquals([alignment, read, write], [{ memory: 1, offset: 1 }, false, false]);
  assertStringIncludes(notes[0], "statx says that the file system has none");
});

test("proveDirect() proves nothing when statx demands more than a block", async () => {
  const { read, notes } = await proof({ memory: 512, offset: 65_536 });
  assertEquals(read, false);
  assertStringIncludes(notes[0], "65536 bytes");
});
