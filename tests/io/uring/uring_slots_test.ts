import { assertEquals, assertThrows } from "@std/assert";
import { AssertionError, maxIoDepth } from "../../../src/base/mod.ts";
import type { Transfer } from "../../../src/io/engine.ts";
import { type UringBatch, UringSlots } from "../../../src/io/uring/uring_slots.ts";

const file = { path: "/a", direct: true };
const transfer: Transfer = { file, offset: 0, bytes: new Uint8Array(1), done: 0, error: undefined };

function batchOf(left: number): UringBatch {
  return {
    opcode: 22,
    opFlags: 0,
    operation: "read",
    transfers: [transfer],
    finish: () => {},
    next: 0,
    left,
  };
}

Deno.test("UringSlots gives each slot to one transfer at a time", () => {
  const slots = new UringSlots(2);
  const [first, second] = [slots.take(batchOf(5), transfer), slots.take(batchOf(3), transfer)];
  assertEquals([first.index, second.index, slots.free, slots.taken], [0, 1, 0, 2]);
  assertThrows(() => slots.take(batchOf(1), transfer), AssertionError);
  slots.release(first);
  assertEquals(slots.held(), [second]);
  assertEquals(slots.take(batchOf(1), transfer), first);
});

Deno.test("UringSlots.fewestLeft() is of the batch that is nearest to its end, and no more than are in flight", () => {
  const slots = new UringSlots(8);
  assertEquals(slots.fewestLeft(), 0);
  const far = batchOf(9);
  for (let i = 0; i < 4; i++) slots.take(far, transfer);
  assertEquals(slots.fewestLeft(), 4);
  slots.take(batchOf(2), transfer);
  assertEquals(slots.fewestLeft(), 2);
});

Deno.test("UringSlots.settle() takes one answer for each entry, in its generation (U7)", () => {
  const slots = new UringSlots(1);
  const slot = slots.take(batchOf(1), transfer);
  for (const generation of [0, 1, 2]) {
    assertEquals(slot.generation, generation);
    assertThrows(() => slots.settle(0, generation), AssertionError, "not awaited");
    slots.prepare(slot);
    assertThrows(() => slots.prepare(slot), AssertionError, "in the kernel once");
    assertThrows(() => slots.release(slot), AssertionError, "not released");
    assertThrows(() => slots.settle(0, generation + 1), AssertionError, `expected ${generation}`);
    assertThrows(() => slots.settle(1, generation), AssertionError, "not awaited");
    assertEquals(slots.settle(0, generation), slot);
  }
});

Deno.test("UringSlots are never more than a ring of one page has entries (U4)", () => {
  assertEquals(new UringSlots(maxIoDepth).free, maxIoDepth);
  assertEquals(maxIoDepth, 128);
  assertThrows(() => new UringSlots(maxIoDepth + 1), AssertionError);
});
