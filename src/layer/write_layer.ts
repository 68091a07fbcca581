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

import { assert, blockBytes, type Lsn, type Turns } from "../base/mod.ts";
import { FilterBuilder } from "./formats/bloom_filter.ts";
import { encodeFooter } from "./formats/file_format.ts";
import { hashKey } from "./formats/key_hash.ts";
import { fileSeed, pageSeed, tombstoneFlag } from "./formats/page_format.ts";
import { layerByteLength, type LayerDescription, type LayerKind } from "./layer_description.ts";
import { TreeWriter } from "./tree/tree_writer.ts";
import { noPages, type PageSource, rowKey, type VersionBlock, type VersionCursor } from "./version_cursor.ts";

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
export interface LayerIdentity {
  /** What kind of layer it is. */
  readonly kind: LayerKind;
  /** See {@linkcode LayerDescription.sequence}. */
  readonly sequence: number;
  /** See {@linkcode LayerDescription.generation}. */
  readonly generation: number;
  /** See {@linkcode LayerDescription.fileId}. */
  readonly fileId: number;
  /** The LSN of its first batch. */
  readonly firstLsn: Lsn;
  /** The LSN of its last batch. */
  readonly lastLsn: Lsn;
}

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
  assert(valuesEnd % blockBytes === 0, "the index starts at an aligned offset");
  const breathe = async () => {
    const room = sink.room();
    if (room !== undefined) await room;
    if (turns.due()) await turns.turn();
  };
  const tree = new TreeWriter(identity.fileId, (page) => sink.append(page));
  const tally = new Tally();
  for (;;) {
    while (!cursor.settle(pages)) await pages.fetch();
    if (cursor.ended) break;
    const { block, at, end } = cursor;
    tally.add(block, at, end);
    tree.add(block, at, end);
    cursor.step(end - at);
    await breathe();
  }
  const shape = await inSteps(tree.finish(), breathe);
  const filter = await inSteps(tally.filterSteps(), breathe);
  const seed = fileSeed(identity.fileId);
  for (let page = 0; page < filter.pages; page++) {
    sink.append(filter.finish(page, pageSeed(seed, shape.indexPages + page)));
    await breathe();
  }
  const { kind, sequence, generation, fileId, firstLsn, lastLsn } = identity;
  const counts = { valuesEnd, ...shape, filterPages: filter.pages };
  const layer: LayerDescription = {
    kind,
    sequence,
    generation,
    fileId,
    firstLsn,
    lastLsn,
    ...counts,
    ...tally.counts(),
    byteLength: layerByteLength(counts),
  };
  sink.append(encodeFooter(layer));
  assert(sink.position === layer.byteLength, "F1: the object ends with its footer");
  return layer;
}

async function inSteps<T>(steps: Generator<void, T>, between: () => Promise<void>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await between();
  }
}

/** Keys that are put into the filter between two turns. */
const stepKeys = 1 << 13;

/** What is counted of the versions that go by, and the hashes of their keys. */
class Tally {
  #versions = 0;
  #tombstones = 0;
  #keys = 0;
  #firstKey: Uint8Array = new Uint8Array(0);
  #lastKey: Uint8Array = new Uint8Array(0);
  #hashes = new Uint32Array(1 << 12);

  /** Takes note of rows, which stand after those before them. */
  add(block: VersionBlock, from: number, to: number): void {
    if (this.#keys === 0) this.#firstKey = rowKey(block, from);
    this.#versions += to - from;
    if (this.#keys + to - from > this.#hashes.length) this.#growHashes(to - from);
    let tombstones = 0;
    for (let row = from; row < to; row++) {
      if (block.flags[row] & tombstoneFlag) tombstones++;
      const isNew = row === from ? !isKey(block, row, this.#lastKey) : !isSameKey(block, row - 1, row);
      if (isNew || this.#keys === 0) this.#hashes[this.#keys++] = hashOf(block, row);
    }
    this.#tombstones += tombstones;
    this.#lastKey = rowKey(block, to - 1);
  }

  #growHashes(more: number): void {
    const hashes = new Uint32Array(this.#hashes.length * 2 + more);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
  }

  /** Makes the filter of all keys in steps. */
  *filterSteps(): Generator<void, FilterBuilder> {
    const filter = new FilterBuilder(this.#keys);
    for (let at = 0; at < this.#keys; at += stepKeys) {
      filter.addAll(this.#hashes, at, Math.min(this.#keys, at + stepKeys));
      yield;
    }
    return filter;
  }

  counts(): Pick<LayerDescription, "versions" | "tombstones" | "keys" | "firstKey" | "lastKey"> {
    return {
      versions: this.#versions,
      tombstones: this.#tombstones,
      keys: this.#keys,
      firstKey: this.#firstKey,
      lastKey: this.#lastKey,
    };
  }
}

function hashOf(block: VersionBlock, row: number): number {
  return block.hash === undefined
    ? hashKey(block.bytes, block.keyStart[row], block.keyLength[row])
    : block.hash[row];
}

/** Whether two rows have the same key; sorted neighbours differ at their ends first. */
function isSameKey(block: VersionBlock, a: number, b: number): boolean {
  const { bytes, keyStart, keyLength } = block;
  const aStart = keyStart[a], bStart = keyStart[b];
  if (aStart === bStart) return true;
  if (keyLength[a] !== keyLength[b]) return false;
  for (let i = keyLength[a] - 1; i >= 0; i--) if (bytes[aStart + i] !== bytes[bStart + i]) return false;
  return true;
}

function isKey(block: VersionBlock, row: number, key: Uint8Array): boolean {
  const start = block.keyStart[row];
  if (block.keyLength[row] !== key.length) return false;
  for (let i = key.length - 1; i >= 0; i--) if (block.bytes[start + i] !== key[i]) return false;
  return true;
}
