/** The parsers of data files: headers, footers, records, pages, and the scan of a segment. */

import { equals } from "@std/bytes";
import { CorruptionError, crc32, maxKeyBytes, maxValueBytes, pageBytes } from "../../../src/base/mod.ts";
import { systemHost } from "../../../src/io/mod.ts";
import { filterMayContain } from "../../../src/layer/formats/bloom_filter.ts";
import {
  isPageIntact,
  isSoundIndexPage,
  pageCount,
  PageType,
  searchPage,
  slotKeyEquals,
  stampPage,
} from "../../../src/layer/formats/page_format.ts";
import {
  checkRecord,
  decodeFooter,
  decodeHeader,
  decodePad,
  descriptionFault,
  encodeFooter,
  encodeHeader,
  encodePad,
  type FileHeader,
  fileSeed,
  lsnHigh,
  lsnLow,
  padBytes,
  readHeader,
  readRecordHeader,
  recordHeaderBytes,
  RecordKind,
  recordLengthAt,
  stampRecord,
  StoredLayer,
  VersionBlock,
  writeRecordHeader,
} from "../../../src/layer/mod.ts";
import { loadLeaf } from "../../../src/layer/tree/load_leaf.ts";
import { objectId } from "../../../src/objects/mod.ts";
import { StoredObject } from "../../../src/objects/stored_object.ts";
import { scanSegment } from "../../../src/segment/mod.ts";
import { block, type Golden } from "./golden.ts";
import { type Bytes, type Parser, promise } from "./parser.ts";

const pageSum = 0x5eed, recordSeed = 0x5eed_5eed;
const path = "/fuzz/segment";

/** All parsers of data files, fed with those of a store. */
export function blockParsers({ disk }: Golden): Parser[] {
  const files = disk.paths().filter((name) => name.endsWith(".seg")).map((name) => disk.contents(name));
  const sealed = files.filter((bytes) => decodeFooter(bytes.subarray(-block)) !== undefined);
  const pages = sealed.flatMap(pagesOf);
  return [
    headerParser(files.map((bytes) => bytes.slice(0, block))),
    footerParser(sealed.map((bytes) => bytes.slice(-block))),
    recordParser(files.map((bytes) => bytes.slice(block, 2 * block))),
    indexParser(pages.filter((page) => page[4] === PageType.INDEX), sealed),
    filterParser(pages.filter((page) => page[4] === PageType.FILTER)),
    segmentParser(files.map((bytes) => bytes.slice(0, 5 * block))),
  ];
}

