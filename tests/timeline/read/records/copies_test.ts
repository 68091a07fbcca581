/** Copies that are given out: apart from each other, in bounded memory, whatever becomes of those before. */

import { assert, assertEquals } from "@std/assert";
import { apart, Copies, mostBlockBytes } from "../../../../src/timeline/read/records/copies.ts";
import { patterned, sameBytes } from "../../../store/bytes.ts";

const lengths = [100, 0, 18, 1, 100, 129, 1024, 1025, 0, 18, 5000, 127, 128, 40, 0, 1023];

Deno.test("D4: Copies gives each byte to one copy, and leaves it alone from then on", () => {
  const copies = new Copies(), source = patterned(6000, 1);
  const given: Uint8Array[] = [], expected: Uint8Array[] = [];
  for (let i = 0; i < 400; i++) {
    const start = i % 7, length = lengths[i % lengths.length];
    given.push(copies.copy(source, start, start + length));
    expected.push(source.slice(start, start + length));
  }
  source.fill(0);
  given.forEach((copy, i) => {
    assert(sameBytes(copy, expected[i]), `copy ${i}`);
    copy.fill(0xee);
  });
});

Deno.test("D5: Copies shares blocks of 4 KiB at the most, and no longer than what it gave out before", () => {
  const copies = new Copies(), source = patterned(6000, 1), blocks = new Set<ArrayBufferLike>();
  let given = 0, shared = 0;
  for (let i = 0; i < 400; i++) {
    const length = lengths[i % lengths.length], { buffer } = copies.copy(source, 0, length);
    if (blocks.has(buffer) && length > 0) shared++;
    blocks.add(buffer);
    assert(length > 1024 ? buffer.byteLength === length : buffer.byteLength <= mostBlockBytes);
    assert(buffer.byteLength <= Math.max(length, given), `${buffer.byteLength} bytes after ${given}`);
    given += length;
  }
  assert(shared > 250, `${shared} copies share a block`);
});

Deno.test("Copies goes on when a block was transferred away", () => {
  const copies = new Copies(), source = patterned(100, 1);
  for (let i = 0; i < 200; i++) {
    const length = i === 1 || i % 3 === 2 ? 0 : 100, copy = copies.copy(source, 0, length);
    assert(sameBytes(copy, source.subarray(0, length)), `copy ${i}`);
    // The second opens a block and takes nothing of it.
    if (i % 5 === 4 || i === 1) structuredClone(copy, { transfer: [copy.buffer] });
  }
});

Deno.test("Copies lets a block go when a copy finds no room, so that no key outlives its value", () => {
  const copies = new Copies(), source = patterned(1000, 1);
  for (const length of [1, 60, 1, 150, 1, 1]) copies.copy(source, 0, length);
  const value = copies.copy(source, 0, 1),
    key = copies.copy(source, 0, 400),
    next = copies.copy(source, 0, 5);
  structuredClone(value, { transfer: [value.buffer] });
  assertEquals([key.length, next.length], [400, 5]);
});

Deno.test("apart gives every copy memory of its own", () => {
  const source = patterned(100, 1);
  const [a, b] = [apart.copy(source, 0, 10), apart.copy(source, 0, 10)];
  assertEquals([a.buffer.byteLength, b.buffer.byteLength], [10, 10]);
  assert(a.buffer !== b.buffer);
});
