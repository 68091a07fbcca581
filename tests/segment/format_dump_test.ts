/**
 * The format on disk, proven by an annotated dump: `tests/data/segment.txt` is all of a small sealed segment.
 * Run with `-- --update` to write it anew after the format was changed on purpose.
 */

import { assert, assertEquals } from "@std/assert";
import {
  decodeFooter,
  type FileHeader,
  filterMayContain,
  hashKey,
  type LayerDescription,
  layoutOf,
  memoryCursor,
  writeLayer,
} from "../../src/layer/mod.ts";
import { pageCount } from "../../src/layer/formats/page_format.ts";
import { readSlot } from "../layer/tree/page_fixture.ts";
import { block, header, path, scan, SegmentFixture } from "./segment_fixture.ts";

const dump = new URL("../data/segment.txt", import.meta.url);

/** Numbers that differ, so that one in the place of another is seen. */
const own: FileHeader = {
  ...header,
  sequence: 3,
  generation: 2,
  firstLsn: 7,
  previousSequence: 1,
  previousLsn: 6,
};

/** A few bytes of the file, and what they are. */
type Field = readonly [length: number, words: string];

const headerFields: Field[] = [
  [4, "crc32 of the rest of the block"],
  [8, "VARVEHD1"],
  [2, "version 8"],
  [2, "kind 1: L0, a segment"],
  [16, "store id"],
  [8, "timeline id"],
  [8, "file id"],
  [8, "sequence 3"],
  [8, "generation 2"],
  [8, "first LSN 7"],
  [8, "previous sequence 1"],
  [8, "previous LSN 6"],
];

function record(kind: string, flags: string, key: string, value: string, lsn: number): Field[] {
  return [
    [4, "crc32 of the rest of the record, xor that of the file id"],
    [1, `kind ${kind}`],
    [1, flags],
    [2, `key length ${key.length}`],
    [4, `value length ${value.length}`],
    [4, `LSN ${lsn}, low`],
    [4, "LSN, high"],
    [key.length, `key "${key}"`],
    [value.length, `value "${value}"`],
  ];
}

function time(lsn: number, when: string): Field[] {
  return [
    [4, "crc32 of the rest of the record, xor that of the file id"],
    [1, "kind 5: time mark"],
    [1, "no flags"],
    [2, "key length 0"],
    [4, "value length 8"],
    [4, `LSN ${lsn} of the batch behind it, low`],
    [4, "LSN, high"],
    [8, `milliseconds: ${when}`],
  ];
}

function pad(lsn: number, offset: number, length: number, durable: number, durableLsn: number): Field[] {
  return [
    [4, "crc32 of the rest, zeros to the next block, xor that of the file id"],
    [1, "kind 4: pad"],
    [1, "no flags"],
    [2, "key length 0"],
    [4, `value length ${length}: up to the next block`],
    [4, `LSN ${lsn}, low`],
    [4, "LSN, high"],
    [8, "file id"],
    [8, `where it stands: ${offset}`],
    [8, `durable before it: ${durable} bytes of this file`],
    [8, `durable before it: LSN ${durableLsn} of the timeline`],
  ];
}

const pageFields: Field[] = [
  [4, "crc32 of the rest of the page, seeded with file and page"],
  [1, "type 0xb1: index page"],
  [1, "level 0: leaf"],
  [2, "3 slots"],
  [2, "prefix length 2"],
  [1, "LSNs take 1 byte"],
  [1, "offsets take 2 bytes"],
  [1, "lengths take 1 byte"],
  [3, "zeros"],
  [7, "LSN base 7"],
  [1, "zero"],
  [2, 'prefix "ap"'],
  [8, "starts of 3 suffixes, and the end of the last"],
  [3, "LSNs above the base: 0, 1, 0"],
  [6, "offsets of records: 4124, 8220, 4152"],
  [3, "lengths 28, 25, 33 times 4, plus 1 terminal, plus 2 tombstone"],
  [3, '"ple" at LSN 7'],
  [3, '"ple" at LSN 8'],
  [5, '"ricot" at LSN 7'],
];

const footerFields: Field[] = [
  [4, "crc32 of the rest of the block"],
  [8, "VARVEFT1"],
  [2, "version 8"],
  [2, "kind 1: L0, a segment"],
  [8, "file id"],
  [8, "sequence 3"],
  [8, "generation 2"],
  [8, "first LSN 7"],
  [8, "last LSN 8"],
  [8, "values end, index starts: 12288"],
  [8, "3 versions"],
  [8, "1 tombstone"],
  [8, "2 keys"],
  [8, "1 index page"],
  [8, "1 leaf page"],
  [8, "1 filter page"],
  [8, "height 1"],
  [8, "horizon 0"],
  [8, "image LSN 0: no image"],
  [8, "patches 0"],
  [2, "length of the first key"],
  [2, "length of the last key"],
  [5, 'first key "apple"'],
  [7, 'last key "apricot"'],
];

const filterStart = 20480, footerStart = 28672;

const parts: readonly [title: string, offset: number, fields: Field[]][] = [
  ["header block", 0, headerFields],
  ["time of LSN 7", 4096, time(7, "2023-11-14T22:13:20.123Z")],
  ["batch at LSN 7", 4124, [
    ...record("1: put", "no flags", "apple", "red", 7),
    ...record("1: put", "flag 1: last of its batch", "apricot", "orange", 7),
  ]],
  ["pad of the first sync", 4185, pad(7, 4185, 3987, 0, 6)],
  ["time of LSN 8", 8192, time(8, "2023-11-14T22:13:21.000Z")],
  ["batch at LSN 8", 8220, record("2: delete", "flag 1: last of its batch", "apple", "", 8)],
  ["pad of the second sync", 8245, pad(8, 8245, 4023, 8192, 7)],
  ["index page 0, a leaf and the root", 12288, pageFields],
  ["filter page, page 1", filterStart, [
    [4, "crc32 of the rest of the page, seeded with file and page"],
    [1, "type 0xb2: filter page"],
  ]],
  ["footer block", footerStart, footerFields],
];

