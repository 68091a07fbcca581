/**
 * The records of a batch, encoded as its changes are gathered.
 *
 * ```
 *   put(k, v) ──► record │ record │ record ──joinPatches──stamp(lsn)──► copied whole into the segment's buffer
 * ```
 *
 * @module
 */

import {
  type Key,
  keyLengthError,
  LimitError,
  type Lsn,
  maxBatchBytes,
  maxBatchChanges,
  maxKeyBytes,
  maxValueBytes,
  noKey,
  typeName,
  type Value,
  writeParts,
} from "../base/mod.ts";
import {
  keyLengthAt,
  lastOfBatch,
  lsnHigh,
  lsnLow,
  patchHeadBytes,
  recordHeaderBytes,
  RecordKind,
  recordLengthAt,
  stampRecord,
  writePatchHead,
  writeRecordHeader,
} from "../layer/mod.ts";

/**
 * One change of one key: a whole value, a patch that stands on the newest older value, or its deletion.
 *
 * @typeParam T What a value is; a {@linkcode Keyspace} with a codec takes others than bytes and strings. A patch is bytes
 * or a string in any case: what it means, and to what, is for the option `redo` to know.
 */
export type Change<T = Value> =
  | { key: Key; value: T }
  | { key: Key; patch: Value }
  | { key: Key; delete: true };

const encoder = new TextEncoder();
const leastBytes = 4096;
/** A buffer that grew over this for one large batch is given up when it is cleared. */
const keptBytes = 4 * 1024 * 1024;
/** Below this a loop copies faster than `set`, which costs some 40 ns a call. */
const loopBytes = 16;

/** Records back to back, whose LSN and checksums are set when the batch is appended. */
export class EncodedBatch {
  /** The memory; records are in `[0, end)`. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The same memory. */
  view: DataView<ArrayBuffer>;
  /** Where the last record ends. */
  end = 0;
  /** How many records there are. */
  count = 0;
  /** Whether any record has a patch. */
  hasPatches = false;

  /** Starts without records, in memory that is given, or of its own. */
  constructor(bytes: Uint8Array<ArrayBuffer> = new Uint8Array(leastBytes)) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  /** The same records in memory of their own, which nobody changes who fills this batch anew. */
  copy(): EncodedBatch {
    const copy = new EncodedBatch(this.bytes.slice(0, this.end));
    copy.end = this.end;
    copy.count = this.count;
    copy.hasPatches = this.hasPatches;
    return copy;
  }

  /** Forgets every record. */
  clear(): void {
    this.end = this.count = 0;
    this.hasPatches = false;
    if (this.bytes.length > keptBytes) this.#reallocate(leastBytes);
  }

  /** Adds any change. */
  add(change: Change): void {
    if (change === null || typeof change !== "object") {
      throw new TypeError(`Cannot add change: expected an object, found ${typeName(change)}`);
    }
    const hasPatch = "patch" in change;
    if ("value" in change && !hasPatch && !("delete" in change)) return this.put(change.key, change.value);
    if (hasPatch && !("value" in change) && !("delete" in change)) {
      return this.patch(change.key, change.patch);
    }
    if (!("value" in change) && !hasPatch && (change as { delete?: unknown }).delete === true) {
      return this.delete(change.key);
    }
    throw new TypeError("Cannot add change: expected either a value, a patch or delete: true");
  }

  /** Adds a whole value. */
  put(key: Key, value: Value): void {
    const keyAt = this.#reserveKey(key);
    const keyLength = this.#writeKey(key, keyAt);
    const valueLength = this.#writeValue(value, keyAt + keyLength);
    this.#finish(RecordKind.PUT, keyLength, valueLength);
  }

  /** Adds a patch. */
  patch(key: Key, patch: Value): void {
    const keyAt = this.#reserveKey(key);
    const keyLength = this.#writeKey(key, keyAt), headAt = keyAt + keyLength;
    this.#reserve(headAt - this.end + patchHeadBytes);
    const patchLength = this.#writeValue(patch, headAt + patchHeadBytes, patchHeadBytes);
    writePatchHead(this.view, headAt, patchLength);
    this.#finish(RecordKind.PATCH, keyLength, patchHeadBytes + patchLength);
    this.hasPatches = true;
  }

  /** Adds a tombstone. */
  delete(key: Key): void {
    const keyAt = this.#reserveKey(key);
    const keyLength = this.#writeKey(key, keyAt);
    this.#finish(RecordKind.DELETE, keyLength, 0);
  }

