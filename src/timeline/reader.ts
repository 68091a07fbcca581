/**
 * Reading any set of keys as of an LSN, all that a timeline and a snapshot of it have in common.
 *
 * @module
 */

import type { Key } from "../base/mod.ts";
import type { DamagedEntry, Entry, KeyEntry, ValueEntry, Version } from "./entry.ts";
import type { Explanation } from "./read/explain/explanation.ts";
import type { Keys } from "./read/key_vec.ts";
import type {
  AnyHistoryOptions,
  AnyScanRange,
  CountRange,
  HistoryOptions,
  KeysOnly,
  ReportDamage,
  ScanRange,
  SnapshotReadOptions,
} from "./read/options.ts";
import type { Reads } from "./read/reads.ts";

/**
 * What reads: a {@linkcode Timeline}, as of any LSN, or a {@linkcode Snapshot}, as of its own, which is then the last.
 *
 * @typeParam Options What its reads may be given: {@linkcode ReadOptions} or {@linkcode SnapshotReadOptions}.
 *
 * @example Read the last two keys of a prefix
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * await timeline.append(["a/1", "a/2", "a/3", "b/1"].map((key) => ({ key, value: "" })));
 * const entries = await Array.fromAsync(timeline.scan({ prefix: "a/", reverse: true, limit: 2 }));
 * assertEquals(entries.map(({ key }) => new TextDecoder().decode(key)), ["a/3", "a/2"]);
 * ```
 *
 * @example Read keys and a run of keys
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * await timeline.append([{ key: "p1", value: "one" }, { key: "p2", value: "two" }]);
 * const entries = await Array.fromAsync(timeline.getVectored([{ base: "p1", count: 2 }, "p9"]));
 * assertEquals(entries.map(({ value }) => value?.length), [3, 3, undefined]);
 * ```
 *
 * @example See what a read costs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * await timeline.append([{ key: "a", value: "1" }, { key: "b", value: "2" }]);
 * await timeline.freeze();
 * const { keys, index, values } = await timeline.explain(["a", "b"]);
 * assertEquals(keys.map(({ found }) => [found?.kind, found?.source]), [["L0", "disk"], ["L0", "disk"]]);
 * assertEquals([index.rounds, values.readRecords, values.reads], [2, 2, 1]);
 * ```
 */
export abstract class Reader<Options extends SnapshotReadOptions> {
  readonly #reads: Reads;

  /**
   * Made as a timeline or as a snapshot only.
   *
   * @ignore
   */
  constructor(reads: Reads) {
    this.#reads = reads;
  }

