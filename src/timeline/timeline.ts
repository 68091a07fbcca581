/**
 * A timeline: one history that is appended to and read as of any LSN.
 *
 * Every read takes the layers and the LSN at the call, in one turn, and keeps them: what is appended, frozen or sealed
 * meanwhile does not change what it sees.
 *
 * @module
 */

import {
  boundBytes,
  checkLsn,
  checkReadLsn,
  compareKeys,
  type Key,
  keyBytes,
  type Lsn,
  prefixEnd,
  ReadOnlyError,
  typeName,
} from "../base/mod.ts";
import type { TimelineEntry } from "../manifest/mod.ts";
import { Batch, type Change, RecordBuffer, recordsOf } from "../segment/mod.ts";
import type { Entry, Version } from "./entry.ts";
import { readHistory } from "./history.ts";
import { expandKeys, type KeyVec } from "./key_vec.ts";
import { type LayerInfo, layerInfos } from "./layer_info.ts";
import { ReadSession, type ReadSessions } from "./read_session.ts";
import { readRange, type ScanPlan } from "./scan.ts";
import { Snapshot } from "./snapshot.ts";
import type { TimelineContext } from "./timeline_context.ts";
import type { TimelineLog } from "./timeline_log.ts";
import { readOne, readVectored } from "./vectored_read.ts";

/** Options of {@linkcode Timeline.append}. */
export interface AppendOptions {
  /** The LSN of the batch, greater than the last. The default is the last LSN + 1. */
  lsn?: Lsn;
  /** Whether the promise waits until the batch is durable. The default is `false`. */
  sync?: boolean;
}

/** Options of {@linkcode Timeline.writable}. */
export interface WritableOptions {
  /** Whether each chunk is durable before the next is taken. The default is `false`: closing the stream syncs. */
  sync?: boolean;
}

/** Options of reads. */
export interface ReadOptions {
  /** Read as of this LSN, inclusive; 0 is before all history. The default is the last LSN at the call. */
  lsn?: Lsn;
  /** Stops the read, which then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Which keys {@linkcode Timeline.scan} reads. */
export interface ScanRange {
  /** The first key. The default is the least. */
  start?: Key;
  /** The first key that is left out. The default is none. */
  end?: Key;
  /** Only keys that start with this. */
  prefix?: Key;
  /** Whether keys come from the largest to the smallest. The default is `false`. */
  reverse?: boolean;
  /** The most entries. The default is no limit. */
  limit?: number;
}

/** Which versions {@linkcode Timeline.history} reads. */
export interface HistoryOptions {
  /** The first LSN that counts. The default is 1. */
  from?: Lsn;
  /** The last LSN that counts. The default is the last LSN at the call. */
  to?: Lsn;
  /** Stops the read, which then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** One history. It is made by {@linkcode Store.timeline} and {@linkcode Store.createTimeline}. */
export class Timeline {
  readonly #context: TimelineContext;
  readonly #entry: TimelineEntry;
  readonly #log: TimelineLog;
  readonly #sessions: ReadSessions;
  /** Where changes are encoded; missing while an iterable of changes, which may append too, is being read. */
  #scratch: RecordBuffer | undefined;

  /**
   * Made by the store only.
   *
   * @ignore
   */
  constructor(context: TimelineContext, entry: TimelineEntry, log: TimelineLog, sessions: ReadSessions) {
    this.#context = context;
    this.#entry = entry;
    this.#log = log;
    this.#sessions = sessions;
  }

  /** Its name. */
  get name(): string {
    return this.#entry.name;
  }

  /** The LSN of the last batch; 0 if there is none. */
  get lastLsn(): Lsn {
    return this.#log.lastLsn;
  }

  /** The LSN up to which every batch is known to survive a crash and a loss of power. */
  get durableLsn(): Lsn {
    return this.#log.durableLsn;
  }

