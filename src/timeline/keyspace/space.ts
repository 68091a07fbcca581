/**
 * How a part of a timeline looks to who uses it: keys without a prefix, values as a codec makes them.
 *
 * ```
 *   keyspace   [42, "name"]            { name: "Ann" }
 *                  │ prefix ["user"]        │ codec json
 *   timeline   ["user", 42, "name"]    7b 22 6e 61 …
 * ```
 *
 * @module
 */

import { type Key, KeyPrefix, keyText, type Lsn, typeName, type Value } from "../../base/mod.ts";
import type { Change } from "../../segment/mod.ts";
import type { DamagedEntry, Entry, KeyEntry, ValueEntry, Version } from "../entry.ts";
import type { Difference } from "../read/diff/options.ts";
import type { ChangeBatch, KeyChange } from "../read/feed/change_batch.ts";
import { ofChange } from "../which_change.ts";
import { checkCodec, type Codec, CodecError } from "./codec.ts";

/** A value as it is stored. */
type Bytes = Uint8Array<ArrayBuffer>;

/** What makes values that can be stored of those that are put, and those that are got of what was stored. */
interface Coding<T, Put> {
  encode(value: Put): Value;
  decode(bytes: Bytes): T;
}

const raw: Coding<Bytes, Value> = { encode: (value) => value, decode: (bytes) => bytes };

/**
 * A prefix and a codec.
 *
 * @typeParam T What values are when they are read.
 * @typeParam Put What values are when they are written.
 */
export class Space<T, Put = T> {
  /** What every key begins with. */
  readonly prefix: KeyPrefix;
  readonly #coding: Coding<T, Put>;

  private constructor(prefix: KeyPrefix, coding: Coding<T, Put>) {
    this.prefix = prefix;
    this.#coding = coding;
  }

  /** All of a timeline, as it is. */
  static readonly whole: Space<Bytes, Value> = new Space(new KeyPrefix(""), raw);

  /** The part of it whose keys begin with a prefix. */
  under(prefix: Key): Space<T, Put> {
    return new Space(new KeyPrefix(prefix, this.prefix), this.#coding);
  }

  /** The same keys, with other values. */
  as<Other>(codec: Codec<Other>): Space<Other> {
    checkCodec(codec);
    return new Space(this.prefix, codec);
  }

  /** An entry as it looks from here; a damaged one, if its value does not decode. */
  entryOf(entry: Entry | DamagedEntry): Entry<T> | DamagedEntry {
    if ("error" in entry) return this.#behind(entry);
    if (entry.value === undefined) return { key: this.#keyIn(entry.key), value: undefined, lsn: entry.lsn };
    return this.valueEntryOf(entry as ValueEntry);
  }

  /** See {@linkcode entryOf}. */
  valueEntryOf(entry: ValueEntry | DamagedEntry): ValueEntry<T> | DamagedEntry {
    if ("error" in entry) return this.#behind(entry);
    const key = this.#keyIn(entry.key), { lsn } = entry;
    try {
      return { key, value: this.#coding.decode(entry.value), lsn };
    } catch (cause) {
      return { key, lsn, error: undecoded(entry.key, lsn, cause) };
    }
  }

  /** See {@linkcode entryOf}. */
  keyEntryOf(entry: KeyEntry | DamagedEntry): KeyEntry | DamagedEntry {
    return this.#behind(entry);
  }

  /** A version as it looks from here; a damaged entry, if its value does not decode. */
  versionOf(version: Version | DamagedEntry, key: Bytes): Version<T> | DamagedEntry {
    if ("error" in version) return this.#behind(version);
    const { lsn, value, deleted } = version;
    if (value === undefined) return { lsn, value, deleted };
    try {
      return { lsn, value: this.#coding.decode(value), deleted };
    } catch (cause) {
      return { key: this.#keyIn(key.slice()), lsn, error: undecoded(key.slice(), lsn, cause) };
    }
  }

  /** What changed, as it looks from here; a damaged entry, if a value of it does not decode. */
  batchOf({ lsn, changes }: ChangeBatch): ChangeBatch<T> | DamagedEntry {
    const made: KeyChange<T>[] = [];
    for (const change of changes) {
      if (!("value" in change)) {
        // A patch is bytes, whatever values are.
        made.push({ ...change, key: this.#keyIn(change.key) });
        continue;
      }
      const entry = this.valueEntryOf({ key: change.key, value: change.value, lsn });
      if ("error" in entry) return entry;
      made.push({ key: entry.key, value: entry.value });
    }
    return { lsn, changes: made };
  }

  /** What differs between two entries of a key, as it looks from here; a damaged one, if a value does not decode. */
  differenceOf(before: Entry, after: Entry): Difference<T> | DamagedEntry {
    const older = this.entryOf(before), newer = this.entryOf(after);
    if ("error" in older) return older;
    if ("error" in newer) return newer;
    return { key: newer.key, before: older.value, after: newer.value };
  }

  /**
   * Changes as the timeline takes them, each of which is lent until the next.
   *
   * @throws {TypeError} If something is no change, or of a wrong type.
   */
  *changesOf(changes: Iterable<Change<Put>>): Generator<Change> {
    if (typeof changes !== "object" || changes === null || !(Symbol.iterator in changes)) {
      throw new TypeError(`Cannot append: expected changes, found ${typeName(changes)}`);
    }
    let index = 0;
    for (const change of changes) yield this.changeOf(change, index++);
  }

  /**
   * A change as the timeline takes it. Its key is lent until the next one.
   *
   * @param change The change.
   * @param index Which one of its batch it is, for errors.
   * @throws {TypeError} If it is no change, or of a wrong type.
   */
  changeOf(change: Change<Put>, index?: number): Change {
    if (typeof change !== "object" || change === null) {
      const found = typeName(change);
      throw ofChange(new TypeError(`Cannot add change: expected an object, found ${found}`), index);
    }
    // What is no put is encoded as it is, a patch too, and refused there if it is no change at all.
    if (!("value" in change) || "patch" in change || "delete" in change) {
      return { ...change, key: this.#keyOf(change.key, index) } as Change;
    }
    if (change.value === undefined) {
      const why = "Cannot add change: its value is undefined; delete: true deletes a key";
      throw ofChange(new TypeError(why), index);
    }
    // First the value: whoever encodes it may write other keys of this space.
    const value = this.#coding.encode(change.value);
    return { key: this.#keyOf(change.key, index), value };
  }

  #keyOf(key: Key, index: number | undefined): Uint8Array<ArrayBuffer> {
    try {
      return this.prefix.write(key);
    } catch (error) {
      throw ofChange(error, index);
    }
  }

  #behind<E extends { readonly key: Bytes }>(entry: E): E {
    return { ...entry, key: this.#keyIn(entry.key) };
  }

  #keyIn(key: Bytes): Bytes {
    return this.prefix.length === 0 ? key : key.subarray(this.prefix.length);
  }
}

/** What reads need of a space. */
export type ReadSpace<T> = Pick<
  Space<T, never>,
  "prefix" | "entryOf" | "valueEntryOf" | "keyEntryOf" | "versionOf" | "batchOf" | "differenceOf"
>;

function undecoded(key: Bytes, lsn: Lsn, cause: unknown): CodecError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CodecError(`Cannot decode value of key ${keyText(key)} at LSN ${lsn}: ${reason}`, {
    key: key.slice(),
    lsn,
    cause,
  });
}
