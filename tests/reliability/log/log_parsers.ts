/**
 * The parsers of what is a log's own: the index of a segment, and whole logs with one part that lies and checks. Such a lie
 * costs bounded time and memory, ends in no error but a typed one, and no record is given out that its offset never had.
 */

import { equals } from "@std/bytes";
import { CorruptionError, type Log, VarveError } from "../../../log.ts";
import { crc32 } from "../../../src/base/mod.ts";
import { decodeHeader, fileSeed, getLong } from "../../../src/layer/mod.ts";
import { decodeIndex, encodeIndex, type IndexedSegment } from "../../../src/log/index/index_format.ts";
import { lyingSegment } from "../corrupt/block_parsers.ts";
import { block } from "../corrupt/golden.ts";
import { lyingManifest } from "../corrupt/manifest_parsers.ts";
import { type Bytes, type Parser, promise } from "../corrupt/parser.ts";
import { RecyclingEngine } from "../recycling_engine.ts";
import { type GoldenLog, openLogOn } from "./golden_log.ts";

/** All of them, fed with what stands in a log. */
export function logParsers(golden: GoldenLog): Parser[] {
  const indexes = indexesOf(golden);
  const manifests = lyingManifest("log", golden.disk, (path, bytes) => readLog(golden, path, bytes));
  return [indexParser(indexes), lyingIndex(golden, indexes), manifests, segmentParser(golden)];
}

/** An index, and where it stands. */
interface StoredIndex {
  readonly path: string;
  readonly segment: IndexedSegment;
  readonly bytes: Bytes;
}

/** The indexes of sealed segments: the last block of each. */
function indexesOf({ disk, sealed }: GoldenLog): StoredIndex[] {
  return [...sealed].map((path) => {
    const file = disk.contents(path), bytes = file.slice(-block), view = new DataView(bytes.buffer);
    const { fileId, sequence, firstLsn } = decodeHeader(file.subarray(0, block))!;
    const segment = { fileId, sequence, firstLsn, lastLsn: getLong(view, 40), valuesEnd: getLong(view, 48) };
    promise(decodeIndex(bytes, segment) !== undefined, "the corpus is taken");
    return { path, segment, bytes };
  });
}

function repairIndex(bytes: Bytes, fileId: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, (crc32(bytes.subarray(4)) ^ fileSeed(fileId)) >>> 0, true);
}

function indexParser(indexes: readonly StoredIndex[]): Parser {
  const [{ segment }] = indexes;
  return {
    name: "index of a log",
    corpus: [indexes[0].bytes, ...indexes.map(({ bytes }) => bytes)],
    refusals: [],
    byteLength: block,
    repair: (bytes) => repairIndex(bytes, segment.fileId),
    parse: (bytes) => {
      const found = decodeIndex(bytes, segment);
      if (found === undefined) return false;
      const { places, times } = found, { firstLsn, lastLsn, valuesEnd } = segment;
      for (let lsn = firstLsn; lsn <= lastLsn; lsn++) {
        const place = places.placeOf(lsn) ?? block;
        promise(place >= block && place < valuesEnd, "a place in the segment");
      }
      promise(times.lsns.every((lsn) => Number.isSafeInteger(lsn) && lsn <= lastLsn), "times of its records");
      const again = decodeIndex(encodeIndex(segment, found), segment);
      promise(Deno.inspect(again?.times) === Deno.inspect(times), "times are written and read alike");
      promise(Deno.inspect(again?.places.noted) === Deno.inspect(places.noted), "so are places");
      return true;
    },
  };
}

/** Reads a log in every way, with something else in the place of a file. */
async function readLog(golden: GoldenLog, path: string, bytes: Uint8Array, isExact = true): Promise<boolean> {
  const { disk } = golden, before = disk.contents(path);
  disk.put(path, bytes);
  try {
    await using engine = new RecyclingEngine({ disk });
    await using log = await openLogOn(disk, { readOnly: true }, engine);
    const { firstOffset: first, nextOffset: next } = log;
    promise(next - first <= golden.records.length, "no more records than there were");
    let errors = 0;
    for (const from of [first, Math.floor((first + next) / 2), Math.max(first, next - 1)]) {
      errors += await readFrom(log, golden, from, isExact);
    }
    for (const time of [0, golden.records[golden.records.length >> 1].time, 10 ** 14]) {
      const found = await log.offsetAt(new Date(time)).catch(countDamage);
      if (found === undefined) errors++;
      else promise(found >= first && found <= next, "a date leads into the log");
    }
    return errors === 0;
  } finally {
    disk.put(path, before);
  }
}

/** Reads to the end; returns how often damage was met. */
async function readFrom(log: Log, { records }: GoldenLog, from: number, isExact: boolean): Promise<number> {
  let due = from;
  try {
    for await (const { offset, payload } of log.readable({ from })) {
      promise(offset === due++, "records come in order");
      const isOne = !isExact || records[offset] !== undefined && equals(payload, records[offset].payload);
      promise(isOne, `offset ${offset} never had the record that it is given`);
    }
    promise(due === log.nextOffset, "a read goes to its end");
    return 0;
  } catch (error) {
    countDamage(error);
    return 1;
  }
}

function countDamage(error: unknown): undefined {
  if (!(error instanceof CorruptionError)) throw error;
}

/** The index of a sealed segment. */
function lyingIndex(golden: GoldenLog, indexes: readonly StoredIndex[]): Parser {
  return {
    name: "log with an index that lies",
    corpus: indexes.map(({ bytes }) => bytes),
    byteLength: block,
    refusals: [],
    parse: async (bytes, random) => {
      const { path, segment } = random.pick(indexes), file = golden.disk.contents(path);
      repairIndex(bytes, segment.fileId);
      file.set(bytes, file.length - block);
      return await readLog(golden, path, file) && decodeIndex(bytes, segment) !== undefined;
    },
  };
}

/** The segment that is not sealed, with other records. */
function segmentParser(golden: GoldenLog): Parser {
  const path = golden.disk.paths().filter((name) => name.endsWith(".seg")).at(-1)!;
  const file = golden.disk.contents(path);
  return {
    name: "log with a segment that lies",
    corpus: [file.slice(block, 6 * block)],
    refusals: [VarveError],
    parse: async (bytes) => {
      // Whatever checks there is a record of its offset.
      return await readLog(golden, path, lyingSegment(file, bytes), false);
    },
  };
}
