/**
 * Reading a part of a timeline.
 *
 * @module
 */

import type { Key } from "../../base/mod.ts";
import type { DamagedEntry, Entry, KeyEntry, ValueEntry, Version } from "../entry.ts";
import type { Keys } from "../read/key_vec.ts";
import type {
  AnyHistoryOptions,
  AnyScanRange,
  CountRange,
  HistoryOptions,
  KeysOnly,
  ReportDamage,
  ScanRange,
  SnapshotReadOptions,
} from "../read/options.ts";
import type { Reads } from "../read/reads.ts";
import type { Codec } from "./codec.ts";
import type { Space } from "./space.ts";

/**
 * The reads of a {@linkcode Keyspace}, which has an example: those of a {@linkcode Reader}, with keys that are told, given and taken
 * without their prefix, and values that are what a codec makes of them. {@linkcode Snapshot.under} and
 * {@linkcode Snapshot.as} make it.
 *
 * A value of which the codec makes nothing is met as damage is: what gives one thing or all of it rejects with the
 * {@linkcode CodecError}, streams end with it, or report it in the entry's place.
 *
 * @typeParam T What values are.
 * @typeParam Options What its reads may be given.
 */
export class KeyspaceReader<T, Options extends SnapshotReadOptions> {
  readonly #reads: Reads;
  readonly #space: Space<T, never>;

  /**
   * Made by snapshots and keyspaces only.
   *
   * @ignore
   */
  constructor(reads: Reads, space: Space<T, never>) {
    this.#reads = reads;
    this.#space = space;
  }

  /**
   * The part of it whose keys begin with a prefix, which is told, given and taken without it.
   *
   * @param prefix Parts, a string or bytes.
   * @throws {TypeError} If it is none of them.
   * @throws {LimitError} If all that stands before keys takes more than 512 bytes.
   */
  under(prefix: Key): KeyspaceReader<T, Options> {
    return new KeyspaceReader(this.#reads, this.#space.under(prefix));
  }

  /**
   * The same keys, with values that a codec makes of their bytes.
   *
   * @param codec The codec; see {@linkcode json}, {@linkcode text} and {@linkcode structured}.
   * @throws {TypeError} If it is none.
   */
  as<Other>(codec: Codec<Other>): KeyspaceReader<Other, Options> {
    return new KeyspaceReader<Other, Options>(this.#reads, this.#space.as(codec));
  }

  /** Reads the value of one key, as {@linkcode Reader.get} does. */
  async get(key: Key, options?: Omit<Options, "damage">): Promise<T | undefined> {
    return (await this.getEntry(key, options)).value;
  }

  /** Reads the entry of one key, as {@linkcode Reader.getEntry} does. */
  async getEntry(key: Key, options?: Omit<Options, "damage">): Promise<Entry<T>> {
    // The key is lent: whoever reads copies it in the turn of the call.
    return whole(this.#space.entryOf(await this.#reads.entry(this.#space.prefix.write(key), options)));
  }

  /**
   * Reads any number of keys in one batch, as {@linkcode Reader.getVectored} does.
   *
   * @param keys Keys and runs of adjacent keys, which count within their own bytes and not into the prefix.
   * @param options See {@linkcode ReadOptions}.
   */
  getVectored(keys: Keys, options?: Options): ReadableStream<Entry<T>>;
  /** Reads keys as above, and reports damage in the places of entries. */
  getVectored(keys: Keys, options: ReportDamage<Options>): ReadableStream<Entry<T> | DamagedEntry>;
  getVectored(
    keys: Keys,
    options?: Options | ReportDamage<Options>,
  ): ReadableStream<Entry<T> | DamagedEntry> {
    return this.#reads.keys(keys, options, this.#space);
  }

  /** Reads any number of keys into an array, as {@linkcode Reader.getMany} does. */
  async getMany(keys: Keys<Key>, options?: Omit<Options, "damage">): Promise<(T | undefined)[]> {
    const entries = await this.#reads.entries(keys, options, this.#space.prefix);
    return entries.map((entry) => whole(this.#space.entryOf(entry)).value);
  }

  /** Reads a range of keys in key order, as {@linkcode Reader.scan} does; bounds are without the prefix too. */
  scan(range?: ScanRange, options?: Options): ReadableStream<ValueEntry<T>>;
  /** Reads a range as above, and reports damage in the places of entries. */
  scan(range: ScanRange, options: ReportDamage<Options>): ReadableStream<ValueEntry<T> | DamagedEntry>;
  /** Reads the keys of a range, and no values. */
  scan(range: KeysOnly, options?: Options): ReadableStream<KeyEntry>;
  scan(
    range: AnyScanRange = {},
    options?: Options | ReportDamage<Options>,
  ): ReadableStream<ValueEntry<T> | KeyEntry | DamagedEntry> {
    return this.#reads.range(range, options, this.#space);
  }

  /** Counts the keys of a range that have a value, as {@linkcode Reader.count} does. */
  async count(range: CountRange = {}, options?: Omit<Options, "damage">): Promise<number> {
    return await this.#reads.count(range, options, this.#space.prefix);
  }

  /** Reads the versions of a key, as {@linkcode Reader.history} does. */
  history(key: Key, options?: HistoryOptions): ReadableStream<Version<T>>;
  /** Reads versions as above, and reports damage in their places. */
  history(key: Key, options: ReportDamage<HistoryOptions>): ReadableStream<Version<T> | DamagedEntry>;
  history(key: Key, options?: AnyHistoryOptions): ReadableStream<Version<T> | DamagedEntry> {
    return this.#reads.history(key, options, this.#space);
  }
}

/** An entry whose value did decode. */
function whole<T>(entry: Entry<T> | DamagedEntry): Entry<T> {
  if ("error" in entry) throw entry.error;
  return entry;
}
