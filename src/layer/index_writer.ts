/**
 * Sealing a file: its sorted index, its bloom filter and its footer are appended behind its values.
 *
 * No value is read or copied. The work is cut into slices, so that the event loop has its turns while 450,000 keys
 * are sorted.
 *
 * @module
 */

import { assert, blockBytes, crc32, Pacer, pageBytes } from "../base/mod.ts";
import { BloomBuilder } from "./bloom_filter.ts";
import { encodeFooter, type FileFooter } from "./file_format.ts";
import type { KeyArena } from "./key_sort.ts";
import { GatheredKeys, isTaggedTombstone, type MemoryIndex, untaggedLength } from "./memory_index.ts";
import { PageBuilder } from "./page_builder.ts";
import { fileSeed, pageSeed, terminalFlag, tombstoneFlag } from "./page_format.ts";

/** Where a sealed file is appended to; a double-buffered writer is one. */
export interface TailSink {
  /** The offset after the last byte. */
  readonly position: number;
  /** Appends a copy of `bytes`. */
  append(bytes: Uint8Array): number;
  /** Resolves when more may be appended; `undefined` if so now. */
  room(): Promise<void> | undefined;
}

/** What the footer says beside what the index knows. */
export interface SealedValues {
  /** The file. */
  fileId: bigint;
  /** The LSN of the first batch. */
  firstLsn: number;
  /** The LSN of the last batch. */
  lastLsn: number;
  /** The checksum of the values area. */
  valuesCrc: number;
}

/**
 * Appends index, bloom filter and footer. Nothing may be inserted into the index meanwhile.
 *
 * @param sink The file, at the aligned end of its values.
 * @param index Where its records lie.
 * @param values What the footer says of the values.
 * @returns The footer.
 */
export async function appendIndex(
  sink: TailSink,
  index: MemoryIndex,
  values: SealedValues,
): Promise<FileFooter> {
  const valuesEnd = sink.position;
  assert(valuesEnd % blockBytes === 0, "F1: the index starts at an aligned offset");
  const writer = new IndexWriter(sink, index, values.fileId);
  const sorted = await writer.sort();
  const indexCrc = await writer.writeTree(sorted);
  const bloomStart = sink.position;
  const bloomCrc = await writer.writeBloom();
  const footer: FileFooter = {
    ...values,
    valuesEnd,
    bloomStart,
    versions: index.versionCount,
    tombstones: index.tombstoneCount,
    keys: index.keyCount,
    indexPages: writer.indexPages,
    leafPages: writer.leafPages,
    height: writer.height,
    bloomPages: (sink.position - bloomStart) / pageBytes,
    indexCrc,
    bloomCrc,
    firstKey: sorted.length === 0 ? new Uint8Array(0) : index.keyOf(sorted[0]).slice(),
    lastKey: sorted.length === 0 ? new Uint8Array(0) : index.keyOf(sorted[sorted.length - 1]).slice(),
  };
  sink.append(encodeFooter(footer));
  return footer;
}

/** Keys that are gathered at once; what is gathered of them fits the first-level cache or nearly so. */
const gatherKeys = 512;

/** The length of a record as a leaf has it: times four, with flags. */
function leafLength(tagged: number): number {
  const flags = isTaggedTombstone(tagged) ? terminalFlag | tombstoneFlag : terminalFlag;
  return untaggedLength(tagged) * 4 + flags;
}

/** The pages of one level: the first entry of each, which stands in the level above. */
interface Level {
  readonly firstPage: number;
  readonly keys: number[];
  readonly lsns: number[];
}

class IndexWriter {
  readonly #sink: TailSink;
  readonly #index: MemoryIndex;
  readonly #arena: KeyArena;
  readonly #seed: number;
  readonly #pacer = new Pacer(1);
  readonly #page = new Uint8Array(pageBytes);
  readonly #bloom: BloomBuilder;
  #crc = 0;
  indexPages = 0;
  leafPages = 0;
  height = 0;

  constructor(sink: TailSink, index: MemoryIndex, fileId: bigint) {
    this.#sink = sink;
    this.#index = index;
    this.#arena = index.arena;
    this.#seed = fileSeed(fileId);
    this.#bloom = new BloomBuilder(index.keyCount);
  }

