import { assert, assertEquals } from "@std/assert";
import { CompressedValue, leastCompressedBytes, ValueCompressor } from "../../../src/layer/mod.ts";
import { pieceBytes } from "../../../src/layer/formats/value_format.ts";
import { Random } from "../../random.ts";
import { patterned, sameBytes } from "../../store/bytes.ts";

/** A value as it stands in a record, between bytes that are none of it; `undefined` if compressing saves too little. */
function compress(value: Uint8Array): { bytes: Uint8Array<ArrayBuffer>; steps: number } | undefined {
  const compressor = new ValueCompressor(value);
  let steps = 1;
  while (compressor.step()) steps++;
  if (!compressor.isWorth) return undefined;
  const bytes = new Uint8Array(compressor.byteLength + 7).fill(0xee);
  compressor.writeTo(bytes, 3);
  assertEquals([bytes[2], bytes[bytes.length - 4]], [0xee, 0xee]);
  return { bytes: bytes.slice(3, -4), steps };
}

/** What is found of the bytes of a compressed value that stands among others. */
function open(bytes: Uint8Array): Uint8Array | undefined {
  const among = new Uint8Array(bytes.length + 10).fill(0xdd);
  among.set(bytes, 5);
  return new CompressedValue(among, 5, 5 + bytes.length).open();
}

Deno.test("CompressedValue opens what ValueCompressor wrote, piece by piece, as memory of its own", () => {
  for (const pieces of [0, 1, 2, 8]) {
    for (const more of [-1, 0, 1, 63, 64, 4095]) {
      const length = Math.max(leastCompressedBytes, pieces * pieceBytes + more), value = patterned(length, 3);
      const compressed = compress(value);
      assert(compressed !== undefined, `${length} bytes are compressed`);
      assertEquals(compressed.steps, Math.ceil(length / pieceBytes));
      const found = new CompressedValue(compressed.bytes, 0, compressed.bytes.length);
      assertEquals([found.length, found.isLarge, found.isOpen], [length, length > pieceBytes, false]);
      for (let step = 1; step < compressed.steps; step++) assert(found.step());
      assert(!found.step() && found.isOpen);
      const opened = found.open();
      assert(sameBytes(opened, value));
      assertEquals(opened?.buffer.byteLength, length);
      assert(sameBytes(open(compressed.bytes), value));
    }
  }
});

Deno.test("ValueCompressor gives up what saves less than an eighth, as soon as that is known", () => {
  const random = new Random(5), noise = random.bytes(pieceBytes * 16);
  assertEquals(compress(noise), undefined);
  const compressor = new ValueCompressor(noise);
  while (compressor.step());
  assert(compressor.byteLength < pieceBytes * 15, "not all of it was compressed");
  const tenth = noise.slice(0, 50_000), half = noise.slice(0, 50_000);
  tenth.fill(0, 45_000);
  half.fill(0, 25_000);
  assertEquals(compress(tenth), undefined);
  assert((compress(half)?.bytes.length ?? 0) > 25_000);
});

Deno.test("CompressedValue opens nothing that is not as long as it says", () => {
  const value = patterned(pieceBytes + 3000, 9), bytes = compress(value)?.bytes as Uint8Array<ArrayBuffer>;
  const said = (length: number) => {
    const other = bytes.slice();
    new DataView(other.buffer).setUint32(0, length, true);
    return other;
  };
  // Other lengths: by a byte, by a piece, far too many for what there is, more than a value may have, none.
  for (
    const length of [value.length - 1, value.length + 1, pieceBytes, 2 * pieceBytes, 2 ** 26, 2 ** 32 - 1, 0]
  ) {
    assertEquals(open(said(length)), undefined, `${length} bytes`);
  }
  for (let cut = 0; cut < bytes.length; cut += 7) assertEquals(open(bytes.subarray(0, cut)), undefined);
  assertEquals(open(Uint8Array.of(...bytes, 0)), undefined, "a byte more");
  const plain = new Uint8Array(5000).fill(1);
  new DataView(plain.buffer).setUint32(0, 4999, true);
  assertEquals(open(plain), undefined, "a value that is not shorter than what it was made of");
});

Deno.test("CompressedValue opens what is damaged to nothing, or to as many bytes as it says, whatever the bit", () => {
  const value = patterned(3000, 2), bytes = compress(value)?.bytes as Uint8Array<ArrayBuffer>;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3] ^= 1 << (bit & 7);
    const found = open(bytes)?.length;
    assert(found === undefined || found === value.length, `bit ${bit}: ${found} bytes`);
    bytes[bit >> 3] ^= 1 << (bit & 7);
  }
});
