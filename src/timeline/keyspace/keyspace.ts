/**
 * A part of a timeline, or all of it, as a program sees it.
 *
 * @module
 */

import type { Key, Lsn } from "../../base/mod.ts";
import type { Change } from "../../segment/mod.ts";
import type { Appender, AppendOptions, WritableOptions } from "../append.ts";
import type { DamagedEntry, Entry, KeyEntry, ValueEntry, Version } from "../entry.ts";
import { checkExpectation, type Expectation } from "../expect/expectations.ts";
import type { Difference, DiffRange } from "../read/diff/options.ts";
import type { ChangeBatch } from "../read/feed/change_batch.ts";
import type { Feed } from "../read/feed/feed.ts";
import type { ChangesOptions } from "../read/feed/options.ts";
import type { Keys } from "../read/key_vec.ts";
import type {
  AnyHistoryOptions,
  AnyReadOptions,
  AnyScanRange,
  CountRange,
  HistoryOptions,
  KeysOnly,
  ReadOptions,
  ReportDamage,
  ScanRange,
  WholeReadOptions,
} from "../read/options.ts";
import type { Reads } from "../read/reads.ts";
import type { Codec } from "./codec.ts";
import { KeyspaceReader } from "./keyspace_reader.ts";
import type { Space } from "./space.ts";

/**
 * What a timeline has under a prefix, and values that a codec makes: {@linkcode Timeline.under} and {@linkcode Timeline.as}
 * make it, and those of a keyspace another, in any order. It holds nothing, costs little, and reads and writes as the
 * timeline does.
 *
 * Keys are given and come back without the prefix. Behind parts that is the encoding of the parts that follow, which
 * {@linkcode decodeKey} reads; what stands at the prefix itself has the empty key, `[]`. Values are what the codec makes
 * of their bytes: one of which it makes nothing is met as damage is, as a {@linkcode CodecError}.
 *
 * @typeParam T What values are when they are read.
 * @typeParam Put What values are when they are written.
 *
 * @example The orders of a user
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeKey, json, Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const orders = store.timeline().as(json<{ total: number }>()).under(["user", 42, "order"]);
 * const lsn = await orders.append([{ key: [1], value: { total: 30 } }, { key: [2], value: { total: 5 } }]);
 * await orders.append([{ key: [1], delete: true }]);
 * assertEquals(await orders.getMany([[1], [2]]), [undefined, { total: 5 }]);
 *
 * const found = await Array.fromAsync(orders.scan({}, { lsn }));
 * assertEquals(found.map(({ key, value }) => [...decodeKey(key), value.total]), [[1, 30], [2, 5]]);
 * ```
 */
export class Keyspace<T, Put = T> {
  readonly #reads: Reads;
  readonly #feed: Feed;
  readonly #appender: Appender;
  readonly #space: Space<T, Put>;
  readonly #reader: KeyspaceReader<T, ReadOptions>;

  /**
   * Made by timelines and keyspaces only.
   *
   * @ignore
   */
  constructor(reads: Reads, feed: Feed, appender: Appender, space: Space<T, Put>) {
    this.#reads = reads;
    this.#feed = feed;
    this.#appender = appender;
    this.#space = space;
    this.#reader = new KeyspaceReader<T, ReadOptions>(reads, space);
  }