  async sort(): Promise<Uint32Array> {
    const steps = this.#index.sortSteps();
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      if (this.#pacer.due()) await this.#pacer.turn();
    }
  }

  async writeTree(sorted: Uint32Array): Promise<number> {
    if (sorted.length === 0) return 0;
    let level = await this.#writeLeaves(sorted);
    this.leafPages = this.indexPages;
    this.height = 1;
    while (level.keys.length > 1) {
      level = await this.#writeParents(level, this.height);
      this.height++;
    }
    return this.#crc;
  }

  async #writeLeaves(sorted: Uint32Array): Promise<Level> {
    const level: Level = { firstPage: 0, keys: [], lsns: [] };
    const builder = new PageBuilder(0);
    const gathered = new GatheredKeys(gatherKeys);
    for (let from = 0; from < sorted.length; from += gatherKeys) {
      const count = this.#index.gather(sorted, from, gathered);
      for (let i = 0; i < count; i++) this.#bloom.add(gathered.hash[i]);
      for (let i = 0; i < count; i++) this.#addKey(builder, sorted[from + i], gathered, i, level);
      await this.#breathe();
    }
    this.#finishPage(builder);
    return level;
  }

  /** Adds the versions of a key, oldest first. */
  #addKey(builder: PageBuilder, key: number, gathered: GatheredKeys, i: number, level: Level): void {
    if (gathered.previous[i] >= 0) this.#addOlder(builder, key, gathered.previous[i], level);
    const tagged = leafLength(gathered.tagged[i]);
    const { start, length, lsn, offset } = gathered;
    this.#addEntry(builder, key, start[i], length[i], lsn[i], offset[i], tagged, level);
  }

  #addOlder(builder: PageBuilder, key: number, newest: number, level: Level): void {
    const index = this.#index;
    const { keys, stride, start, length } = this.#arena;
    const chain: number[] = [];
    for (let entry = newest; entry >= 0; entry = index.previous(entry)) chain.push(entry);
    for (let i = chain.length - 1; i >= 0; i--) {
      const entry = chain[i];
      const tagged = leafLength(index.taggedLengthOf(entry));
      const keyStart = keys[key * stride + start], keyLength = keys[key * stride + length];
      this.#addEntry(
        builder,
        key,
        keyStart,
        keyLength,
        index.lsnOf(entry),
        index.offsetOf(entry),
        tagged,
        level,
      );
    }
  }

  #addEntry(
    builder: PageBuilder,
    key: number,
    start: number,
    length: number,
    lsn: number,
    offset: number,
    tagged: number,
    level: Level,
  ): void {
    const { bytes } = this.#arena;
    if (!builder.add(bytes, start, length, lsn, offset, tagged)) {
      this.#finishPage(builder);
      builder.add(bytes, start, length, lsn, offset, tagged);
    }
    if (builder.count > 1) return;
    level.keys.push(key);
    level.lsns.push(lsn);
  }

  async #writeParents(below: Level, height: number): Promise<Level> {
    const level: Level = { firstPage: this.indexPages, keys: [], lsns: [] };
    const builder = new PageBuilder(height);
    const { keys, stride, start, length } = this.#arena;
    for (let i = 0; i < below.keys.length; i++) {
      const key = below.keys[i];
      const keyStart = keys[key * stride + start], keyLength = keys[key * stride + length];
      this.#addEntry(builder, key, keyStart, keyLength, below.lsns[i], below.firstPage + i, 0, level);
      if ((i & 1023) === 1023) await this.#breathe();
    }
    this.#finishPage(builder);
    return level;
  }

  #finishPage(builder: PageBuilder): void {
    builder.finish(this.#page, pageSeed(this.#seed, this.indexPages));
    this.#crc = crc32(this.#page, this.#crc);
    this.#sink.append(this.#page);
    this.indexPages++;
  }

  async writeBloom(): Promise<number> {
    let crc = 0;
    for (let page = 0; page < this.#bloom.pages; page++) {
      const bytes = this.#bloom.finish(page, pageSeed(this.#seed, this.indexPages + page));
      crc = crc32(bytes, crc);
      this.#sink.append(bytes);
      await this.#breathe();
    }
    return crc;
  }

  async #breathe(): Promise<void> {
    const room = this.#sink.room();
    if (room !== undefined) await room;
    if (this.#pacer.due()) await this.#pacer.turn();
  }
}
