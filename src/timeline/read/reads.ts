/**
 * The reads of a timeline or of a snapshot. Each has a view, which is disposed of when it ends.
 *
 * @module
 */

import type { Key, Lsn } from "../../base/mod.ts";
import type { Objects } from "../../objects/mod.ts";
import type { DamagedEntry, Entry, KeyEntry, ValueEntry, Version } from "../entry.ts";
import { Gather } from "./gather.ts";
import type { Rows } from "./records/columns.ts";
import { HistoryRead } from "./history.ts";
import { expandKeys, type Keys, ownKey } from "./key_vec.ts";
import {
  type AnyHistoryOptions,
  type AnyReadOptions,
  type AnyScanRange,
  countNames,
  type CountRange,
  planHistory,
  planRead,
  planScan,
  type ScanRange,
  wholeReadNames,
  type WholeReadOptions,
} from "./options.ts";
import type { Read } from "./read.ts";
import { endRead, readStream, runRead } from "./read_stream.ts";
import { RowScan } from "./row_scan.ts";
import { countKeys, KeyScanRead, ScanRead } from "./scan.ts";
import { VectoredRead } from "./vectored_read.ts";
import type { View } from "./view.ts";

/** A value, or `undefined` for a key that is absent or deleted. */
type Found = Uint8Array<ArrayBuffer> | undefined;
/** Opens the view of a read. */
export type OpenView = (lsn: Lsn | undefined, signal: AbortSignal | undefined) => View;

/** What reads objects through views. */
export class Reads {
  readonly #objects: Objects;
  readonly #openView: OpenView;
  readonly #gather: Gather;

  /**
   * Reads nothing yet.
   *
   * @param objects The objects of a store.
   * @param openView Opens the views.
   */
  constructor(objects: Objects, openView: OpenView) {
    this.#objects = objects;
    this.#openView = openView;
    this.#gather = new Gather(objects);
  }

  /** The entry of one key: the vectored read of one key, or of all that are asked for in one turn. */
  async entry(key: Key, options: AnyReadOptions | undefined): Promise<Entry> {
    const bytes = ownKey(key);
    const { lsn, signal } = planRead(options, wholeReadNames);
    const view = this.#openView(lsn, signal);
    if (signal === undefined) return await this.#gather.get(view, bytes);
    const read = new VectoredRead(this.#objects, view, [bytes].values());
    const [entry] = await runRead<Entry>(view, read, this.#objects.host.turns, 1);
    return entry;
  }

  /** The values of keys. */
  async all(keys: Keys<Key>, options: AnyReadOptions | undefined): Promise<Found[]> {
    const { lsn, signal } = planRead(options, wholeReadNames);
    const each = expandKeys(keys);
    const view = this.#openView(lsn, signal);
    const entries = await runRead<Entry>(
      view,
      new VectoredRead(this.#objects, view, each),
      this.#objects.host.turns,
    );
    return entries.map(({ value }) => value);
  }

  /** The entries of keys and of runs of keys. */
  keys(
    keys: Keys,
    options: AnyReadOptions | undefined,
  ): ReadableStream<Entry | DamagedEntry> {
    const { lsn, signal, damage } = planRead(options);
    const each = expandKeys(keys);
    const view = this.#openView(lsn, signal);
    return this.#stream<Entry>(view, new VectoredRead(this.#objects, view, each), damage);
  }

  /** The entries of a range of keys, or its keys alone. */
  range(
    range: AnyScanRange,
    options: AnyReadOptions | undefined,
  ): ReadableStream<ValueEntry | KeyEntry | DamagedEntry> {
    const plan = planScan(range);
    const { lsn, signal, damage } = planRead(options);
    const view = this.#openView(lsn, signal);
    if (plan.keysOnly) {
      return this.#stream<KeyEntry>(view, new KeyScanRead(this.#objects, view, plan), damage);
    }
    return this.#stream<ValueEntry>(view, new ScanRead(this.#objects, view, plan), damage);
  }

  /** Shows the entries of a range of keys to `visit`, which looks at each once. */
  async visit(
    range: ScanRange,
    options: WholeReadOptions | undefined,
    visit: (rows: Rows) => Promise<void>,
  ): Promise<void> {
    const plan = planScan(range);
    const { lsn, signal } = planRead(options, wholeReadNames);
    const view = this.#openView(lsn, signal);
    const scan = new RowScan(this.#objects, view, plan);
    const { turns } = this.#objects.host;
    try {
      for (let rows = await scan.next(); rows !== undefined; rows = await scan.next()) {
        await visit(rows);
        if (turns.due()) await turns.turn();
        view.check();
      }
    } finally {
      await endRead(view, scan);
    }
  }

  /** How many keys of a range have a value. */
  async count(range: CountRange, options: AnyReadOptions | undefined): Promise<number> {
    const plan = planScan(range, countNames);
    const { lsn, signal } = planRead(options, wholeReadNames);
    using view = this.#openView(lsn, signal);
    return await countKeys(this.#objects, view, plan);
  }

  /** The versions of a key. */
  history(key: Key, options: AnyHistoryOptions | undefined): ReadableStream<Version | DamagedEntry> {
    const bytes = ownKey(key);
    const { lsn, signal, damage, from, reverse, limit } = planHistory(options);
    const view = this.#openView(lsn, signal);
    const plan = { key: bytes, from, to: view.lsn, reverse, limit };
    return this.#stream<Version>(view, new HistoryRead(this.#objects, view, plan), damage);
  }

  #stream<T extends object>(
    view: View,
    read: Read<T | DamagedEntry>,
    damage: "throw" | "report",
  ): ReadableStream<T | DamagedEntry> {
    return readStream<T>(view, read, { turns: this.#objects.host.turns, damage });
  }
}
