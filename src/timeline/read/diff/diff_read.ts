/**
 * What differs between two moments.
 *
 * ```
 *   layers that have LSNs behind A, up to B ─► KeyScanRead: keys, with the LSN of the newest version as of B
 *      those behind A ─► VectoredRead as of A, in all layers ──────┐
 *                    └─► VectoredRead as of B, in these layers ────┴─► those whose bytes are not the same
 *                                    in all, if these have patches
 * ```
 *
 * Y1  A key whose value differs has a version behind A up to B, and so a layer that has such LSNs. No other layer is
 *     walked: what it costs is what changed, as far as layers tell that by their LSNs. Patches stand on what may lie
 *     in any layer: then values as of B are read in all of them, as those as of A are.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import { isSameSpan, LayerMap } from "../../../layer/mod.ts";
import type { Objects } from "../../../objects/mod.ts";
import type { DamagedEntry, Entry, KeyEntry } from "../../entry.ts";
import type { Level } from "../levels.ts";
import type { ScanPlan } from "../options.ts";
import type { Read } from "../read.ts";
import type { ReadHold } from "../read_stream.ts";
import { KeyScanRead } from "../scan/scan.ts";
import { VectoredRead } from "../vectored_read.ts";
import type { StopRead, View } from "../view.ts";

/** From which LSN to which a layer has versions. */
type LsnSpan = { readonly firstLsn: Lsn; readonly lastLsn: Lsn };

/** The entries of a key as of the two moments; what was deleted last has one too. */
export type EntryPair = readonly [before: Entry, after: Entry];

/** Keys whose values differ, in their order. */
export class DiffRead implements Read<EntryPair>, ReadHold {
  readonly #objects: Objects;
  /** What there is as of B; of those layers that have changes; where values as of B are; and what there is as of A. */
  readonly #view: View;
  readonly #changed: View;
  readonly #after: View;
  readonly #before: View;
  readonly #keys: KeyScanRead;
  #pair: PairRead | undefined;

  /**
   * Starts before the first key; nothing is read yet.
   *
   * @param objects What reads.
   * @param view What is seen as of B, which this holds until it is disposed of.
   * @param lsn A.
   * @param plan Which keys.
   * @throws {LsnError} If A is below the horizon. The view is disposed of then.
   */
  constructor(objects: Objects, view: View, lsn: Lsn, plan: ScanPlan) {
    this.#objects = objects;
    this.#view = view;
    try {
      this.#before = view.again({ lsn });
    } catch (error) {
      view[Symbol.dispose]();
      throw error;
    }
    this.#changed = view.narrowed((level) => changedLayers(level, lsn));
    this.#after = hasPatches(this.#changed) ? view : this.#changed;
    this.#keys = new KeyScanRead(objects, this.#changed, plan);
  }

  /** See {@linkcode Read.next}. */
  async next(): Promise<EntryPair[] | undefined> {
    for (;;) {
      const pairs = await this.#pair?.next();
      if (pairs !== undefined && pairs.length > 0) return pairs;
      if (pairs === undefined) {
        const keys = await this.#keys.next();
        if (keys === undefined) return undefined;
        this.#pair = this.#pairOf(keys);
      }
      const { turns } = this.#objects.host;
      if (turns.due()) await turns.turn();
      this.#view.check();
    }
  }

  /** Reads those of keys that have a version behind A; `undefined` if none has. */
  #pairOf(entries: readonly KeyEntry[]): PairRead | undefined {
    const { lsn } = this.#before, changed = entries.filter((entry) => entry.lsn > lsn);
    if (changed.length === 0) return undefined;
    const keys = changed.map(({ key }) => key);
    const read = (view: View) => new VectoredRead(this.#objects, view, keys.values());
    return new PairRead(read(this.#before), read(this.#after));
  }

  /** See {@linkcode Read.cancel}. */
  async cancel(): Promise<void> {
    await this.#keys.cancel();
    await this.#pair?.cancel();
  }

  /** See {@linkcode ReadHold}. */
  halt(): void {
    for (const view of [this.#view, this.#changed, this.#before]) view.halt();
  }

  /** See {@linkcode ReadHold}. */
  whenStopped(stop: StopRead): void {
    this.#view.whenStopped(stop);
  }

  /** Lets go of its views. */
  [Symbol.dispose](): void {
    for (const view of [this.#view, this.#changed, this.#before]) view[Symbol.dispose]();
  }
}

/** The layers of a level that may have versions behind an LSN (Y1). Pure. */
function changedLayers({ map, lsn }: Level, from: Lsn): LayerMap {
  const isChanged = ({ firstLsn, lastLsn }: LsnSpan) => lastLsn > from && firstLsn <= lsn;
  const add = [...map.stored()].filter(({ description }) => isChanged(description));
  return LayerMap.empty.edit({ add, memory: map.memory.filter(isChanged) });
}

/** Whether layers of a view have patches. Pure. */
function hasPatches({ levels }: View): boolean {
  return levels.some(({ map }) =>
    map.memory.some(({ index }) => index.patchCount > 0) ||
    [...map.stored()].some(({ description }) => description.patches > 0)
  );
}

/** Entries of the same keys as of two LSNs. */
class PairRead {
  readonly #reads: readonly [VectoredRead, VectoredRead];
  /** Of each, what it gave that was not compared. */
  #left: [(Entry | DamagedEntry)[], (Entry | DamagedEntry)[]] = [[], []];

  constructor(before: VectoredRead, after: VectoredRead) {
    this.#reads = [before, after];
  }

  /** Those that differ among the next entries; `undefined` at the end. */
  async next(): Promise<EntryPair[] | undefined> {
    for (const i of [0, 1] as const) {
      if (this.#left[i].length > 0) continue;
      const entries = await this.#reads[i].next();
      if (entries === undefined) return undefined;
      this.#left[i] = entries;
    }
    const [before, after] = this.#left, count = Math.min(before.length, after.length);
    const pairs: EntryPair[] = [];
    for (let i = 0; i < count; i++) {
      const pair = [whole(before[i]), whole(after[i])] as const;
      if (!areSame(pair[0].value, pair[1].value)) pairs.push(pair);
    }
    this.#left = [before.slice(count), after.slice(count)];
    return pairs;
  }

  async cancel(): Promise<void> {
    for (const read of this.#reads) await read.cancel();
  }
}

function whole(entry: Entry | DamagedEntry): Entry {
  if ("error" in entry) throw entry.error;
  return entry;
}

function areSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && isSameSpan(a, 0, b, 0, a.length);
}
