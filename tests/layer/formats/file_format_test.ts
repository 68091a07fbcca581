import { assertEquals, assertThrows } from "@std/assert";
import { blockBytes, CorruptionError, crc32, maxLsn } from "../../../src/base/mod.ts";
import {
  decodeFooter,
  decodeHeader,
  encodeFooter,
  encodeHeader,
  type FileHeader,
  formatVersion,
  type LayerDescription,
  readHeader,
} from "../../../src/layer/mod.ts";

const header: FileHeader = {
  storeId: "00112233445566778899aabbccddeeff",
  timelineId: maxLsn,
  fileId: 2 ** 52 + 1,
  kind: "L0",
  sequence: 2 ** 32,
  generation: 2 ** 33,
  firstLsn: maxLsn,
  previousSequence: 2 ** 32 - 1,
  previousLsn: maxLsn - 1,
};

const footer: LayerDescription = {
  kind: "delta",
  fileId: 2 ** 52 + 1,
  sequence: 2 ** 32,
  generation: 5,
  firstLsn: 5,
  lastLsn: maxLsn,
  valuesEnd: 64 * 1024 * 1024,
  versions: 2 ** 33,
  tombstones: 7,
  patches: 3,
  keys: 2 ** 32,
  indexPages: 12,
  leafPages: 10,
  filterPages: 3,
  height: 2,
  horizon: 2 ** 40,
  imageLsn: 0,
  byteLength: 64 * 1024 * 1024 + 15 * 8192 + 4096,
  firstKey: new Uint8Array(512).fill(1),
  lastKey: new Uint8Array(512).fill(255),
};

const blank: LayerDescription = {
  ...footer,
  versions: 0,
  tombstones: 0,
  patches: 0,
  keys: 0,
  indexPages: 0,
  leafPages: 0,
  height: 0,
  byteLength: footer.valuesEnd + 3 * 8192 + 4096,
  firstKey: new Uint8Array(0),
  lastKey: new Uint8Array(0),
};

const image: LayerDescription = { ...footer, kind: "image", imageLsn: footer.firstLsn };

/** A block with some of its bytes changed and its checksum right again. */
function restamped(
  block: Uint8Array<ArrayBuffer>,
  change: (view: DataView) => void,
): Uint8Array<ArrayBuffer> {
  const view = new DataView(block.buffer);
  change(view);
  view.setUint32(0, crc32(block.subarray(4)), true);
  return block;
}

Deno.test("decodeHeader() reads what encodeHeader() wrote", () => {
  for (const kind of ["L0", "delta", "image"] as const) {
    assertEquals(decodeHeader(encodeHeader({ ...header, kind })), { ...header, kind });
  }
  const apart = new Uint8Array(3 * blockBytes);
  apart.set(encodeHeader(header), 100);
  assertEquals(decodeHeader(apart.subarray(100, 100 + blockBytes)), header);
});

Deno.test("decodeFooter() reads what encodeFooter() wrote", () => {
  for (const layer of [footer, blank, image]) {
    assertEquals(decodeFooter(encodeFooter(layer)), layer);
  }
});

