/** A simulated disk: what a kill leaves, what damage does, and that copies stand apart. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { IoError } from "../../src/base/mod.ts";
import { readOnce, writeOnce } from "../../src/io/mod.ts";
import {
  cut,
  everyChoice,
  flip,
  lose,
  misdirect,
  SeededChoices,
  SimDisk,
  SimEngine,
  stale,
  swap,
  zero,
} from "../../src/sim/mod.ts";
import { Random, seeds } from "../random.ts";

const block = 4096;

/** Blocks, each filled with one of the numbers. */
function blocks(...fills: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(fills.length * block);
  fills.forEach((fill, i) => bytes.fill(fill, i * block, (i + 1) * block));
  return bytes;
}

/** The first byte of each block of a file. */
function fillsOf(disk: SimDisk, path: string): number[] {
  const bytes = disk.contents(path);
  return Array.from({ length: Math.ceil(bytes.length / block) }, (_, i) => bytes[i * block]);
}

Deno.test("SimDisk.put() makes a file with its directories, which nothing takes away", () => {
  const disk = new SimDisk();
  const bytes = blocks(1, 2);
  disk.put("/x/y/a", bytes);
  disk.put("/b", new Uint8Array(0));
  bytes.fill(9);
  assertEquals([disk.paths(), disk.directories()], [["/b", "/x/y/a"], ["/store", "/x", "/x/y"]]);
  assertEquals(fillsOf(disk, "/x/y/a"), [1, 2]);
  assertEquals([...disk.crashStates()].map((state) => state.hash()), [disk.hash()]);
  disk.put("/x/y/a", blocks(3));
  assertEquals(fillsOf(disk, "/x/y/a"), [3]);
  const error = assertThrows(() => disk.contents("/x"), IoError);
  assertEquals(error.code, "EISDIR");
});

Deno.test("SimDisk.clone() stands apart, with what is volatile on it", async () => {
  const disk = new SimDisk([]);
  const engine = new SimEngine({ disk });
  const file = await engine.open("/a", { access: "write", direct: false, create: true });
  await writeOnce(engine, file, 0, blocks(1));
  const copy = disk.clone();
  assertEquals([copy.hash(), copy.crashStates().toArray().length], [
    disk.hash(),
    disk.crashStates().toArray().length,
  ]);
  await engine.sync(file);
  await engine.syncDirectory("/");
  assertEquals(disk.crashStates().toArray().length, 1);
  assert(copy.crashStates().toArray().length > 1);
  await writeOnce(engine, file, 0, blocks(2));
  await engine.rename("/a", "/b");
  assertEquals([copy.paths(), fillsOf(copy, "/a")], [["/a"], [1]]);
});

Deno.test("SimDisk.clone() keeps what is under way as its memory was", async () => {
  const disk = new SimDisk([]);
  disk.put("/a", blocks(1));
  const engine = new SimEngine({ disk });
  const file = await engine.open("/a", { access: "write", direct: true });
  engine.hold = true;
  const memory = blocks(2);
  void writeOnce(engine, file, 0, memory);
  const copy = disk.clone();
  memory.fill(3);
  assertEquals(copy.underWay.size, 1);
  assertEquals(fillsOf(copy.killed(), "/a"), [2]);
});

Deno.test("SimDisk.hash() tells names, lengths and bytes apart, and not how they came about", async () => {
  const disks = [[], [1], [1, 1], [1, 2], [2, 1], [1, 0], [0, 1]].map((fills) => {
    const disk = new SimDisk([]);
    disk.put("/a", blocks(...fills));
    return disk;
  });
  for (const name of ["/b", "/a/a", "/aa"]) {
    const disk = new SimDisk([]);
    disk.put(name, blocks(1));
    disks.push(disk);
  }
  disks.push(new SimDisk([]), new SimDisk(["/a"]));
  assertEquals(new Set(disks.map((disk) => disk.hash())).size, disks.length);
  const disk = new SimDisk([]);
  const engine = new SimEngine({ disk });
  const file = await engine.open("/b", { access: "write", direct: false, create: true });
  await engine.allocate(file, 2 * block);
  await writeOnce(engine, file, 0, blocks(1).subarray(0, 100));
  await writeOnce(engine, file, 100, blocks(1).subarray(100));
  await engine.rename("/b", "/a");
  assertEquals(disk.hash(), disks[5].hash(), "a hole is as good as zeros");
});

Deno.test("SimDisk.killed() keeps what was written, and makes none of it durable", async () => {
  const disk = new SimDisk([]);
  const engine = new SimEngine({ disk });
  const file = await engine.open("/a", { access: "write", direct: false, create: true });
  await writeOnce(engine, file, 0, blocks(1));
  engine.kill();
  const left = disk.killed(new SeededChoices(1));
  assertEquals(left.hash(), disk.hash());
  const afterPower = [...left.crashStates()].map((state) => state.paths().length);
  assert(afterPower.includes(0) && afterPower.includes(1));
});

Deno.test("SimDisk.killed() leaves a write that was under way whole, not at all, or in part", async () => {
  const disk = new SimDisk([]);
  disk.put("/a", blocks(1, 1));
  const engine = new SimEngine({ disk });
  const file = await engine.open("/a", { access: "write", direct: true });
  engine.hold = true;
  void writeOnce(engine, file, 0, blocks(2, 3), { durable: true });
  void engine.rename("/a", "/b");
  engine.kill();
  const found = new Set<string>();
  for (const choices of everyChoice()) {
    const left = disk.killed(choices);
    for (const path of left.paths()) found.add(`${path} ${fillsOf(left, path)}`);
    assertEquals(left.underWay.size, 0);
  }
  const fills = ["1,1", "2,1", "1,3", "2,3"];
  assertEquals([...found].sort(), fills.flatMap((each) => [`/a ${each}`, `/b ${each}`]).sort());
});