  /**
   * Reads the value of one key.
   *
   * @param key The key.
   * @param options See {@linkcode ReadOptions}.
   * @returns The value, which is the caller's for ever; `undefined` if the key is absent or deleted.
   * @throws {LsnError} If `lsn` is beyond the last LSN or below the horizon.
   * @throws {CorruptionError} If the record is damaged.
   */
  get(key: Key, options?: Omit<Options, "damage">): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#reads.value(key, options);
  }

  /**
   * Reads the entry of one key, as {@linkcode get} does its value: with the LSN at which it became that. That of a
   * deletion below the horizon may be forgotten.
   *
   * @param key The key.
   * @param options See {@linkcode ReadOptions}.
   * @returns The entry; its value is `undefined` if the key is absent or deleted.
   */
  getEntry(key: Key, options?: Omit<Options, "damage">): Promise<Entry> {
    return this.#reads.entry(key, options);
  }

  /**
   * Reads any number of keys in one batch: N keys behave, and fail, as N gets and cost as little as one.
   *
   * @param keys Keys and runs of adjacent keys, in any order, also repeated.
   * @param options See {@linkcode ReadOptions}.
   * @returns One {@linkcode Entry} for each key, in request order; absent and deleted keys have the value `undefined`. It ends with
   * the `CorruptionError` when it comes to a damaged record, or reports it in the entry's place.
   */
  getVectored(keys: Keys, options?: Options): ReadableStream<Entry>;
  /** Reads keys as above, and reports damage in the places of entries. */
  getVectored(keys: Keys, options: ReportDamage<Options>): ReadableStream<Entry | DamagedEntry>;
  getVectored(keys: Keys, options?: Options | ReportDamage<Options>): ReadableStream<Entry | DamagedEntry> {
    return this.#reads.keys(keys, options);
  }

  /**
   * Reads any number of keys into an array, and fails as {@linkcode get} does.
   *
   * @param keys The keys.
   * @param options See {@linkcode ReadOptions}.
   * @returns The values in request order, which lie in memory as those of an {@linkcode Entry} do.
   */
  async getMany(
    keys: Keys<Key>,
    options?: Omit<Options, "damage">,
  ): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
    return await this.#reads.all(keys, options);
  }

  /**
   * Reads a range of keys in key order.
   *
   * @param range Which keys, in which direction; see {@linkcode ScanRange}.
   * @param options See {@linkcode ReadOptions}.
   * @returns The {@linkcode Entry} of each key that has a value, in order. Damage is met as {@linkcode getVectored} does; that of an index
   * always ends it.
   * @throws {RangeError} If `limit` is not a whole number.
   * @throws {TypeError} If a bound or `limit` is of a wrong type.
   */
  scan(range?: ScanRange, options?: Options): ReadableStream<ValueEntry>;
  /** Reads a range as above, and reports damage in the places of entries. */
  scan(range: ScanRange, options: ReportDamage<Options>): ReadableStream<ValueEntry | DamagedEntry>;
  /** Reads the keys of a range, and no values. */
  scan(range: KeysOnly, options?: Options): ReadableStream<KeyEntry>;
  scan(
    range: AnyScanRange = {},
    options?: Options | ReportDamage<Options>,
  ): ReadableStream<ValueEntry | KeyEntry | DamagedEntry> {
    return this.#reads.range(range, options);
  }

  /**
   * Counts the keys of a range that have a value. No value is read. It fails as {@linkcode scan} does.
   *
   * @param range Which keys: `start`, `end`, `prefix` as in {@linkcode ScanRange}; all if it is left out.
   * @param options See {@linkcode ReadOptions}.
   * @returns How many there are.
   */
  async count(range: CountRange = {}, options?: Omit<Options, "damage">): Promise<number> {
    return await this.#reads.count(range, options);
  }

  /**
   * Reads the versions of a key, deletions included, oldest first unless they are wanted in reverse.
   *
   * @param key The key.
   * @param options See {@linkcode HistoryOptions}.
   * @returns The versions. Damage is met as {@linkcode scan} does.
   * @throws {LsnError} If `to` is beyond the last LSN, or `from` or `to` below the horizon.
   */
  history(key: Key, options?: HistoryOptions): ReadableStream<Version>;
  /** Reads versions as above, and reports damage in their places. */
  history(key: Key, options: ReportDamage<HistoryOptions>): ReadableStream<Version | DamagedEntry>;
  history(key: Key, options?: AnyHistoryOptions): ReadableStream<Version | DamagedEntry> {
    return this.#reads.history(key, options);
  }

  /**
   * Reads keys as {@linkcode getVectored} does, and says what that cost. What memory answers goes the same way, and not
   * that of a {@linkcode get} in one turn. What is read is cached as ever, so that the same call costs less again.
   *
   * @param keys Keys and runs of adjacent keys; each costs some hundred bytes until the promise resolves.
   * @param options See {@linkcode ReadOptions}.
   * @returns What it cost. A key that cannot be read has an `error`.
   * @throws {LsnError} If `lsn` is beyond the last LSN.
   */
  explain(keys: Keys, options?: Omit<Options, "damage">): Promise<Explanation> {
    return this.#reads.explain(keys, options);
  }
}