/** Describes the file: every field, and any part of the filter that is not all zeros. */
function describe(contents: Uint8Array): string {
  const lines = [
    "# A sealed segment of two batches. Bytes that are not shown are zeros.",
    `length ${contents.length}`,
  ];
  const shown = new Uint8Array(contents.length);
  const line = (at: number, length: number, words: string) => {
    shown.fill(1, at, at + length);
    const hex = contents.subarray(at, at + length).toHex();
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(32)}  ${words}`.trimEnd());
  };
  for (const [title, offset, fields] of parts) {
    lines.push("", `# ${title}`);
    let at = offset;
    for (const [length, words] of fields) {
      if (length > 0) line(at, length, words);
      at += length;
    }
    if (offset === filterStart) describeBits(contents, line);
  }
  const unseen = contents.findIndex((byte, at) => byte !== 0 && shown[at] === 0);
  assert(unseen < 0, `byte ${unseen} is not described`);
  return lines.join("\n") + "\n";
}

/** The blocks of the filter, of 64 bytes each, from byte 32 of the page on. */
function describeBits(
  contents: Uint8Array,
  line: (at: number, length: number, words: string) => void,
): void {
  for (let at = filterStart + 32, number = 0; number < 127; at += 64, number++) {
    for (let part = at; part < at + 64; part += 16) {
      const isUsed = contents.subarray(part, part + 16).some((byte) => byte !== 0);
      if (isUsed) line(part, 16, `block ${number}, from bit ${(part - at) * 8} on`);
    }
  }
}

/** Reads a dump back into the bytes of the file. */
function parse(text: string): Uint8Array<ArrayBuffer> {
  const length = /^length (\d+)$/m.exec(text)?.[1];
  const contents = new Uint8Array(Number(length));
  for (const [, offset, hex] of text.matchAll(/^([0-9a-f]{4,}) {2}([0-9a-f]+)/gm)) {
    contents.set(Uint8Array.fromHex(hex), parseInt(offset, 16));
  }
  return contents;
}

/** Writes the segment and seals it; the index, the filter and the footer go behind its values. */
async function writeSegment(): Promise<{ contents: Uint8Array<ArrayBuffer>; layer: LayerDescription }> {
  const t = new SegmentFixture(undefined, own);
  try {
    t.segment.mark(7, 1_700_000_000_123);
    t.append({ key: "apple", value: "red" }, { key: "apricot", value: "orange" });
    await t.sync(6);
    t.segment.mark(8, 1_700_000_001_000);
    t.append({ key: "apple", delete: true });
    await t.sync(7);
    const { sequence, generation, fileId, firstLsn } = own;
    const identity = { kind: "L0", sequence, generation, fileId, firstLsn, lastLsn: 8 } as const;
    const { turns } = t.objects.host;
    const layer = await writeLayer(memoryCursor(t.index), t.writer, identity, { turns });
    await t.writer.finish();
    return { contents: t.contents, layer };
  } finally {
    await t.abort();
  }
}

Deno.test("segments are written byte for byte as the dump says", async () => {
  const { contents } = await writeSegment();
  const described = describe(contents);
  if (Deno.args.includes("--update")) Deno.writeTextFileSync(dump, described);
  assertEquals(described, Deno.readTextFileSync(dump));
  assertEquals(parse(described), contents);
});

Deno.test("the log of the dump is read as what was written", async () => {
  const contents = parse(Deno.readTextFileSync(dump));
  const { header, batches, lastLsn, end, durableLsn, index, times } = await scan(contents, {
    header: own,
    previousLsn: own.previousLsn,
  });
  assertEquals(header, own);
  assertEquals([batches, lastLsn, end, durableLsn, index.versionCount], [2, 8, 12288, 7, 3]);
  assertEquals(times.upTo(8), {
    lsns: Float64Array.of(7, 8),
    seconds: Float64Array.of(1_700_000_001, 1_700_000_002),
  });
});

Deno.test("the layer of the dump is read as what was written", async () => {
  const contents = parse(Deno.readTextFileSync(dump));
  const { layer } = await writeSegment();
  const footer = contents.subarray(layer.byteLength - block);
  assertEquals(decodeFooter(footer), layer);
  const layout = layoutOf(layer, path);
  layout.checkFooter(footer);
  const pageAt = (page: number) => contents.subarray(layout.offsetOf(page), layout.offsetOf(page + 1));
  for (const page of [0, 1]) layout.checkPage(page, pageAt(page));
  const slots = Array.from({ length: pageCount(pageAt(0)) }, (_, i) => {
    const { key, lsn, offset, tagged } = readSlot(pageAt(0), i);
    return [new TextDecoder().decode(key), lsn, offset, tagged];
  });
  assertEquals(slots, [
    ["apple", 7, 4124, 28 * 4 + 1],
    ["apple", 8, 8220, 25 * 4 + 3],
    ["apricot", 7, 4152, 33 * 4 + 1],
  ]);
  const mayContain = (text: string) =>
    filterMayContain(pageAt(1), hashKey(new TextEncoder().encode(text), 0, text.length));
  assertEquals(["apple", "apricot", "plum", "fig"].map(mayContain), [true, true, false, false]);
});
