import { assertEquals } from "@std/assert";
import { blockBytes, crc32, maxLsn } from "../../src/base/mod.ts";
import {
  decodeFooter,
  decodeHeader,
  encodeFooter,
  encodeHeader,
  type FileFooter,
  type FileHeader,
  sealedLength,
} from "../../src/layer/mod.ts";

const header: FileHeader = {
  storeId: "00112233445566778899aabbccddeeff",
  timelineId: 2n ** 64n - 1n,
  fileId: 0x8000000000000001n,
  sequence: 2 ** 32,
  firstLsn: maxLsn,
  previousEnd: 2 ** 32 - 4096,
  previousSequence: 2 ** 32 - 1,
  previousLsn: maxLsn - 1,
};

const footer: FileFooter = {
  fileId: 0x8000000000000001n,
  valuesEnd: 64 * 1024 * 1024,
  bloomStart: 64 * 1024 * 1024 + 12 * 8192,
  firstLsn: 5,
  lastLsn: maxLsn,
  versions: 2 ** 23,
  tombstones: 7,
  keys: 2 ** 22,
  indexPages: 12,
  leafPages: 10,
  height: 2,
  bloomPages: 3,
  valuesCrc: 2 ** 32 - 1,
  indexCrc: 0,
  bloomCrc: 2 ** 31,
  firstKey: new Uint8Array(512).fill(1),
  lastKey: new Uint8Array(512).fill(255),
};

/** Sets the checksum of a block right. */
function restamped(block: Uint8Array): Uint8Array {
  new DataView(block.buffer).setUint32(0, crc32(block.subarray(4)), true);
  return block;
}

Deno.test("decodeHeader() reads what encodeHeader() wrote", () => {
  assertEquals(decodeHeader(encodeHeader(header)), header);
  const apart = new Uint8Array(3 * blockBytes);
  apart.set(encodeHeader(header), 100);
  assertEquals(decodeHeader(apart.subarray(100, 100 + blockBytes)), header);
});

Deno.test("decodeFooter() reads what encodeFooter() wrote", () => {
  assertEquals(decodeFooter(encodeFooter(footer)), footer);
  const empty = { firstKey: new Uint8Array(0), lastKey: new Uint8Array(0) };
  const none = {
    ...footer,
    ...empty,
    versions: 0,
    keys: 0,
    indexPages: 0,
    leafPages: 0,
    height: 0,
    bloomStart: footer.valuesEnd,
  };
  assertEquals(decodeFooter(encodeFooter(none)), none);
  assertEquals(sealedLength(footer), footer.bloomStart + 3 * 8192 + blockBytes);
});

Deno.test("decodeHeader() and decodeFooter() notice any bit that is flipped, in the zeros too", () => {
  for (
    const [block, decode] of [[encodeHeader(header), decodeHeader], [
      encodeFooter(footer),
      decodeFooter,
    ]] as const
  ) {
    for (let bit = 0; bit < blockBytes * 8; bit++) {
      block[bit >> 3] ^= 1 << (bit & 7);
      if (decode(block) !== undefined) throw new Error(`bit ${bit} went unnoticed`);
      block[bit >> 3] ^= 1 << (bit & 7);
    }
  }
});

Deno.test("decodeHeader() and decodeFooter() take no other block, version or kind", () => {
  assertEquals(decodeHeader(encodeFooter(footer)), undefined);
  assertEquals(decodeFooter(encodeHeader(header)), undefined);
  for (const length of [4095, 4097, 8192]) {
    assertEquals(decodeHeader(new Uint8Array(length)), undefined);
    assertEquals(decodeFooter(new Uint8Array(length)), undefined);
  }
  for (const at of [4, 12, 14]) {
    const head = encodeHeader(header), foot = encodeFooter(footer);
    head[at]++;
    foot[at]++;
    assertEquals([decodeHeader(restamped(head)), decodeFooter(restamped(foot))], [undefined, undefined]);
  }
});

Deno.test("decodeFooter() refuses numbers that contradict each other although the checksum is right", () => {
  const wrong: Partial<FileFooter>[] = [
    { valuesEnd: 0, bloomStart: 12 * 8192 },
    { valuesEnd: footer.valuesEnd + 1, bloomStart: footer.bloomStart + 1 },
    { bloomStart: footer.bloomStart + 8192 },
    { indexPages: 13 },
    { leafPages: 13 },
    { height: 0 },
    { height: 33 },
    { bloomPages: 0 },
    { firstLsn: 6, lastLsn: 5 },
  ];
  for (const part of wrong) {
    assertEquals(decodeFooter(encodeFooter({ ...footer, ...part })), undefined, JSON.stringify(part));
  }
  for (const at of [96, 100]) {
    const block = encodeFooter(footer);
    new DataView(block.buffer).setUint32(at, 513, true);
    assertEquals(decodeFooter(restamped(block)), undefined);
    new DataView(block.buffer).setUint32(at, 2 ** 32 - 1, true);
    assertEquals(decodeFooter(restamped(block)), undefined);
  }
});
