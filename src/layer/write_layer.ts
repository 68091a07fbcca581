/**
 * Writing a layer behind its values: the leaves of its index, the levels above them, its filter and its footer.
 *
 * ```
 *   values area │ leaf 0 │ leaf 1 │ … │ parents … │ root │ filter pages │ footer
 * ```
 *
 * Nothing of the values is read or copied. The work is cut into slices, so that the event loop has its turns while
 * 600,000 keys are written.
 *
 * @module
 */

import { assert, blockBytes, type Turns } from "../base/mod.ts";
import { dropMemory } from "../io/mod.ts";
import { filterBitsPerKey, FilterBuilder } from "./formats/bloom_filter.ts";
import { encodeFooter } from "./formats/file_format.ts";
import { hashKey } from "./formats/key_hash.ts";
import { fileSeed } from "./formats/file_seed.ts";
import { pageSeed, terminalFlag, tombstoneFlag } from "./formats/page_format.ts";
import { layerByteLength, type LayerDescription } from "./layer_description.ts";
import { compareViews } from "./spans.ts";
import { RunBuilder } from "./tree/run_builder.ts";
import { TreeWriter } from "./tree/tree_writer.ts";
import {
  compareRowKey,
  noPages,
  type PageSource,
  rowKey,
  type VersionBlock,
  type VersionCursor,
} from "./version_cursor.ts";

/** Where a layer is appended to; an `ObjectWriter` is one. */
export interface LayerSink {
  /** The offset after the last byte. */
  readonly position: number;
  /** Appends a copy of `bytes`. */
  append(bytes: Uint8Array): number;
  /** Resolves when more may be appended; `undefined` if so now. */
  room(): Promise<void> | undefined;
}

/** What a layer is beside what its versions say. */
export type LayerIdentity =
  & Pick<
    LayerDescription,
    "kind" | "sequence" | "generation" | "fileId" | "firstLsn" | "lastLsn"
  >
  & Partial<Pick<LayerDescription, "horizon" | "imageLsn">>;

/** How a layer is written. */
export interface WriteLayerOptions {
  /** When the event loop gets its turns. */
  turns: Turns;
  /** Where the cursor finds its pages; left out, it needs none. */
  pages?: PageSource | undefined;
}

/**
 * Appends index, filter and footer behind values that stand already.
 *
 * @param cursor Every version of the layer, in order and each once; `sortIndex` sorts an index in slices before.
 * @param sink The object, at the aligned end of its values.
 * @param identity What the layer is.
 * @param options When to pause, and where pages come from.
 * @returns What the footer says; the object ends with it.
 */
export async function writeLayer(
  cursor: VersionCursor,
  sink: LayerSink,
  identity: LayerIdentity,
  { turns, pages = noPages }: WriteLayerOptions,
): Promise<LayerDescription> {
  const valuesEnd = sink.position;
  const builder = new LayerBuilder(identity.fileId, (page) => sink.append(page));
  for (;;) {
    while (!cursor.settle(pages)) await pages.fetch();
    if (cursor.ended) break;
    const { block, at, end } = cursor;
    builder.add(block, at, end);
    cursor.step(end - at);
    const room = sink.room();
    if (room !== undefined) await room;
    if (turns.due()) await turns.turn();
  }
  return await builder.finish(sink, identity, valuesEnd, turns);
}

/** The index, the filter and the footer of a layer, while its versions come one behind the other. */
export class LayerBuilder {
  readonly #tally = new Tally();
  readonly #tree: TreeWriter;
  readonly #runs: RunBuilder;
  readonly #seed: number;
  readonly #filterBits: number;

  /**
   * Starts without a version.
   *
   * @param fileId The file's id, which seeds the checksums of pages.
   * @param append Takes a leaf, which it must not keep: the first pages behind the values, in order.
   * @param filterBits Bits of the filter for each key, 0 for no filter. @default {filterBitsPerKey}
   */
  constructor(fileId: number, append: (page: Uint8Array) => void, filterBits: number = filterBitsPerKey) {
    const tree = this.#tree = new TreeWriter(fileId, append);
    this.#runs = new RunBuilder((slots, from, to) => tree.add(slots, from, to));
    this.#seed = fileSeed(fileId);
    this.#filterBits = filterBits;
  }

  /** How many versions there are. */
  get versions(): number {
    return this.#tally.counts.versions;
  }