Deno.test("flip(), zero(), swap() and cut() damage what is durable", () => {
  const disk = new SimDisk();
  disk.put("/a", blocks(1, 2, 3));
  flip(disk, "/a", block + 7, 3);
  assertEquals(disk.contents("/a")[block + 7], 2 ^ 8);
  flip(disk, "/a", block + 7, 3);
  assertEquals(disk.contents("/a"), blocks(1, 2, 3));
  zero(disk, "/a", block, 2 * block);
  assertEquals(fillsOf(disk, "/a"), [1, 0, 3]);
  swap(disk, "/a", 0, 2 * block, block);
  assertEquals(fillsOf(disk, "/a"), [3, 0, 1]);
  cut(disk, "/a", block + 5);
  assertEquals(disk.contents("/a"), blocks(3, 0).subarray(0, block + 5));
  for (const state of disk.crashStates()) assertEquals(state.hash(), disk.hash());
});

Deno.test("lose() takes a file away, whatever the power does", async () => {
  const disk = new SimDisk([]);
  disk.put("/x/a", blocks(1));
  disk.put("/x/b", blocks(2));
  const engine = new SimEngine({ disk });
  await engine.open("/x/c", { access: "write", direct: false, create: true });
  for (const name of ["a", "c"]) lose(disk, `/x/${name}`);
  assertEquals([...disk.crashStates()].map((state) => state.paths()), [["/x/b"]]);
  assertThrows(() => lose(disk, "/x/a"), IoError, "ENOENT");
});

Deno.test("zero() and swap() leave the length as it is when they go beyond the end", () => {
  const disk = new SimDisk();
  disk.put("/a", blocks(1, 2).subarray(0, block + 100));
  zero(disk, "/a", block + 50, 3 * block);
  assertEquals(disk.contents("/a").length, block + 100);
  assertEquals([...disk.contents("/a").subarray(block + 48, block + 52)], [2, 2, 0, 0]);
});

Deno.test("stale() and misdirect() bring back what stood in a block before", async () => {
  const disk = new SimDisk();
  disk.put("/a", blocks(1, 2, 3));
  const engine = new SimEngine({ disk });
  const file = await engine.open("/a", { access: "write", direct: true });
  await writeOnce(engine, file, block, blocks(5), { durable: true });
  const copy = disk.clone();
  stale(copy, "/a", block + 100);
  assertEquals(fillsOf(copy, "/a"), [1, 2, 3]);
  stale(copy, "/a", 0);
  assertEquals(fillsOf(copy, "/a"), [0, 2, 3], "nothing stood there before");
  misdirect(disk, "/a", block, 2 * block, block);
  assertEquals(fillsOf(disk, "/a"), [1, 2, 5]);
});

Deno.test("SimDisk holds what an array of bytes holds after any writes and lengths", async () => {
  for (const seed of seeds("simulated disk", 20)) {
    const random = new Random(seed);
    const disk = new SimDisk([]);
    const engine = new SimEngine({ disk });
    const file = await engine.open("/a", { access: "write", direct: false, create: true });
    let model = new Uint8Array(0);
    const resize = (length: number) => {
      const resized = new Uint8Array(length);
      resized.set(model.subarray(0, length));
      model = resized;
    };
    for (let i = 0; i < 60; i++) {
      const offset = random.below(5 * block),
        bytes = random.bytes(random.pick([1, 100, block, 2 * block + 9]));
      if (random.once(5)) {
        resize(offset);
        await engine.truncate(file, offset);
      } else if (random.once(8)) {
        resize(Math.max(model.length, offset));
        await engine.allocate(file, offset);
      } else {
        resize(Math.max(model.length, offset + bytes.length));
        model.set(bytes, offset);
        await writeOnce(engine, file, offset, bytes, { durable: random.once(2) });
      }
      if (random.once(6)) await engine.datasync(file);
      const memory = new Uint8Array(6 * block);
      const done = await readOnce(engine, file, offset, memory);
      assertEquals(memory.subarray(0, done), model.subarray(offset, offset + memory.length));
      assertEquals(disk.contents("/a"), model);
    }
    await engine.datasync(file);
    await engine.syncDirectory("/");
    assertEquals([...disk.crashStates()].map((state) => state.hash()), [disk.hash()]);
  }
});

Deno.test("SimDisk has room for as much as it is told, and tells how much is left", async () => {
  const engine = new SimEngine(), { disk } = engine;
  const file = await engine.open("/store/a", { access: "write", direct: true, create: true });
  await writeOnce(engine, file, 0, blocks(1, 2));
  disk.capacity = 4 * block;
  assertEquals(await engine.freeBytes("/store"), 2 * block);
  const refused = await assertRejects(() => writeOnce(engine, file, 2 * block, blocks(3, 4, 5)), IoError);
  assertEquals([refused.code, disk.contents("/store/a").length], ["ENOSPC", 2 * block]);
  await writeOnce(engine, file, block, blocks(6, 7));
  assertEquals([await engine.freeBytes("/store"), disk.clone().freeBytes], [block, block]);
  await assertRejects(() => engine.allocate(file, 5 * block), IoError, "ENOSPC");
  await engine.allocate(file, 4 * block);
  await engine.truncate(file, block);
  assertEquals(await engine.freeBytes("/store"), 3 * block);
  await engine.close(file);
});
