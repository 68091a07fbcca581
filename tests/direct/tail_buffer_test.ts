/**
 * The tail-buffer problem, case by case: the disk takes whole blocks, and what is appended has any length. Every mode on
 * every engine, and a disk in memory.
 */

import { assert, assertEquals } from "@std/assert";
import { DirectFile, type DirectFileOptions } from "../../src/direct/mod.ts";
import { subjects } from "../store/matrix.ts";
import { block, bytesOf, DirectFixture, isSame, joined } from "./fixture.ts";

const tails = ["rewrite", "pad"] as const;

/** A file, wherever it is. */
interface Ground {
  open(options?: DirectFileOptions): Promise<DirectFile>;
  /** What the file holds, as anybody else reads it. */
  contents(): Promise<Uint8Array>;
}

type Case = (ground: Ground, tail: "rewrite" | "pad") => Promise<void>;

/** Declares a case on every mode, engine and way to sync, and on a disk in memory. */
function testCase(name: string, body: Case): void {
  for (const tail of tails) {
    Deno.test(`DirectFile: ${name}, tail "${tail}" (sim)`, async () => {
      const t = DirectFixture.make();
      const open = (options?: DirectFileOptions) => t.open({ tail, ...options });
      await body({ open, contents: () => Promise.resolve(t.contents()) }, tail);
      t.checkClosed();
    });
    for (const { name: subject, ioEngine, ioMode, skip } of subjects) {
      Deno.test({
        name: `DirectFile: ${name}, tail "${tail}" (${subject})${
          skip === undefined ? "" : ` — absent: ${skip}`
        }`,
        ignore: skip !== undefined,
        fn: async () => {
          const directory = await Deno.makeTempDir({ prefix: "varve_test_" }), path = `${directory}/file`;
          try {
            const open = (options?: DirectFileOptions) =>
              DirectFile.open(path, { ioEngine, ioMode, strict: true, tail, ...options });
            await body({ open, contents: () => Deno.readFile(path) }, tail);
          } finally {
            await Deno.remove(directory, { recursive: true });
          }
        },
      });
    }
  }
}

/** Checks what a file holds for its reader, by every way to read it. */
async function checkReads(file: DirectFile, expected: Uint8Array): Promise<void> {
  assertEquals(file.length, expected.length);
  assert(isSame(await file.readAt(0, expected.length + 1), expected), "readAt of all");
  const from = Math.max(0, expected.length - block - 9);
  assert(isSame(await file.readAt(from, block + 9), expected.subarray(from)), "readAt of the end");
  const chunks = await Array.fromAsync(file.readable({ start: from }));
  assert(isSame(joined(...chunks), expected.subarray(from)), "readable");
}

/** What a sync leaves behind bytes: nothing, or zeros up to the next block. */
function synced(bytes: Uint8Array, tail: "rewrite" | "pad"): Uint8Array {
  return tail === "rewrite" ? bytes : joined(bytes, new Uint8Array((block - bytes.length % block) % block));
}

testCase("an aligned write", async ({ open, contents }) => {
  const all = bytesOf(3 * block);
  await using file = await open();
  assertEquals(await file.append(all.subarray(0, block)), 0);
  assertEquals(await file.append(all.subarray(block)), block);
  await checkReads(file, all);
  await file.sync();
  assertEquals([file.length, file.durableLength], [all.length, all.length]);
  assert(isSame(await contents(), all));
});

testCase("a sub-block write", async ({ open, contents }, tail) => {
  const bytes = bytesOf(100);
  await using file = await open();
  await file.append(bytes);
  assertEquals([file.length, file.durableLength], [100, 0]);
  await checkReads(file, bytes);
  await file.sync();
  await checkReads(file, synced(bytes, tail));
  // On the disk stands the whole block, whatever the file says of its length.
  assert(isSame(await contents(), joined(bytes, new Uint8Array(block - 100))));
});

testCase("a write that completes a block", async ({ open, contents }) => {
  const all = bytesOf(block);
  await using file = await open();
  await file.append(all.subarray(0, 4000));
  await checkReads(file, all.subarray(0, 4000));
  assertEquals(await file.append(all.subarray(4000)), 4000);
  await checkReads(file, all);
  await file.sync();
  await checkReads(file, all);
  assert(isSame(await contents(), all));
});

testCase("a write that completes a block that was synced", async ({ open, contents }, tail) => {
  const all = bytesOf(block);
  await using file = await open();
  await file.append(all.subarray(0, 4000));
  await file.sync();
  assertEquals(await file.append(all.subarray(4000)), tail === "rewrite" ? 4000 : block);
  const expected = joined(synced(all.subarray(0, 4000), tail), all.subarray(4000));
  await checkReads(file, expected);
  await file.sync();
  await checkReads(file, synced(expected, tail));
  assert(isSame((await contents()).subarray(0, expected.length), expected));
});

testCase("a split write", async ({ open, contents }, tail) => {
  const all = bytesOf(2 * 1024 * 1024 + 100);
  await using file = await open();
  await file.append(all.subarray(0, 10));
  // It ends a block, fills others, and leaves a rest, over the end of a buffer.
  await file.append(all.subarray(10));
  await checkReads(file, all);
  await file.sync();
  await checkReads(file, synced(all, tail));
  assert(isSame((await contents()).subarray(0, all.length), all));
});

testCase("a flush that pads", async ({ open }, tail) => {
  await using file = await open();
  let expected = new Uint8Array(0);
  for (let i = 0; i < 5; i++) {
    const bytes = bytesOf(1000 + i * 900, i);
    assertEquals(await file.append(bytes), expected.length);
    await file.sync();
    // With "rewrite" padding stands on the disk alone; with "pad" it is part of the file.
    expected = joined(synced(joined(expected, bytes), tail));
    await checkReads(file, expected);
    assertEquals(file.durableLength, expected.length);
  }
});

testCase("reopening at a partial block", async ({ open, contents }) => {
  let expected = new Uint8Array(0);
  for (const length of [100, 3996, 1, 5000, 0, 4095]) {
    await using file = await open();
    await checkReads(file, expected);
    assertEquals(file.durableLength, expected.length);
    assertEquals(await file.append(bytesOf(length, length)), expected.length);
    expected = joined(expected, bytesOf(length, length));
    await checkReads(file, expected);
  }
  assert(isSame(await contents(), expected));
});

testCase("a close that truncates to the exact length", async ({ open, contents }, tail) => {
  for (const preallocateBytes of [0, 40 * block]) {
    const file = await open({ preallocateBytes }), before = file.length;
    await file.append(bytesOf(5000));
    await file.sync();
    await file.append(bytesOf(7));
    const { length } = file;
    await file.close();
    const middle = tail === "pad" ? (block - (before + 5000) % block) % block : 0;
    assertEquals([length, (await contents()).length], [before + 5007 + middle, length]);
  }
});

testCase("a length that its owner recorded", async ({ open, contents }) => {
  const file = await open();
  await file.append(bytesOf(5000));
  await file.sync();
  await file.append(bytesOf(5000, 2));
  await file.close();
  const reader = await open({ readOnly: true, length: 5000 });
  await checkReads(reader, bytesOf(5000));
  await reader.close();
  const again = await open({ length: 5000 });
  await checkReads(again, bytesOf(5000));
  assertEquals((await contents()).length, 5000);
  await again.append(bytesOf(10, 3));
  await again.close();
  assert(isSame(await contents(), joined(bytesOf(5000), bytesOf(10, 3))));
});
