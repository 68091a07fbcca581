import { assertEquals } from "@std/assert";
import { MappedRead } from "../../../src/timeline/read/mapped_read.ts";
import type { Turns } from "../../../src/base/mod.ts";

/** Turns that are due when they are told to be. */
function turnsThat(due: () => boolean): Turns {
  return { due } as Turns;
}

function readOf<T>(...steps: T[][]) {
  return { next: () => Promise.resolve(steps.shift()), cancel: () => Promise.resolve() };
}

Deno.test("MappedRead gives what was made of each item, in order", async () => {
  const read = new MappedRead(readOf([1, 2], [3]), (item) => item * 10, turnsThat(() => false));
  assertEquals([await read.next(), await read.next(), await read.next()], [[10, 20], [30], undefined]);
});

Deno.test("MappedRead makes no more than a turn allows, and loses nothing", async () => {
  const read = new MappedRead(readOf([1, 2, 3]), (item) => item, turnsThat(() => true));
  assertEquals(await read.next(), [1]);
  assertEquals([await read.next(), await read.next(), await read.next()], [[2], [3], undefined]);
});