function pagesOf(bytes: Uint8Array): Uint8Array[] {
  const { valuesEnd, indexPages, filterPages } = decodeFooter(bytes.subarray(-block))!;
  return Array.from({ length: indexPages + filterPages }, (_, i) => {
    return bytes.slice(valuesEnd + i * pageBytes, valuesEnd + (i + 1) * pageBytes);
  });
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function repairBlock(bytes: Bytes): void {
  if (bytes.length >= block) viewOf(bytes).setUint32(0, crc32(bytes.subarray(4, block)), true);
}

/** Whether two arrays begin alike, zeros at the end of the second one apart. */
function beginsAs(bytes: Uint8Array, encoded: Uint8Array): boolean {
  const end = encoded.findLastIndex((byte, at) => byte !== 0 && at >= 4) + 1;
  return equals(bytes.subarray(4, end), encoded.subarray(4, end));
}

function headerParser(corpus: Uint8Array[]): Parser {
  const [first] = corpus.map((bytes) => decodeHeader(bytes)!);
  return {
    name: "header of a data file",
    corpus,
    refusals: [CorruptionError],
    byteLength: block,
    repair: repairBlock,
    parse: (bytes) => {
      const header = decodeHeader(bytes);
      if (header !== undefined) {
        promise(
          Object.values(header).every((each) => typeof each !== "number" || Number.isSafeInteger(each)),
          "numbers",
        );
        promise(beginsAs(bytes, encodeHeader(header)), "what is read is written alike");
      }
      const owned = readHeader(bytes, first, path);
      promise(owned === undefined || owned.fileId === first.fileId, "a header of this file");
      return header !== undefined;
    },
  };
}

function footerParser(corpus: Uint8Array[]): Parser {
  return {
    name: "footer",
    corpus,
    refusals: [],
    byteLength: block,
    repair: repairBlock,
    parse: (bytes) => {
      const layer = decodeFooter(bytes);
      if (layer === undefined) return false;
      promise(descriptionFault(layer) === undefined, "what is read agrees with itself");
      promise(beginsAs(bytes, encodeFooter(layer)), "what is read is written alike");
      return true;
    },
  };
}

function repairRecord(bytes: Bytes): void {
  if (bytes.length >= recordHeaderBytes) repairRecordAt(bytes, 0, recordSeed);
}

/** Makes the checksum of a record right; returns where it ends, if it is whole. */
function repairRecordAt(bytes: Bytes, at: number, seed: number): number | undefined {
  const view = viewOf(bytes), end = at + recordLengthAt(view, at);
  if (end <= bytes.length) view.setUint32(at, crc32(bytes.subarray(at + 4, end)) ^ seed, true);
  return end <= bytes.length ? end : undefined;
}

function recordParser(corpus: Uint8Array[]): Parser {
  return {
    name: "record",
    corpus,
    refusals: [],
    repair: repairRecord,
    parse: (bytes) => {
      if (bytes.length < recordHeaderBytes) return false;
      const view = viewOf(bytes), header = readRecordHeader(view, 0);
      if (header === undefined) return false;
      const { kind, flags, keyLength, valueLength, lsn } = header;
      promise(
        keyLength <= maxKeyBytes && valueLength <= maxValueBytes && Number.isSafeInteger(lsn),
        "limits",
      );
      const length = recordHeaderBytes + keyLength + valueLength;
      if (length > bytes.length || !checkRecord(bytes, view, 0, length, recordSeed)) return false;
      const again = bytes.slice(0, length), written = viewOf(again);
      again.fill(0, 0, recordHeaderBytes);
      writeRecordHeader(written, 0, kind, keyLength, valueLength);
      stampRecord(again, written, 0, length, lsnLow(lsn), lsnHigh(lsn), flags, recordSeed);
      promise(equals(again, bytes.subarray(0, length)), "what is read is written alike");
      if (kind === RecordKind.PAD) checkPad(bytes.subarray(0, length), lsn);
      return true;
    },
  };
}

function checkPad(bytes: Uint8Array, lsn: number): void {
  const pad = decodePad(viewOf(bytes), 0), numbers = Object.values(pad);
  promise(numbers.every((each) => Number.isNaN(each) || Number.isSafeInteger(each) && each >= 0), "numbers");
  if (numbers.some(Number.isNaN)) return;
  const again = encodePad(bytes.length, lsn, pad);
  promise(equals(again.subarray(8, padBytes), bytes.subarray(8, padBytes)), "what is read is written alike");
}

function repairPage(bytes: Bytes): void {
  if (bytes.length >= pageBytes) stampPage(bytes, pageSum);
}

/** A leaf is searched and loaded, whatever its slots say. */
function indexParser(corpus: Uint8Array[], sealed: readonly Uint8Array[]): Parser {
  const description = decodeFooter(sealed[0].subarray(-block))!;
  const id = objectId({ timeline: 1, firstLsn: 1, sequence: 1, generation: 1, kind: "seg" });
  const layer = new StoredLayer(description, new StoredObject("/fuzz", id, 0));
  const rows = new VersionBlock();
  return {
    name: "index page",
    corpus,
    refusals: [CorruptionError],
    byteLength: pageBytes,
    repair: repairPage,
    parse: (bytes, random) => {
      if (!isPageIntact(bytes, pageSum, PageType.INDEX)) return false;
      if (!isSoundIndexPage(bytes)) return false;
      const key = random.once(2) ? description.firstKey : random.bytes(random.from(1, 20)),
        count = pageCount(bytes);
      const slot = searchPage(bytes, key, random.long());
      promise(slot >= -1 && slot < count, `slot ${slot} of ${count}`);
      if (slot >= 0) slotKeyEquals(bytes, slot, key);
      loadLeaf(rows, layer, 0, bytes, random.once(2));
      promise(rows.count === count, "a row for each slot");
      checkRows(rows);
      return true;
    },
  };
}

function checkRows({ count, bytes, keyStart, keyLength, lsn, offset, length }: VersionBlock): void {
  promise(bytes.length <= 16 * 1024 * 1024, `${bytes.length} bytes of keys`);
  for (let row = 0; row < count; row++) {
    const isInside = keyLength[row] >= 1 && keyLength[row] <= maxKeyBytes && keyStart[row] >= 0 &&
      keyStart[row] + keyLength[row] <= bytes.length;
    promise(isInside, "a key lies in the block");
    promise(Number.isSafeInteger(lsn[row]) && Number.isSafeInteger(offset[row] + length[row]), "numbers");
  }
}

function filterParser(corpus: Uint8Array[]): Parser {
  return {
    name: "filter page",
    corpus,
    refusals: [],
    byteLength: pageBytes,
    repair: repairPage,
    parse: (bytes, random) => {
      if (!isPageIntact(bytes, pageSum, PageType.FILTER)) return false;
      promise(typeof filterMayContain(bytes, random.word()) === "boolean", "an answer");
      return true;
    },
  };
}

/** Makes the checksums of a segment right, from its header on. */
export function repairSegment(bytes: Bytes): void {
  repairBlock(bytes);
  const header = bytes.length < block ? undefined : decodeHeader(bytes.subarray(0, block));
  const seed = fileSeed(header?.fileId ?? 0);
  for (let at: number | undefined = block; at !== undefined && at + recordHeaderBytes <= bytes.length;) {
    at = repairRecordAt(bytes, at, seed);
  }
}

/** A segment with other bytes behind its header, whose checksums are right. */
export function lyingSegment(file: Bytes, bytes: Bytes): Bytes {
  const lying: Bytes = new Uint8Array(block + bytes.length);
  lying.set(file.subarray(0, block));
  lying.set(bytes, block);
  repairSegment(lying);
  return lying;
}

/** Cuts bytes into pieces, as a file is read. */
async function* pieces(bytes: Bytes, from: number, to: number, size: number): AsyncGenerator<Bytes> {
  for (let at = from; at < Math.min(to, bytes.length); at += size) {
    yield bytes.slice(at, Math.min(at + size, to, bytes.length));
    await Promise.resolve();
  }
}

function segmentParser(corpus: Uint8Array[]): Parser {
  const headers = corpus.map((bytes) => decodeHeader(bytes.subarray(0, block))!);
  const host = systemHost({} as Parameters<typeof systemHost>[0]);
  const id = objectId({ timeline: 1, firstLsn: 1, sequence: 1, generation: 1, kind: "seg" });
  const object = new StoredObject("/fuzz", id, 0);
  const scan = (bytes: Bytes, size: number, header: FileHeader) => {
    const { previousLsn, previousSequence: _, ...identity } = header;
    return scanSegment(
      {
        host,
        extent: () => Promise.resolve({ byteLength: bytes.length, nextData: (at) => Promise.resolve(at) }),
        stream: (_object, { start, end = bytes.length }) => pieces(bytes, start, end, size),
      },
      object,
      { header: identity, previousLsn },
    );
  };
  return {
    name: "segment",
    corpus,
    refusals: [CorruptionError],
    repair: repairSegment,
    parse: async (bytes, random) => {
      const fileId = bytes.length < 48 ? 0 : Number(viewOf(bytes).getBigUint64(40, true));
      const header = headers.find((each) => each.fileId === fileId) ?? headers[0];
      const scanned = await scan(bytes, 1 << 20, header),
        { end, index, lastLsn, batches, durableLsn } = scanned;
      promise(end <= bytes.length, `an end at ${end} of ${bytes.length}`);
      promise((lastLsn === undefined) === (batches === 0), "an LSN for each batch");
      promise(index.versionCount <= bytes.length / recordHeaderBytes, `${index.versionCount} versions`);
      const again = await scan(bytes, random.pick([1, 8]) * block, header);
      const found = [again.end, again.lastLsn, again.batches, again.durableLsn, again.proof?.offset];
      const expected = [end, lastLsn, batches, durableLsn, scanned.proof?.offset];
      promise(found.every((each, i) => Object.is(each, expected[i])), "however much is read at once");
      return batches > 0;
    },
  };
}