  /**
   * Appends changes atomically at one LSN.
   *
   * They are encoded and visible to readers before the call returns; the promise waits for room in the buffers, or
   * with `sync` until they are durable. Await it before appending on: that is the back-pressure. Changes that a
   * rejection with a `LimitError`, `LsnError`, `TypeError`, `RangeError`, or an `IoError` on entry names were not
   * applied. A batch without changes takes an LSN too.
   *
   * @param changes A batch, or changes in order; the last change of a key counts.
   * @param options See {@linkcode AppendOptions}.
   * @returns The LSN of the batch.
   * @throws {LimitError} If a key or value is over its limit, or more waits to be written than memory allows.
   * @throws {LsnError} If `lsn` is not greater than the last.
   * @throws {RangeError} If `lsn` is not a safe integer ≥ 1.
   * @throws {TypeError} If a key, value or change is of a wrong type.
   * @throws {PoisonedError} If a write failed, now or before.
   * @throws {IoError} If the disk is full; when there is room again, appending goes on.
   * @throws {ReadOnlyError} If the store is read only.
   *
   * @example Append two changes at one LSN
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Store } from "@varve/varve";
   *
   * await using store = await Store.open(await Deno.makeTempDir());
   * const timeline = store.timeline();
   * const lsn = await timeline.append([{ key: "a", value: "1" }, { key: "b", delete: true }], { sync: true });
   * assertEquals(lsn, 1);
   * assertEquals(timeline.durableLsn, 1);
   * ```
   */
  append(changes: Batch | Iterable<Change>, options: AppendOptions = {}): Promise<Lsn> {
    try {
      this.#checkWritable();
      const given = options.lsn === undefined ? undefined : checkLsn(options.lsn, 1);
      const lsn = this.#append(changes, given);
      if (options.sync === true) return this.#syncedRoom().then(() => lsn);
      const room = this.#log.room();
      return room === undefined ? Promise.resolve(lsn) : room.then(() => lsn);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #checkWritable(): void {
    this.#sessions.checkOpen();
    if (this.#context.readOnly) {
      throw new ReadOnlyError(`Cannot write to "${this.#context.directory}": the store is open read only`);
    }
  }

  #append(changes: Batch | Iterable<Change>, given: Lsn | undefined): Lsn {
    if (changes instanceof Batch) return this.#log.append(recordsOf(changes), given);
    if (typeof changes !== "object" || changes === null || !(Symbol.iterator in changes)) {
      throw new TypeError(`Cannot append: expected a Batch or changes, found ${typeName(changes)}`);
    }
    const records = this.#scratch ?? new RecordBuffer();
    this.#scratch = undefined;
    try {
      records.clear();
      for (const change of changes) records.add(change);
      return this.#log.append(records, given);
    } finally {
      this.#scratch = records;
    }
  }

  /** Syncs, and waits for room too: sealing may be slower than syncs are. */
  async #syncedRoom(): Promise<void> {
    await this.#log.sync();
    await this.#log.room();
  }

  /**
   * A sink in which every chunk becomes one batch.
   *
   * Its back-pressure is that of {@linkcode append}. Closing it syncs; aborting it leaves what was written.
   *
   * @param options See {@linkcode WritableOptions}.
   * @returns A stream of changes, arrays of changes or batches.
   *
   * @example Stream changes in
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { type Change, Store } from "@varve/varve";
   *
   * await using store = await Store.open(await Deno.makeTempDir());
   * const timeline = store.timeline();
   * const changes: Change[] = [{ key: "a", value: "1" }, { key: "a", value: "2" }];
   * await ReadableStream.from(changes).pipeTo(timeline.writable());
   * assertEquals(timeline.durableLsn, 2);
   * ```
   */
  writable(options: WritableOptions = {}): WritableStream<Change | Change[] | Batch> {
    this.#checkWritable();
    const sync = options.sync === true;
    return new WritableStream<Change | Change[] | Batch>({
      write: (chunk) => this.#writeChunk(chunk, sync),
      close: async () => {
        await this.sync();
      },
    }, { highWaterMark: 64 });
  }

