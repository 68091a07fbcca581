/**
 * The format on disk, proven by an annotated dump: `tests/data/segment.txt` is all of a small sealed segment.
 * Run with `-- --update` to write it anew after the format was changed on purpose.
 */

import { assert, assertEquals } from "@std/assert";
import {
  bloomMayContain,
  decodeFooter,
  entryKey,
  entryLsn,
  entryOffset,
  entryTaggedLength,
  hashKey,
  pageCount,
  SealedFile,
} from "../../src/layer/mod.ts";
import { header, scan, SegmentFixture } from "./segment_fixture.ts";

const dump = new URL("../data/segment.txt", import.meta.url);

/** A few bytes of the file, and what they are. */
type Field = readonly [length: number, words: string];

const headerFields: Field[] = [
  [4, "crc32 of the rest of the block"],
  [8, "VARVEHD1"],
  [2, "version 1"],
  [2, "kind 1: segment"],
  [16, "store id"],
  [8, "timeline id"],
  [8, "file id"],
  [8, "sequence 1"],
  [8, "first LSN 1"],
  [8, "previous end: none"],
  [8, "previous sequence: none"],
  [8, "previous LSN: none"],
];

function record(kind: string, flags: string, key: string, value: string, lsn: number): Field[] {
  return [
    [4, "crc32 of the rest of the record"],
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

function pad(lsn: number, durable: number, durableLsn: number): Field[] {
  return [
    [4, "crc32 of the rest of the record"],
    [1, "kind 4: pad"],
    [1, "no flags"],
    [2, "key length 0"],
    [4, "value length: up to the next block"],
    [4, `LSN ${lsn}, low`],
    [4, "LSN, high"],
    [8, "file id"],
    [8, `durable before it: ${durable} bytes`],
    [8, `durable before it: LSN ${durableLsn}`],
  ];
}

const pageFields: Field[] = [
  [4, "crc32 of the rest of the page, seeded with file and page"],
  [1, "type 0xb1: index page"],
  [1, "level 0: leaf"],
  [2, "3 entries"],
  [2, "prefix length 0"],
  [1, "LSNs take 1 byte"],
  [1, "offsets take 2 bytes"],
  [1, "lengths take 1 byte"],
  [3, "zeros"],
  [7, "LSN base 1"],
  [1, "zero"],
  [8, "starts of 3 keys, and the end of the last"],
  [3, "LSNs above the base: 0, 1, 0"],
  [6, "offsets of records"],
  [3, "lengths times 4, plus 1 terminal, plus 2 tombstone"],
  [5, '"apple" at LSN 1'],
  [5, '"apple" at LSN 2'],
  [4, '"pear" at LSN 1'],
];

const footerFields: Field[] = [
  [4, "crc32 of the rest of the block"],
  [8, "VARVEFT1"],
  [2, "version 1"],
  [2, "kind 1: segment"],
  [8, "file id"],
  [8, "values end, index starts"],
  [8, "bloom filter starts"],
  [8, "first LSN 1"],
  [8, "last LSN 2"],
  [4, "3 versions"],
  [4, "1 tombstone"],
  [4, "2 keys"],
  [4, "1 index page"],
  [4, "1 leaf page"],
  [4, "height 1"],
  [4, "1 bloom page"],
  [4, "crc32 of the values area"],
  [4, "crc32 of the index"],
  [4, "crc32 of the bloom filter"],
  [4, "length of the first key"],
  [4, "length of the last key"],
  [5, 'first key "apple"'],
  [4, 'last key "pear"'],
];

const parts: readonly [title: string, offset: number, fields: Field[]][] = [
  ["header block", 0, headerFields],
  ["batch at LSN 1", 4096, [
    ...record("1: put", "no flags", "apple", "red", 1),
    ...record("1: put", "flag 1: last of its batch", "pear", "green", 1),
  ]],
  ["pad of the first sync", 4153, pad(1, 0, 0)],
  ["batch at LSN 2", 8192, record("2: delete", "flag 1: last of its batch", "apple", "", 2)],
  ["pad of the second sync", 8217, pad(2, 8192, 0)],
  ["index page", 12288, pageFields],
  ["bloom filter page", 20480, [
    [4, "crc32 of the rest of the page, seeded with file and page"],
    [1, "type 0xb2: bloom filter page"],
  ]],
  ["footer block", 28672, footerFields],
];

/** Describes the file: every field, and any other line of 32 bytes that are not all zeros. */
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
    if (title.startsWith("bloom")) describeBits(contents, at, line);
  }
  const unseen = contents.findIndex((byte, at) => byte !== 0 && shown[at] === 0);
  assert(unseen < 0, `byte ${unseen} is not described`);
  return lines.join("\n") + "\n";
}

function describeBits(
  contents: Uint8Array,
  from: number,
  line: (at: number, length: number, words: string) => void,
): void {
  for (let at = Math.ceil(from / 16) * 16; at < 28672; at += 16) {
    if (contents.subarray(at, at + 16).some((byte) => byte !== 0)) line(at, 16, "bits of keys");
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

async function writeSegment(): Promise<Uint8Array<ArrayBuffer>> {
  const t = new SegmentFixture();
  t.append({ key: "apple", value: "red" }, { key: "pear", value: "green" });
  await t.sync();
  t.append({ key: "apple", delete: true });
  await t.sync();
  await t.writer.seal(t.index, (error) => Promise.reject(error));
  return t.contents;
}

Deno.test("segments are written byte for byte as the dump says", async () => {
  const contents = await writeSegment();
  const described = describe(contents);
  if (Deno.args.includes("--update")) Deno.writeTextFileSync(dump, described);
  assertEquals(described, Deno.readTextFileSync(dump));
  assertEquals(parse(described), contents);
});

Deno.test("the bytes of the dump are read as what was written", async () => {
  const contents = parse(Deno.readTextFileSync(dump));
  const scanned = await scan(contents);
  assertEquals([scanned.header, scanned.end, scanned.batches, scanned.lastLsn], [header, 12288, 2, 2]);
  const file = new SealedFile({ path: "/dump", fileId: header.fileId, byteLength: contents.length });
  file.acceptFooter(contents.subarray(file.footerOffset));
  assertEquals(decodeFooter(contents.subarray(file.footerOffset))?.valuesCrc, scanned.valuesCrc);
  const page = contents.subarray(file.pageOffset(0), file.pageOffset(1));
  file.checkPage(0, page);
  const entries = Array.from({ length: pageCount(page) }, (_, i) => [
    new TextDecoder().decode(entryKey(page, i)),
    entryLsn(page, i),
    entryOffset(page, i),
    entryTaggedLength(page, i),
  ]);
  assertEquals(entries, [["apple", 1, 4096, 28 * 4 + 1], ["apple", 2, 8192, 25 * 4 + 3], [
    "pear",
    1,
    4124,
    29 * 4 + 1,
  ]]);
  const bloom = contents.subarray(file.pageOffset(1), file.pageOffset(2));
  file.checkPage(1, bloom);
  const mayContain = (text: string) =>
    bloomMayContain(bloom, hashKey(new TextEncoder().encode(text), 0, text.length));
  assertEquals(["apple", "pear", "plum", "fig"].map(mayContain), [true, true, false, false]);
});
