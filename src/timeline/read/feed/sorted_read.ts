/**
 * The next changes of layers that are sorted by key: gathered, put in the order of (LSN, key), and their values read, a
 * few batches at a time.
 *
 * ```
 *   Gather ─► rows in the order of LSNs ─► some batches ─► inKeyOrder ─► Places ─► EntryRead ─► batches
 *                                                          └ records that were met are held, others are read
 * ```
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import type { StoredLayer } from "../../../layer/mod.ts";
import { type Objects, PageSet } from "../../../objects/mod.ts";
import type { DamagedEntry, Entry } from "../../entry.ts";
import { complete } from "../read.ts";
import { ListedKeys } from "../records/columns.ts";
import { Copies } from "../records/copies.ts";
import { EntryRead } from "../records/entry_read.ts";
import { isPatchedEntry } from "../records/chains.ts";
import { addRow, Places } from "../records/places.ts";
import type { View } from "../view.ts";
import type { ChangeBatch, KeyChange } from "./change_batch.ts";
import { Gather } from "./gather.ts";
import { inKeyOrder } from "./key_order.ts";
import type { KeyRange } from "./options.ts";
import { changesOfPatches } from "./patch_changes.ts";

/** Bytes of records, and how many of them, whose values are read together, if more than one batch. */
const chunkBytes = 4 * 1024 * 1024, chunkRows = 1024;

/** The changes of layers from one LSN to another, as far as memory has room for them. */
export class SortedRead {
  readonly #objects: Objects;
  readonly #view: View;
  readonly #layers: readonly StoredLayer[];
  readonly #gather: Gather;
  readonly #copies = new Copies();
  #isGathered = false;
  /** How many rows, in their order, were handed on. */
  #next = 0;
  #entries: EntryRead | undefined;

  /**
   * Starts before the first change; nothing is read yet.
   *
   * @param objects What reads.
   * @param view What is seen, which this holds until it is disposed of.
   * @param layers The layers.
   * @param range Which keys count.
   * @param from The first LSN that counts.
   * @param to The last LSN that counts.
   * @param most Bytes that are gathered.
   */
  constructor(
    objects: Objects,
    view: View,
    layers: readonly StoredLayer[],
    range: KeyRange,
    from: Lsn,
    to: Lsn,
    most: number,
  ) {
    this.#objects = objects;
    this.#view = view;
    this.#layers = layers;
    this.#gather = new Gather(layers, range, from, to, most);
  }

  /** The first LSN behind those that it has, once it was asked for batches. */
  get end(): Lsn {
    return this.#gather.versions.end;
  }

  /**
   * Reads on.
   *
   * @returns Batches, or `undefined` at the end.
   * @throws {CorruptionError} If a record that counts is damaged.
   */
  async next(): Promise<ChangeBatch[] | undefined> {
    if (!this.#isGathered) {
      const pages = new PageSet(this.#objects, { keep: false });
      await complete(this.#gather, pages, this.#objects.host.turns, this.#view);
      this.#isGathered = true;
    }
    const rows = this.#takeRows();
    if (rows.length === 0) return undefined;
    const read = this.#entries = this.#openEntries(rows);
    const changes: RowChanges[] = [];
    for (let entries = await read.next(); entries !== undefined; entries = await read.next()) {
      for (const entry of entries) changes.push(changesOf(entry));
    }
    this.#entries = undefined;
    return batchesOf(changes, rows, this.#gather.versions.rows.lsn);
  }

  /** The rows of the next whole batches, in the order of LSNs and keys. */
  #takeRows(): Uint32Array {
    const { order, versions: { rows } } = this.#gather, chosen: Uint32Array[] = [];
    let bytes = 0, count = 0;
    while (this.#next < order.length && (count === 0 || bytes < chunkBytes && count < chunkRows)) {
      const from = this.#next, lsn = rows.lsn[order[from]];
      while (this.#next < order.length && rows.lsn[order[this.#next]] === lsn) this.#next++;
      const batch = inKeyOrder(rows, order.subarray(from, this.#next));
      for (const row of batch) bytes += rows.length[row];
      count += batch.length;
      chosen.push(batch);
    }
    const all = new Uint32Array(count);
    for (let i = 0, at = 0; i < chosen.length; at += chosen[i++].length) all.set(chosen[i], at);
    return all;
  }

  #openEntries(numbers: Uint32Array): EntryRead {
    const { versions } = this.#gather, { rows } = versions, bytes = rows.bytes as Uint8Array<ArrayBuffer>;
    const places = new Places(numbers.length), keys = new Array<Uint8Array<ArrayBuffer>>(numbers.length);
    for (let i = 0; i < numbers.length; i++) {
      const row = numbers[i], start = rows.keyStart[row], layer = this.#layers[versions.sourceOf(row)];
      keys[i] = bytes.subarray(start, start + rows.keyLength[row]);
      if (versions.hasRecord(row)) addRow(places, i, layer, rows, row);
      else places.add(i, layer, rows.lsn[row], rows.offset[row], rows.length[row], rows.flags[row]);
    }
    return new EntryRead(this.#objects, this.#view, new ListedKeys(keys), places, {
      copies: this.#copies,
      keepPatches: true,
    });
  }

  /** Waits for what is in flight, and lets go of the view. */
  async cancel(): Promise<void> {
    try {
      await this.#entries?.cancel();
    } finally {
      this.#view[Symbol.dispose]();
    }
  }
}

/** What is told of a row: a change, or those that its patches were. */
type RowChanges = KeyChange | KeyChange[];

function changesOf(entry: Entry | DamagedEntry): RowChanges {
  if ("error" in entry) throw entry.error;
  if (isPatchedEntry(entry)) return changesOfPatches(entry.key, entry.patches);
  const { key, value } = entry;
  return value === undefined ? { key, delete: true } : { key, value };
}

function batchesOf(changes: readonly RowChanges[], rows: Uint32Array, lsns: Float64Array): ChangeBatch[] {
  const batches: ChangeBatch[] = [];
  for (let from = 0, to = 0; from < rows.length; from = to) {
    const lsn = lsns[rows[from]];
    while (to < rows.length && lsns[rows[to]] === lsn) to++;
    batches.push({ lsn, changes: changes.slice(from, to).flat() });
  }
  return batches;
}