  /** See {@linkcode KeyspaceReader.under}. */
  under(prefix: Key): Keyspace<T, Put> {
    return new Keyspace(this.#reads, this.#feed, this.#appender, this.#space.under(prefix));
  }

  /** See {@linkcode KeyspaceReader.as}. */
  as<Other>(codec: Codec<Other>): Keyspace<Other> {
    return new Keyspace(this.#reads, this.#feed, this.#appender, this.#space.as(codec));
  }

  /**
   * Appends changes of this part atomically at one LSN, as {@linkcode Timeline.append} does. The codec makes bytes of
   * values; a patch is bytes as it is, and stands on those: what is read is what the codec makes of what `redo` returns.
   *
   * @param changes Changes in order; the last change of a key counts.
   * @param options See {@linkcode AppendOptions}; keys that are expected are without the prefix, too.
   * @returns The LSN of the batch.
   * @throws {ConflictError} If a key is not as `expect` says; it has the whole key.
   */
  append(changes: Iterable<Change<Put>>, options: AppendOptions = {}): Promise<Lsn> {
    return this.#appender.append(this.#space.changesOf(changes), options, this.#space.prefix);
  }

  /**
   * A sink in which every chunk becomes one batch of this part, as {@linkcode Timeline.writable} makes one.
   *
   * @param options See {@linkcode WritableOptions}.
   * @returns A stream of changes, or arrays of them.
   *
   * @example Stream orders in
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { json, Store } from "@varve/varve";
   *
   * await using store = await Store.open(await Deno.makeTempDir());
   * const orders = store.timeline().under(["user", 42, "order"]).as(json<{ total: number }>());
   * const source = ReadableStream.from([30, 5].map((total, i) => ({ key: [i + 1], value: { total } })));
   * await source.pipeTo(orders.writable());
   * assertEquals(await orders.getMany([[1], [2]]), [{ total: 30 }, { total: 5 }]);
   * ```
   */
  writable(options: WritableOptions = {}): WritableStream<Change<Put> | Change<Put>[]> {
    const space = this.#space;
    return this.#appender.writable<Change<Put> | Change<Put>[]>(
      options,
      (chunk) => space.changesOf(Array.isArray(chunk) ? chunk : [chunk]),
    );
  }

  /**
   * A change as the timeline takes it, so that changes of several keyspaces make one batch. What it expects of them
   * {@linkcode expectationOf} gives.
   *
   * @param change A change of this part.
   * @returns The change with its whole key, and bytes for its value.
   *
   * @example One LSN for a user and the index of names
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { json, Store, text } from "@varve/varve";
   *
   * await using store = await Store.open(await Deno.makeTempDir());
   * const timeline = store.timeline();
   * const users = timeline.under(["user"]).as(json<{ name: string }>());
   * const names = timeline.under(["name"]).as(text());
   * await timeline.append([
   *   users.changeOf({ key: [42], value: { name: "Ann" } }),
   *   names.changeOf({ key: ["Ann", 42], value: "" }),
   * ]);
   * assertEquals([timeline.lastLsn, await names.count({ prefix: ["Ann"] })], [1, 1]);
   * ```
   */
  changeOf(change: Change<Put>): Change {
    const made = this.#space.changeOf(change);
    return { ...made, key: (made.key as Uint8Array).slice() };
  }

  /**
   * An expectation as the timeline takes it, so that a batch of changes of several keyspaces expects what was read in any
   * of them. An entry of this part as it is has no prefix, and would expect something of another key.
   *
   * @param expectation An expectation of this part, such as an entry that was read in it.
   * @returns The expectation with its whole key.
   * @throws {TypeError} If it is no expectation.
   *
   * @example Take a name that nobody has
   * ```ts
   * import { assertRejects } from "@std/assert";
   * import { ConflictError, json, Store, text } from "@varve/varve";
   *
   * await using store = await Store.open(await Deno.makeTempDir());
   * const timeline = store.timeline();
   * const users = timeline.under(["user"]).as(json<{ name: string }>());
   * const names = timeline.under(["name"]).as(text());
   * const [user, name] = [await users.getEntry([42]), await names.getEntry(["Ann"])];
   * const taken = [
   *   users.changeOf({ key: [42], value: { name: "Ann" } }),
   *   names.changeOf({ key: ["Ann"], value: "42" }),
   * ];
   * const expect = [users.expectationOf(user), names.expectationOf(name)];
   * await timeline.append(taken, { expect });
   * await assertRejects(() => timeline.append(taken, { expect }), ConflictError);
   * ```
   */
  expectationOf(expectation: Expectation): Expectation {
    const { key, lsn } = checkExpectation(expectation);
    return { key: this.keyOf(key), lsn };
  }

  /**
   * The whole key of one of this part.
   *
   * @param key The key without the prefix.
   * @returns Its bytes, which are the caller's.
   */
  keyOf(key: Key): Uint8Array<ArrayBuffer> {
    return this.#space.prefix.keyOf(key);
  }

  /** See {@linkcode KeyspaceReader.get}. */
  get(key: Key, options?: WholeReadOptions): Promise<T | undefined> {
    return this.#reader.get(key, options);
  }

  /** See {@linkcode KeyspaceReader.getEntry}. */
  getEntry(key: Key, options?: WholeReadOptions): Promise<Entry<T>> {
    return this.#reader.getEntry(key, options);
  }

  /** See {@linkcode KeyspaceReader.getVectored}. */
  getVectored(keys: Keys, options?: ReadOptions): ReadableStream<Entry<T>>;
  /** Reads keys as above, and reports damage in the places of entries. */
  getVectored(keys: Keys, options: ReportDamage<ReadOptions>): ReadableStream<Entry<T> | DamagedEntry>;
  getVectored(keys: Keys, options?: AnyReadOptions): ReadableStream<Entry<T> | DamagedEntry> {
    return this.#reads.keys(keys, options, this.#space);
  }

  /** See {@linkcode KeyspaceReader.getMany}. */
  getMany(keys: Keys<Key>, options?: WholeReadOptions): Promise<(T | undefined)[]> {
    return this.#reader.getMany(keys, options);
  }

  /** See {@linkcode KeyspaceReader.scan}. */
  scan(range?: ScanRange, options?: ReadOptions): ReadableStream<ValueEntry<T>>;
  /** Reads a range as above, and reports damage in the places of entries. */
  scan(range: ScanRange, options: ReportDamage<ReadOptions>): ReadableStream<ValueEntry<T> | DamagedEntry>;
  /** Reads the keys of a range, and no values. */
  scan(range: KeysOnly, options?: ReadOptions): ReadableStream<KeyEntry>;
  scan(
    range: AnyScanRange = {},
    options?: AnyReadOptions,
  ): ReadableStream<ValueEntry<T> | KeyEntry | DamagedEntry> {
    return this.#reads.range(range, options, this.#space);
  }

  /** See {@linkcode KeyspaceReader.count}. */
  count(range?: CountRange, options?: WholeReadOptions): Promise<number> {
    return this.#reader.count(range, options);
  }

  /** See {@linkcode KeyspaceReader.history}. */
  history(key: Key, options?: HistoryOptions): ReadableStream<Version<T>>;
  /** Reads versions as above, and reports damage in their places. */
  history(key: Key, options: ReportDamage<HistoryOptions>): ReadableStream<Version<T> | DamagedEntry>;
  history(key: Key, options?: AnyHistoryOptions): ReadableStream<Version<T> | DamagedEntry> {
    return this.#reads.history(key, options, this.#space);
  }

  /**
   * Reads what changed of this part, batch by batch in the order of LSNs, as {@linkcode Timeline.changes} does.
   *
   * @param options See {@linkcode ChangesOptions}; a prefix is without that of this part.
   * @returns The batches; those without a change of this part are left out.
   *
   * @example Follow the orders of a user
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { decodeKey, json, Store } from "@varve/varve";
   *
   * await using store = await Store.open(await Deno.makeTempDir());
   * const orders = store.timeline().under(["user", 42, "order"]).as(json<{ total: number }>());
   * await orders.append([{ key: [1], value: { total: 30 } }]);
   * for await (const { lsn, changes: [change] } of orders.changes({ follow: true })) {
   *   if (!("value" in change)) continue; // a deletion, or a patch
   *   assertEquals([lsn, decodeKey(change.key), change.value], [1, [1], { total: 30 }]);
   *   break;
   * }
   * ```
   */
  changes(options: ChangesOptions = {}): ReadableStream<ChangeBatch<T>> {
    return this.#feed.changes(options, this.#space);
  }

  /** Compares two moments of this part, as {@linkcode Timeline.diff} does; bounds are without its prefix too. */
  diff(before: Lsn, after: Lsn, range: DiffRange = {}): ReadableStream<Difference<T>> {
    return this.#reads.difference(before, after, range, this.#space);
  }
}
