/**
 * The reads of a timeline or of a snapshot. Each has a view, which is disposed of when it ends.
 *
 * @module
 */

import {
  belowHorizon,
  type Key,
  keyBytes,
  type KeyPrefix,
  KeyWriter,
  type LatencyWindow,
  type Lsn,
  type Shard,
} from "../../base/mod.ts";
import type { Objects } from "../../objects/mod.ts";
import type { DamagedEntry, Entry, KeyEntry, ValueEntry, Version } from "../entry.ts";
import type { ReadSpace } from "../keyspace/space.ts";
import { Gather } from "./gather.ts";
import { DiffRead } from "./diff/diff_read.ts";
import { type Difference, type DiffRange, planDiff } from "./diff/options.ts";
import type { Rows } from "./records/columns.ts";
import { HistoryRead } from "./history.ts";
import type { Lineage } from "./levels.ts";
import { explain } from "./explain/explain.ts";
import type { Explanation } from "./explain/explanation.ts";
import type { IsOpen } from "./explain/key_record.ts";
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
  type ReadNames,
  type ScanRange,
  type WholeReadOptions,
} from "./options.ts";
import { MappedRead } from "./mapped_read.ts";
import type { Read } from "./read.ts";
import { endRead, readStream, runRead } from "./read_stream.ts";
import { RowScan } from "./scan/row_scan.ts";
import { countKeys, KeyScanRead, ScanRead } from "./scan/scan.ts";
import { VectoredRead } from "./vectored_read.ts";
import type { View } from "./view.ts";
import { cold, WarmGet, type WarmValue } from "./warm_get.ts";

/** A value as it is stored. */
type Bytes = Uint8Array<ArrayBuffer>;
/** A value, or `undefined` for a key that is absent or deleted. */
type Found = Bytes | undefined;

/** What reads see. */
export interface ViewSource {
  /** The layers, and what is older. */
  readonly lineage: Lineage;
  /** Which options reads may have. */
  readonly names: ReadNames;
  /** Opens the view of a read. */
  open(lsn: Lsn | undefined, signal: AbortSignal | undefined): View;
  /**
   * The LSN that a view would have which is opened now.
   *
   * @throws {Error} If none can be.
   */
  lsnFor(lsn: Lsn | undefined): Lsn;
  /** Notes a key that was read without a view. */
  countKey(): void;
  /** Tells an open layer from one that is frozen, or was sealed since. */
  readonly isOpen: IsOpen;
  /** Where is noted how long gets take that memory does not answer. */
  readonly gets: LatencyWindow;
  /** To which store of several a key that is named must belong; `undefined` if there is one store. */
  readonly shard: Shard | undefined;
}

/** Where keys of parts are encoded that are needed in one turn: memory of their own would cost more than all else. */
const writer = new KeyWriter();
/** Gets between two looks whether the event loop's turn is due. */
const getsPerLook = 32;

/** Makes what is told of a key whose value differs. */
type MakeDifference<T> = ReadSpace<T>["differenceOf"];
/** Of values as they are stored. */
const plain: MakeDifference<Bytes> = (before, after) => {
  return { key: after.key, before: before.value, after: after.value };
};

/** What reads objects through views. */
export class Reads {
  readonly #objects: Objects;
  readonly #source: ViewSource;
  readonly #gather: Gather;
  readonly #warm: WarmGet;
  #asked = 0;

  /**
   * Reads nothing yet.
   *
   * @param objects The objects of a store.
   * @param source What is seen.
   */
  constructor(objects: Objects, source: ViewSource) {
    this.#objects = objects;
    this.#source = source;
    this.#gather = new Gather(objects);
    this.#warm = new WarmGet(objects);
  }

  /** Opens a view as of an LSN: the last if it is left out. */
  open(lsn: Lsn | undefined): View {
    return this.#source.open(lsn, undefined);
  }