Deno.test("decodeHeader() and decodeFooter() notice any bit that is flipped, in the zeros too", () => {
  const cases = [[encodeHeader(header), decodeHeader], [encodeFooter(footer), decodeFooter]] as const;
  for (const [block, decode] of cases) {
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
  for (const length of [0, 4095, 4097, 8192]) {
    assertEquals(decodeHeader(new Uint8Array(length)), undefined);
    assertEquals(decodeFooter(new Uint8Array(length)), undefined);
  }
  const changes: ((view: DataView) => void)[] = [
    (view) => view.setUint8(4, 0),
    (view) => view.setUint16(12, 1, true),
    (view) => view.setUint16(12, formatVersion + 1, true),
    (view) => view.setUint16(14, 0, true),
    (view) => view.setUint16(14, 5, true),
    (view) => view.setUint16(14, 65_535, true),
    (view) => view.setUint32(44, 1 << 21, true),
  ];
  for (const change of changes) {
    assertEquals(decodeHeader(restamped(encodeHeader(header), change)), undefined);
    assertEquals(decodeFooter(restamped(encodeFooter(footer), change)), undefined);
  }
  // A segment of a log has a header of this form, and no footer.
  const asLog = (view: DataView) => view.setUint16(14, 4, true);
  assertEquals(decodeHeader(restamped(encodeHeader(header), asLog)), { ...header, kind: "log" });
  assertEquals(decodeFooter(restamped(encodeFooter(footer), asLog)), undefined);
});

Deno.test("readHeader() tells a block that does not check from one that is another file's", () => {
  assertEquals(readHeader(encodeHeader(header), header, "/file"), header);
  const torn = encodeHeader(header);
  torn[4000] = 1;
  for (const block of [torn, new Uint8Array(4096), new Uint8Array(100)]) {
    assertEquals(readHeader(block, header, "/file"), undefined);
  }
  const strangers: [Uint8Array, string][] = [
    [encodeHeader({ ...header, storeId: "f".repeat(32) }), `the header of store ${"f".repeat(32)}`],
    [encodeHeader({ ...header, timelineId: 1 }), "the header of timeline 1"],
    [encodeHeader({ ...header, fileId: 1 }), "the header of file 1"],
    [
      restamped(encodeHeader(header), (view) => view.setUint16(12, 1, true)),
      "a header of version 1 and kind 1",
    ],
    [
      restamped(encodeHeader(header), (view) => view.setUint32(44, 2 ** 32 - 1, true)),
      `a header of version ${formatVersion} and kind 1`,
    ],
  ];
  for (const [block, found] of strangers) {
    const error = assertThrows(() => readHeader(block, header, "/file"), CorruptionError);
    assertEquals([error.path, error.offset, error.found], ["/file", 0, found]);
  }
});

Deno.test("decodeFooter() refuses numbers that contradict each other although the checksum is right", () => {
  // Where each number stands in the block.
  const places = [
    ["imageLsn", 128, [1, footer.firstLsn, maxLsn + 1]],
    ["fileId", 16, [0]],
    ["sequence", 24, [0]],
    ["firstLsn", 40, [0, maxLsn + 1]],
    ["lastLsn", 48, [4, maxLsn + 1]],
    ["valuesEnd", 56, [0, 4095, footer.valuesEnd + 1, 2 ** 53]],
    ["versions", 64, [0, 6, 2 ** 32 - 1]],
    ["tombstones", 72, [2 ** 33 + 1]],
    ["keys", 80, [0, 1, 2 ** 33 + 1]],
    ["indexPages", 88, [0, 1, 9]],
    ["leafPages", 96, [0, 13]],
    ["height", 112, [0, 1, 33]],
    ["horizon", 120, [maxLsn + 1]],
    ["patches", 136, [2 ** 33 - 6, maxLsn + 1]],
  ] as const;
  for (const [name, at, values] of places) {
    for (const value of values) {
      const block = restamped(encodeFooter(footer), (view) => view.setBigUint64(at, BigInt(value), true));
      assertEquals(decodeFooter(block), undefined, `${name} ${value}`);
    }
  }
  for (const imageLsn of [0, image.firstLsn - 1, image.horizon + 1]) {
    const block = restamped(encodeFooter(image), (view) => view.setBigUint64(128, BigInt(imageLsn), true));
    assertEquals(decodeFooter(block), undefined, `an image at LSN ${imageLsn}`);
  }
  for (const at of [144, 146]) {
    for (const length of [0, 513, 65_535]) {
      const block = restamped(encodeFooter(footer), (view) => view.setUint16(at, length, true));
      assertEquals(decodeFooter(block), undefined, `key length at ${at}: ${length}`);
    }
  }
  const unordered = restamped(encodeFooter(footer), (view) => view.setUint8(148 + 512, 0));
  assertEquals(decodeFooter(unordered), undefined, "keys out of order");
});
