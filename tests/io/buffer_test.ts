import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../../src/base/mod.ts";
import { IoBufferMut } from "../../src/io/buffer.ts";

/** Counts what comes back. */
class Owner {
  readonly reclaimed: Uint8Array<ArrayBuffer>[] = [];

  reclaim(memory: Uint8Array<ArrayBuffer>): void {
    this.reclaimed.push(memory);
  }

  take(): IoBufferMut {
    return new IoBufferMut(new Uint8Array(8), this);
  }
}

Deno.test("IoBufferMut.freeze() hands the same memory over and voids the handle", () => {
  const mutable = new Owner().take();
  const memory = mutable.bytes;
  const frozen = mutable.freeze();
  assertStrictEquals(frozen.bytes, memory);
  assertThrows(() => mutable.bytes, AssertionError, "B1");
  assertThrows(() => mutable.freeze(), AssertionError, "B1");
  assertThrows(() => mutable.release(), AssertionError, "B1");
});

Deno.test("IoBufferMut.release() gives the memory back once", () => {
  const owner = new Owner();
  const mutable = owner.take();
  mutable.release();
  assertThrows(() => mutable.release(), AssertionError, "B1");
  assertEquals(owner.reclaimed.length, 1);
});

Deno.test("IoBuffer.intoMut() succeeds for the last holder only", () => {
  const owner = new Owner();
  const frozen = owner.take().freeze();
  frozen.retain();
  assertEquals(frozen.intoMut(), undefined);
  assertEquals(frozen.holders, 2);
  frozen.release();
  const mutable = frozen.intoMut();
  assert(mutable !== undefined, "the last holder has it");
  assertThrows(() => frozen.bytes, AssertionError, "B1");
  assertThrows(() => frozen.retain(), AssertionError, "B1");
  assertThrows(() => frozen.release(), AssertionError, "B1");
  assertThrows(() => frozen.intoMut(), AssertionError, "B1");
  mutable.release();
  assertEquals(owner.reclaimed.length, 1);
});

Deno.test("IoBuffer.release() gives the memory back when its last holder lets go", () => {
  const owner = new Owner();
  const frozen = owner.take().freeze();
  frozen.retain().retain();
  frozen.release();
  frozen.release();
  assertEquals(owner.reclaimed.length, 0);
  frozen.release();
  assertEquals(owner.reclaimed.length, 1);
  assertThrows(() => frozen.release(), AssertionError, "B1");
  assertEquals(owner.reclaimed.length, 1);
});