  /** Adds rows `[from, to)`, which stand after those before them: each gets a slot. */
  add(block: VersionBlock, from: number, to: number): void {
    this.#tally.add(block, from, to);
    this.#tree.add(block, from, to);
  }

  /**
   * Adds rows `[from, to)` whose records lie one behind the other, in order: each run of them gets a slot.
   *
   * @param records Their records, among others.
   * @param base Where `records` starts in the file.
   */
  addRuns(block: VersionBlock, from: number, to: number, records: Uint8Array, base: number): void {
    this.#tally.add(block, from, to);
    this.#runs.add(block, from, to, records, base);
  }

  /**
   * Appends what is left of the index, the filter and the footer.
   *
   * @param sink The object, behind the leaves that were handed on.
   * @param identity What the layer is.
   * @param valuesEnd Where its values end.
   * @param turns When the event loop gets its turns.
   * @returns What the footer says; the object ends with it.
   */
  async finish(
    sink: LayerSink,
    identity: LayerIdentity,
    valuesEnd: number,
    turns: Turns,
  ): Promise<LayerDescription> {
    assert(valuesEnd % blockBytes === 0, "the index starts at an aligned offset");
    const { counts, hashes } = this.#tally;
    const breathe = async () => {
      const room = sink.room();
      if (room !== undefined) await room;
      if (turns.due()) await turns.turn();
    };
    this.#runs.finish();
    const shape = await this.#tree.finish(breathe);
    const filter = new FilterBuilder(counts.keys, this.#filterBits);
    for (let at = 0; at < counts.keys && filter.pages > 0; at += stepKeys) {
      filter.addAll(hashes, at, Math.min(counts.keys, at + stepKeys));
      await breathe();
    }
    for (let page = 0; page < filter.pages; page++) {
      sink.append(filter.finish(page, pageSeed(this.#seed, shape.indexPages + page)));
      await breathe();
    }
    dropMemory(hashes, filter.bytes);
    const areas = { valuesEnd, ...shape, filterPages: filter.pages };
    const byteLength = layerByteLength(areas);
    const layer: LayerDescription = { horizon: 0, imageLsn: 0, ...identity, ...areas, ...counts, byteLength };
    sink.append(encodeFooter(layer));
    assert(sink.position === byteLength, "F1: the object ends with its footer");
    return layer;
  }
}

/** Keys that are put into the filter between two turns. */
const stepKeys = 1 << 13;

/** What is counted of the versions that go by, and the hashes of their keys. */
class Tally {
  readonly counts = {
    versions: 0,
    tombstones: 0,
    patches: 0,
    keys: 0,
    firstKey: new Uint8Array(0),
    lastKey: new Uint8Array(0),
  };
  hashes = new Uint32Array(0);
  #lastLsn = 0;

  /** Takes note of rows, which stand after those before them. Hot: `bench/seal_bench.ts`. */
  add(block: VersionBlock, from: number, to: number): void {
    const { counts } = this;
    let { keys, tombstones, patches } = counts;
    const most = keys + to - from;
    if (most > this.hashes.length) {
      const hashes = this.hashes;
      this.hashes = new Uint32Array(most * 2);
      this.hashes.set(hashes);
      dropMemory(hashes);
    }
    const { view, keyStart, keyLength, lsn } = block;
    let lastLsn = this.#lastLsn;
    for (let row = from; row < to; row++) {
      if (block.flags[row] & tombstoneFlag) tombstones++;
      else if ((block.flags[row] & terminalFlag) === 0) patches++;
      const before = row - 1;
      const order = row === from
        ? compareRowKey(block, row, counts.lastKey)
        : compareViews(view, keyStart[row], keyLength[row], view, keyStart[before], keyLength[before]);
      assert(order > 0 || order === 0 && lsn[row] > lastLsn, "P1: versions strictly increase by (key, LSN)");
      lastLsn = lsn[row];
      if (order > 0) this.hashes[keys++] = hashOf(block, row);
    }
    this.#lastLsn = lastLsn;
    if (counts.keys === 0) counts.firstKey = rowKey(block, from);
    counts.lastKey = rowKey(block, to - 1);
    counts.versions += to - from;
    counts.tombstones = tombstones;
    counts.patches = patches;
    counts.keys = keys;
  }
}

function hashOf(block: VersionBlock, row: number): number {
  return block.hash === undefined
    ? hashKey(block.bytes, block.keyStart[row], block.keyLength[row])
    : block.hash[row];
}