  /** Adds a record whose value somebody else writes, as long as is said. */
  write(
    kind: number,
    key: Uint8Array,
    valueLength: number,
    fill: (view: DataView, at: number) => void,
  ): void {
    const keyAt = this.#reserveKey(key), valueAt = keyAt + this.#writeKey(key, keyAt);
    if (valueLength > maxValueBytes) throw valueTooLong(valueLength);
    this.#reserve(valueAt - this.end + valueLength);
    fill(this.view, valueAt);
    this.#finish(kind, key.length, valueLength);
  }

  /** Adds the one record of a batch without changes. */
  mark(): void {
    this.#finish(RecordKind.MARK, 0, 0);
  }

  /**
   * Sets the LSN, the flags and the checksum of every record. Hot: `bench/ingest.ts`.
   *
   * @param lsn The batch's LSN.
   * @param seed The seed of its file's checksums.
   */
  stamp(lsn: Lsn, seed: number): void {
    const { bytes, view, end } = this;
    const low = lsnLow(lsn), high = lsnHigh(lsn);
    for (let at = 0; at < end;) {
      const length = recordLengthAt(view, at);
      const flags = at + length === end ? lastOfBatch : 0;
      stampRecord(bytes, view, at, length, low, high, flags, seed);
      at += length;
    }
  }

  /** Shows the key of each record, which is lent. */
  visitKeys(visit: (key: Uint8Array<ArrayBuffer>) => void): void {
    const { bytes, view, end } = this;
    for (let at = 0; at < end; at += recordLengthAt(view, at)) {
      const keyAt = at + recordHeaderBytes, length = keyLengthAt(view, at);
      if (length > 0) visit(bytes.subarray(keyAt, keyAt + length));
    }
  }

  #reserveKey(key: Key): number {
    const isParts = Array.isArray(key);
    if (typeof key !== "string" && !(key instanceof Uint8Array) && !isParts) throw noKey(key);
    if (key.length === 0 || !isParts && key.length > maxKeyBytes) throw keyLengthError(key.length);
    if (this.count >= maxBatchChanges) throw batchTooLarge("changes", maxBatchChanges, this.count + 1);
    // A UTF-16 code unit is at most three bytes of UTF-8.
    const most = isParts ? maxKeyBytes : typeof key === "string" ? key.length * 3 : key.length;
    this.#reserve(recordHeaderBytes + most);
    return this.end + recordHeaderBytes;
  }

  #writeKey(key: Key, at: number): number {
    if (typeof key === "string") {
      const { written } = encoder.encodeInto(key, this.bytes.subarray(at));
      if (written > maxKeyBytes) throw keyLengthError(written);
      return written;
    }
    if (key instanceof Uint8Array) {
      copyInto(this.bytes, key, at);
      return key.length;
    }
    return writeParts(this.bytes, at, at + maxKeyBytes, key) - at;
  }

  /** Writes a value behind what stands in its place already, which counts as its bytes do. */
  #writeValue(value: Value, at: number, before = 0): number {
    const most = maxValueBytes - before;
    if (typeof value === "string") {
      if (value.length > most) throw valueTooLong(value.length, most);
      this.#reserve(at - this.end + value.length * 3);
      const { written } = encoder.encodeInto(value, this.bytes.subarray(at));
      if (written > most) throw valueTooLong(written, most);
      return written;
    }
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`Cannot use value: expected a Uint8Array or a string, found ${typeName(value)}`);
    }
    if (value.length > most) throw valueTooLong(value.length, most);
    this.#reserve(at - this.end + value.length);
    copyInto(this.bytes, value, at);
    return value.length;
  }

  #finish(kind: number, keyLength: number, valueLength: number): void {
    const length = recordHeaderBytes + keyLength + valueLength;
    if (this.end + length > maxBatchBytes) throw batchTooLarge("bytes", maxBatchBytes, this.end + length);
    writeRecordHeader(this.view, this.end, kind, keyLength, valueLength);
    this.end += length;
    this.count++;
  }

  #reserve(more: number): void {
    const needed = this.end + more;
    if (needed > this.bytes.length) this.#reallocate(Math.max(needed, this.bytes.length * 2));
  }

  #reallocate(size: number): void {
    const old = this.bytes;
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
    // A key may already stand behind the last record.
    this.bytes.set(old.subarray(0, Math.min(old.length, size, this.end + recordHeaderBytes + maxKeyBytes)));
  }
}

function copyInto(target: Uint8Array, source: Uint8Array, at: number): void {
  if (source.length > loopBytes) return target.set(source, at);
  for (let i = 0; i < source.length; i++) target[at + i] = source[i];
}

function batchTooLarge(what: string, limit: number, found: number): LimitError {
  return new LimitError(`Cannot add change: a batch holds at most ${limit} ${what}`, { limit, found });
}

function valueTooLong(found: number, limit: number = maxValueBytes): LimitError {
  return new LimitError(`Cannot use value: its length is ${found} bytes, the limit is ${limit}`, {
    limit,
    found,
  });
}