  /**
   * The value of one key.
   *
   * @param key The key.
   * @param options As of which LSN, and what stops it.
   */
  async value(key: Key, options: AnyReadOptions | undefined): Promise<Found> {
    const found = this.#answer(key, options);
    return found === cold ? (await this.#read(key, options)).value : found;
  }

  /** The entry of one key; see {@linkcode Reads.value}. */
  async entry(key: Key, options: AnyReadOptions | undefined): Promise<Entry> {
    const value = this.#answer(key, options);
    if (value === cold) return await this.#read(key, options);
    return { key: ownKey(key), value, lsn: this.#warm.lsn };
  }

  /** The value of a key, if memory answers at once. */
  #answer(key: Key, options: AnyReadOptions | undefined): WarmValue {
    const bytes = key instanceof Uint8Array || typeof key === "string" ? keyBytes(key) : writer.write(key);
    const { names, shard } = this.#source;
    if (shard !== undefined) shard.check(bytes);
    const { lsn, signal } = planRead(options, names.whole);
    if (signal !== undefined) return cold;
    // What memory answers would otherwise keep timers, and the writes of others, from their turn: until they had it,
    // gets go the way that gives it to them.
    if (this.#asked % getsPerLook === getsPerLook - 1 && this.#objects.host.turns.due()) return cold;
    this.#asked++;
    const found = this.#warm.find(this.#source.lineage, this.#source.lsnFor(lsn), bytes);
    if (found !== cold) this.#source.countKey();
    return found;
  }

  /** The entry of one key: the vectored read of one key, or of all that are asked for in one turn. */
  async #read(key: Key, options: AnyReadOptions | undefined): Promise<Entry> {
    const bytes = ownKey(key);
    const { lsn, signal } = planRead(options, this.#source.names.whole);
    const view = this.#source.open(lsn, signal), { clock, turns } = this.#objects.host;
    const began = clock.monotonic();
    // Each step of it would stand behind an append, of those that need not wait, until the event loop turns.
    turns.awaiting();
    try {
      return await (signal === undefined ? this.#gather.get(view, bytes) : this.#readAlone(view, bytes));
    } finally {
      turns.answered();
      this.#source.gets.record(began, clock.monotonic());
    }
  }

  async #readAlone(view: View, key: Uint8Array<ArrayBuffer>): Promise<Entry> {
    const read = new VectoredRead(this.#objects, view, [key].values());
    const [entry] = await runRead<Entry>(view, read, this.#objects.host.turns, 1);
    return entry;
  }

  /** The values of keys. */
  async all(keys: Keys<Key>, options: AnyReadOptions | undefined): Promise<Found[]> {
    return (await this.entries(keys, options)).map(({ value }) => value);
  }

  /** The entries of keys, also of such that stand behind a prefix; theirs are whole. */
  async entries(
    keys: Keys<Key>,
    options: AnyReadOptions | undefined,
    prefix?: KeyPrefix,
  ): Promise<Entry[]> {
    const { lsn, signal } = planRead(options, this.#source.names.whole);
    const each = this.#expand(keys, prefix);
    const view = this.#source.open(lsn, signal);
    return await runRead<Entry>(
      view,
      new VectoredRead(this.#objects, view, each),
      this.#objects.host.turns,
    );
  }

  /** What reading keys and runs of keys costs, which is found out by reading them. */
  async explain(keys: Keys, options: AnyReadOptions | undefined): Promise<Explanation> {
    const { lsn, signal } = planRead(options, this.#source.names.whole);
    const each = this.#expand(keys);
    return await explain(this.#objects, this.#source.open(lsn, signal), each, this.#source.isOpen);
  }

  /** The entries of keys and of runs of keys, of a space if one is given. */
  keys<T = Bytes>(
    keys: Keys,
    options: AnyReadOptions | undefined,
    space?: ReadSpace<T>,
  ): ReadableStream<Entry<T> | DamagedEntry> {
    const { lsn, signal, damage } = planRead(options, this.#source.names.stream);
    const each = this.#expand(keys, space?.prefix);
    const view = this.#source.open(lsn, signal);
    const read = new VectoredRead(this.#objects, view, each);
    return this.#stream(view, read, damage, space && ((entry) => space.entryOf(entry)));
  }

  /** The entries of a range of keys, or its keys alone, of a space if one is given. */
  range<T = Bytes>(
    range: AnyScanRange,
    options: AnyReadOptions | undefined,
    space?: ReadSpace<T>,
  ): ReadableStream<ValueEntry<T> | KeyEntry | DamagedEntry> {
    const plan = planScan(range, undefined, space?.prefix);
    const { lsn, signal, damage } = planRead(options, this.#source.names.stream);
    const view = this.#source.open(lsn, signal);
    if (plan.keysOnly) {
      const read = new KeyScanRead(this.#objects, view, plan);
      return this.#stream(view, read, damage, space && ((entry) => space.keyEntryOf(entry)));
    }
    const read = new ScanRead(this.#objects, view, plan);
    return this.#stream(view, read, damage, space && ((entry) => space.valueEntryOf(entry)));
  }

  /** Shows the entries of a range of keys to `visit`, which looks at each once. */
  async visit(
    range: ScanRange,
    options: WholeReadOptions | undefined,
    visit: (rows: Rows) => Promise<void>,
  ): Promise<void> {
    const plan = planScan(range);
    const { lsn, signal } = planRead(options, this.#source.names.whole);
    const view = this.#source.open(lsn, signal);
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

  /** How many keys of a range have a value, of those behind a prefix if one is given. */
  async count(
    range: CountRange,
    options: AnyReadOptions | undefined,
    prefix?: KeyPrefix,
  ): Promise<number> {
    const plan = planScan(range, countNames, prefix);
    const { lsn, signal } = planRead(options, this.#source.names.whole);
    using view = this.#source.open(lsn, signal);
    return await countKeys(this.#objects, view, plan);
  }

  /** The versions of a key, of a space if one is given. */
  history<T = Bytes>(
    key: Key,
    options: AnyHistoryOptions | undefined,
    space?: ReadSpace<T>,
  ): ReadableStream<Version<T> | DamagedEntry> {
    const bytes = space === undefined ? ownKey(key) : space.prefix.keyOf(key);
    this.#source.shard?.check(bytes);
    const { lsn, signal, damage, from, reverse, limit } = planHistory(options);
    const view = this.#source.open(lsn, signal);
    if (from !== undefined && from < view.horizon) {
      view[Symbol.dispose]();
      throw belowHorizon("read history from", from, view.lsn, view.horizon);
    }
    const plan = { key: bytes, from: from ?? Math.max(1, view.horizon), to: view.lsn, reverse, limit };
    const read = new HistoryRead(this.#objects, view, plan);
    return this.#stream(view, read, damage, space && ((version) => space.versionOf(version, bytes)));
  }

  /** The keys whose values differ between two LSNs, of a space if one is given. */
  difference<T = Bytes>(
    before: Lsn,
    after: Lsn,
    range: DiffRange,
    space?: ReadSpace<T>,
  ): ReadableStream<Difference<T>> {
    const { keys, signal } = planDiff(before, after, range, space?.prefix), { turns } = this.#objects.host;
    const read = new DiffRead(this.#objects, this.#source.open(after, signal), before, keys);
    const make = space === undefined ? plain as MakeDifference<T> : space.differenceOf.bind(space);
    const mapped = new MappedRead(read, ([before, after]) => make(before, after), turns);
    // Damage ends it: nothing is reported in a key's place.
    return readStream<Difference<T>>(read, mapped, { turns }) as ReadableStream<Difference<T>>;
  }

  #expand(keys: Keys, prefix?: KeyPrefix): Iterator<Uint8Array<ArrayBuffer>> {
    const each = expandKeys(keys, prefix), { shard } = this.#source;
    return shard === undefined ? each : each.map((key) => {
      shard.check(key);
      return key;
    });
  }

  /** A read as a stream, each item as `map` makes it: as it is, if that is left out. */
  #stream<From extends object, To extends object>(
    view: View,
    read: Read<From | DamagedEntry>,
    damage: "throw" | "report",
    map: ((item: From | DamagedEntry) => To | DamagedEntry) | undefined,
  ): ReadableStream<To | DamagedEntry> {
    const { turns } = this.#objects.host;
    const mapped = map === undefined
      ? read as unknown as Read<To | DamagedEntry>
      : new MappedRead(read, map, turns);
    return readStream<To>(view, mapped, { turns, damage });
  }
}