  #writeChunk(chunk: Change | Change[] | Batch, sync: boolean): Promise<void> | undefined {
    this.#checkWritable();
    this.#append(chunk instanceof Batch || Array.isArray(chunk) ? chunk : [chunk], undefined);
    return sync ? this.#syncedRoom() : this.#log.room();
  }

  /**
   * Makes every batch that was appended before the call durable. Concurrent calls share one sync.
   *
   * @returns The durable LSN.
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   * @throws {IoError} If the disk is full.
   */
  async sync(): Promise<Lsn> {
    this.#checkWritable();
    await this.#log.sync();
    return this.#log.durableLsn;
  }

  /**
   * Reads the value of one key.
   *
   * @param key The key.
   * @param options See {@linkcode ReadOptions}.
   * @returns The value, which is the caller's for ever; `undefined` if the key is absent or deleted.
   * @throws {LsnError} If `lsn` is beyond the last LSN.
   * @throws {CorruptionError} If the record is damaged.
   *
   * @example Read as of an earlier LSN
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Store } from "@varve/varve";
   *
   * await using store = await Store.open(await Deno.makeTempDir());
   * const timeline = store.timeline();
   * const first = await timeline.append([{ key: "greeting", value: "hello" }]);
   * await timeline.append([{ key: "greeting", value: "goodbye" }]);
   * const value = await timeline.get("greeting", { lsn: first });
   * assertEquals(new TextDecoder().decode(value), "hello");
   * ```
   */
  async get(key: Key, options: ReadOptions = {}): Promise<Uint8Array | undefined> {
    // The caller may change the bytes of the key while the read waits.
    const bytes = typeof key === "string" ? keyBytes(key) : keyBytes(key).slice();
    const session = this.#session(options);
    return await session.call(readOne(this.#context.read, session.layers, bytes, session.lsn, session));
  }

  /**
   * Reads any number of keys in one batch: N keys behave as N gets and cost as little as one.
   *
   * @param keys Keys and runs of adjacent keys, in any order, also repeated.
   * @param options See {@linkcode ReadOptions}.
   * @returns One entry for each key, in request order; absent and deleted keys have the value `undefined`. Damage of a
   * record fails its own entry: reading its `value` throws.
   * @throws {LsnError} If `lsn` is beyond the last LSN.
   *
   * @example Read keys and a run of keys
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Store } from "@varve/varve";
   *
   * await using store = await Store.open(await Deno.makeTempDir());
   * const timeline = store.timeline();
   * await timeline.append([{ key: "p1", value: "one" }, { key: "p2", value: "two" }]);
   * const found: string[] = [];
   * for await (const { value } of timeline.getVectored([{ base: "p1", count: 2 }, "p9"])) {
   *   found.push(value === undefined ? "-" : new TextDecoder().decode(value));
   * }
   * assertEquals(found, ["one", "two", "-"]);
   * ```
   */
  getVectored(keys: Iterable<Key | KeyVec>, options: ReadOptions = {}): ReadableStream<Entry> {
    const session = this.#session(options);
    return session.stream(
      readVectored(this.#context.read, session.layers, expandKeys(keys), session.lsn, session),
    );
  }

  /**
   * Reads any number of keys into an array.
   *
   * @param keys The keys.
   * @param options See {@linkcode ReadOptions}.
   * @returns The values in request order.
   * @throws {LsnError} If `lsn` is beyond the last LSN.
   * @throws {CorruptionError} If a record is damaged.
   */
  async getMany(keys: Iterable<Key>, options: ReadOptions = {}): Promise<(Uint8Array | undefined)[]> {
    const session = this.#session(options);
    const values: (Uint8Array | undefined)[] = [];
    const read = readVectored(this.#context.read, session.layers, expandKeys(keys), session.lsn, session);
    for await (const entries of session.run(read)) {
      for (const entry of entries) values.push(entry.value);
    }
    return values;
  }

  /**
   * Reads a range of keys in key order.
   *
   * @param range Which keys, in which direction; see {@linkcode ScanRange}.
   * @param options See {@linkcode ReadOptions}.
   * @returns The keys that have a value, in order.
   * @throws {LsnError} If `lsn` is beyond the last LSN.
   * @throws {RangeError} If `limit` is not a whole number.
   * @throws {TypeError} If a bound or `limit` is of a wrong type.
   *
   * @example Read the last two keys of a prefix
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Store } from "@varve/varve";
   *
   * await using store = await Store.open(await Deno.makeTempDir());
   * const timeline = store.timeline();
   * await timeline.append(["a/1", "a/2", "a/3", "b/1"].map((key) => ({ key, value: "" })));
   * const keys: string[] = [];
   * for await (const { key } of timeline.scan({ prefix: "a/", reverse: true, limit: 2 })) {
   *   keys.push(new TextDecoder().decode(key));
   * }
   * assertEquals(keys, ["a/3", "a/2"]);
   * ```
   */
  scan(range: ScanRange = {}, options: ReadOptions = {}): ReadableStream<Entry> {
    const plan = planScan(range);
    const session = this.#session(options);
    return session.stream(readRange(this.#context.read, session.layers, plan, session.lsn, session));
  }

  /**
   * Reads every version of a key, oldest first, deletions included.
   *
   * @param key The key.
   * @param options See {@linkcode HistoryOptions}.
   * @returns The versions.
   * @throws {LsnError} If `to` is beyond the last LSN.
   */
  history(key: Key, options: HistoryOptions = {}): ReadableStream<Version> {
    const from = options.from === undefined ? 1 : checkLsn(options.from);
    const bytes = keyBytes(key).slice();
    const session = this.#session({
      ...(options.to === undefined ? {} : { lsn: options.to }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const plan = { key: bytes, from, to: session.lsn };
    return session.stream(readHistory(this.#context.read, session.layers, plan, session));
  }

  /**
   * Fixes an LSN to read as of.
   *
   * @param lsn The LSN. The default is the last LSN.
   * @returns A reader that always reads as of it.
   * @throws {LsnError} If `lsn` is beyond the last LSN.
   */
  snapshot(lsn?: Lsn): Snapshot {
    this.#sessions.checkOpen();
    return new Snapshot(this, checkReadLsn(lsn, this.lastLsn));
  }

  /**
   * Closes the open layer and resolves when it is sealed and in the manifest. Appends go on meanwhile.
   *
   * @throws {PoisonedError} If a write failed, now or before.
   * @throws {IoError} If the disk is full.
   */
  async freeze(): Promise<void> {
    this.#checkWritable();
    await this.#log.freeze();
  }

  /** Describes every layer, newest first. */
  layers(): LayerInfo[] {
    this.#sessions.checkOpen();
    return layerInfos(this.#log.layers);
  }

  #session(options: ReadOptions): ReadSession {
    return new ReadSession(
      this.#sessions,
      this.#log.layers,
      checkReadLsn(options.lsn, this.lastLsn),
      options.signal,
    );
  }
}

function planScan(range: ScanRange): ScanPlan {
  const limit = range.limit ?? Infinity;
  if (typeof limit !== "number") {
    throw new TypeError(`Cannot scan: expected "limit" to be a number, found ${typeName(limit)}`);
  }
  if (limit !== Infinity && (!Number.isSafeInteger(limit) || limit < 0)) {
    throw new RangeError(`Cannot scan: expected a limit of 0 or more, found ${limit}`);
  }
  let start: Uint8Array | undefined = range.start === undefined ? undefined : boundBytes(range.start).slice();
  let end: Uint8Array | undefined = range.end === undefined ? undefined : boundBytes(range.end).slice();
  if (range.prefix !== undefined) {
    const prefix = boundBytes(range.prefix).slice();
    const after = prefixEnd(prefix);
    if (start === undefined || compareKeys(prefix, start) > 0) start = prefix;
    if (after !== undefined && (end === undefined || compareKeys(after, end) < 0)) end = after;
  }
  return { start, end, reverse: range.reverse === true, limit };
}
