/**
 * A timeline: one history that is appended to and read as of any LSN.
 *
 * Every read takes a view at the call, in one turn: what is appended, frozen or sealed meanwhile does not change what
 * it sees.
 *
 * @module
 */

import type { Key, Lsn, Value } from "../base/mod.ts";
import { Batch, type Change } from "../segment/mod.ts";
import { Appender, type AppendOptions, type WritableOptions } from "./append.ts";
import type { Codec } from "./keyspace/codec.ts";
import { Keyspace } from "./keyspace/keyspace.ts";
import { Space } from "./keyspace/space.ts";
import type { Rows } from "./read/records/columns.ts";
import type { Difference, DiffRange } from "./read/diff/options.ts";
import type { ChangeBatch } from "./read/feed/change_batch.ts";
import { Feed } from "./read/feed/feed.ts";
import type { ChangesOptions } from "./read/feed/options.ts";
import { type LayerInfo, layerInfos } from "./layer_info.ts";
import type { ReadOptions, ScanRange, WholeReadOptions } from "./read/options.ts";
import { Reads } from "./read/reads.ts";
import { feedOf, newestOf, type OpenTimeline } from "./open_timeline.ts";
import { Reader } from "./reader.ts";
import { Snapshot } from "./snapshot.ts";
import type { TimelineContext } from "./timeline_context.ts";
import { compactTimeline } from "./upkeep/compact.ts";
import type { CompactionReport, CompactOptions } from "./upkeep/compaction.ts";
import { collectGarbage, type GcOptions, type GcReport } from "./upkeep/retain/gc.ts";
import type { TimelineWriter } from "./write/timeline_writer.ts";

/**
 * Shows the entries of a range of keys to somebody who looks at each once, a few megabytes at a time, in key order: it
 * costs no object for an entry. Damage ends it with the `CorruptionError`.
 *
 * @param timeline What is read.
 * @param range Which keys.
 * @param options As of which LSN.
 * @param visit Is lent rows until its promise resolves.
 */
export let visitRows: (
  timeline: Timeline,
  range: ScanRange,
  options: WholeReadOptions,
  visit: (rows: Rows) => Promise<void>,
) => Promise<void>;

/**
 * One history. It is made by {@linkcode Store.timeline} and {@linkcode Store.createTimeline}.
 *
 * @example Stream changes in
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type Change, Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const changes: Change[] = [{ key: "a", value: "1" }, { key: "a", value: "2" }];
 * await ReadableStream.from(changes).pipeTo(store.timeline().writable());
 * assertEquals(store.timeline().durableLsn, 2);
 * ```
 *
 * @example Read as of an earlier LSN
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * const first = await timeline.append([{ key: "greeting", value: "hello" }]);
 * await timeline.append([{ key: "greeting", delete: true }]);
 * assertEquals(await timeline.get("greeting", { lsn: first }), new TextEncoder().encode("hello"));
 * ```
 *
 * @example Append two changes at one LSN
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * const lsn = await timeline.append([{ key: "a", value: "1" }, { key: "b", delete: true }], { sync: true });
 * assertEquals(timeline.durableLsn, lsn);
 * ```
 *
 * @example Append only if nobody else did
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { ConflictError, Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * await timeline.append([{ key: "seats", value: "1" }]);
 * const read = await timeline.getEntry("seats");
 * const change = [{ key: "seats", value: "0" }];
 * assertEquals(await timeline.append(change, { expect: [read] }), 2);
 * await assertRejects(() => timeline.append(change, { expect: [read] }), ConflictError, "found LSN 2");
 * ```
 *
 * @example Merge layers
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * for (const value of ["1", "2", "3"]) {
 *   await timeline.append([{ key: "a", value }, { key: "b", value }]);
 *   await timeline.freeze();
 * }
 * await timeline.compact();
 * assertEquals(timeline.layers().length, 1);
 * assertEquals(await timeline.get("a", { lsn: 2 }), new TextEncoder().encode("2"));
 * ```
 *
 * @example Read as of a moment
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * await timeline.append([{ key: "a", value: "1" }]);
 * const lsn = timeline.lsnAt(timeline.dateOf(1));
 * assertEquals(await timeline.get("a", { lsn }), new TextEncoder().encode("1"));
 * ```
 *
 * @example Keep ten LSNs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir(), { history: { lsns: 10 } });
 * const timeline = store.timeline();
 * for (let i = 1; i <= 50; i++) await timeline.append([{ key: "a", value: `${i}` }]);
 * const { horizonAfter } = await timeline.gc();
 * assertEquals(horizonAfter, 40);
 * assertEquals(await timeline.get("a", { lsn: 40 }), new TextEncoder().encode("40"));
 * ```
 *
 * @example Compare two moments
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * await timeline.append([{ key: "a", value: "1" }, { key: "b", value: "1" }]);
 * await timeline.append([{ key: "b", value: "2" }]);
 * const [{ key, before, after }] = await Array.fromAsync(timeline.diff(1, 2));
 * assertEquals([key, before, after].map((bytes) => new TextDecoder().decode(bytes)), ["b", "1", "2"]);
 * ```
 *
 * @example Follow what is appended
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * await timeline.append([{ key: "b", value: "1" }, { key: "a", delete: true }]);
 * const feed = timeline.changes({ from: 1, follow: true }).getReader();
 * assertEquals((await feed.read()).value?.changes.length, 2);
 * const next = feed.read();
 * await timeline.append([{ key: "c", value: "2" }]);
 * assertEquals((await next).value?.lsn, 2);
 * await feed.cancel();
 * ```
 */
export class Timeline extends Reader<ReadOptions> {
  readonly #context: TimelineContext;
  readonly #writer: TimelineWriter;
  readonly #appender: Appender;
  readonly #reads: Reads;
  readonly #feed: Feed;

  static {
    visitRows = (timeline, range, options, visit) => timeline.#reads.visit(range, options, visit);
  }

  /**
   * Made by the store only.
   *
   * @ignore
   */
  constructor({ context, writer }: OpenTimeline) {
    const newest = newestOf({ context, writer }), reads = new Reads(context.objects, newest);
    super(reads);
    this.#context = context;
    this.#writer = writer;
    this.#appender = new Appender(context, writer, newest);
    this.#reads = reads;
    this.#feed = new Feed(context.objects, feedOf({ context, writer }));
  }

  /** Its name. */
  get name(): string {
    return this.#context.name;
  }

  /** The LSN of the last batch; 0 if there is none. */
  get lastLsn(): Lsn {
    return this.#writer.lastLsn;
  }

  /** The LSN up to which every batch is known to survive a crash and a loss of power. */
  get durableLsn(): Lsn {
    return this.#writer.durableLsn;
  }

  /**
   * Appends changes atomically at one LSN.
   *
   * They are visible to readers before the call returns, unless what `expect` says has to be looked up on disk first; the
   * promise waits for room in the buffers, or with `sync` until they are durable. Await it before appending on: that is the
   * back-pressure. Who ends the program then closes the store, or syncs, first: what waits in buffers would be lost. What is
   * rejected was not applied, unless the error has an `appliedLsn`: then it was, at that LSN, but is not known to be
   * durable. A batch without changes takes an LSN too.
   *
   * @param changes A batch, or changes in order; the last change of a key counts.
   * @param options See {@linkcode AppendOptions}.
   * @returns The LSN of the batch.
   * @throws {LimitError} If a key or value is over its limit, or more waits to be written than memory allows.
   * @throws {ConflictError} If a key is not as `expect` says.
   * @throws {CorruptionError} If that cannot be told, since an index is damaged.
   * @throws {LsnError} If `lsn` is not greater than the last.
   * @throws {RangeError} If an LSN is not a safe integer ≥ 1.
   * @throws {TypeError} If a key, value, change or expectation is of a wrong type.
   * @throws {PoisonedError} If a write failed, now or before, or there is no memory for the batch.
   * @throws {IoError} If the disk is full; when there is room again, appending goes on.
   * @throws {ReadOnlyError} If the store is read only.
   * @throws {ShardError} If a key belongs to another store of several, by the store's option `shard`.
   */
  append(changes: Batch | Iterable<Change>, options: AppendOptions = {}): Promise<Lsn> {
    return this.#appender.append(changes, options);
  }

  /**
   * A sink in which every chunk becomes one batch.
   *
   * Its back-pressure is that of {@linkcode append}. Closing it syncs; aborting it leaves what was written.
   *
   * @param options See {@linkcode WritableOptions}.
   * @returns A stream of changes, arrays of changes or batches.
   */
  writable(options: WritableOptions = {}): WritableStream<Change | Change[] | Batch> {
    return this.#appender.writable<Change | Change[] | Batch>(
      options,
      (chunk) => chunk instanceof Batch || Array.isArray(chunk) ? chunk : [chunk],
    );
  }

  /**
   * Makes every batch that was appended before the call durable. Concurrent calls share one sync.
   *
   * @returns The durable LSN.
   * @throws {PoisonedError} If a write or a sync failed, now or before; an `IoError` if the disk is full.
   */
  async sync(): Promise<Lsn> {
    await this.#appender.sync();
    return this.#writer.durableLsn;
  }

  /**
   * What is under a prefix, whose keys are told, given and taken without it.
   *
   * @param prefix Parts, a string or bytes: `["user", 42]`, `"user/42/"`.
   * @returns A part of this timeline, with values as bytes, which {@linkcode Keyspace.as} gives a codec.
   * @throws {TypeError} If it is none of them.
   * @throws {LimitError} If it takes more than 512 bytes.
   */
  under(prefix: Key): Keyspace<Uint8Array<ArrayBuffer>, Value> {
    return new Keyspace(this.#reads, this.#feed, this.#appender, Space.whole.under(prefix));
  }

  /**
   * All of this timeline, with values that a codec makes of bytes, and bytes of values.
   *
   * @param codec The codec: {@linkcode json}, {@linkcode text}, {@linkcode structured}, or one of your own.
   * @returns All of it, of which {@linkcode Keyspace.under} gives a part.
   * @throws {TypeError} If it is no codec.
   */
  as<T>(codec: Codec<T>): Keyspace<T> {
    return new Keyspace(this.#reads, this.#feed, this.#appender, Space.whole.as(codec));
  }

  /**
   * Reads what changed, batch by batch, in the order of LSNs: every batch from the first LSN to the last, whole, each
   * once, whether it lies in memory, in segments or in layers that were merged. Those of a branch are what its ancestors
   * have up to where it goes on from them, and then its own.
   *
   * A change is as it was appended; in a batch each key stands once, with its last change, in the order of keys. A batch
   * without changes, and one without any that counts, is not told: layers that were merged do not know of it. What was
   * appended is told as reads see it, durable or not.
   *
   * With `follow` the stream goes on with what is appended: it is told in the next turn of the event loop, and waits in
   * the store's layers, not in the stream, while nobody asks. Nothing is skipped and nothing comes twice, whatever is
   * frozen, sealed or merged meanwhile. A stream holds no history back: one whose next LSN has come to lie below the
   * horizon ends with an `LsnError`. Closing the store, or deleting the timeline, ends it with `BadResource`, as it ends all
   * reads.
   *
   * @param options See {@linkcode ChangesOptions}.
   * @returns The batches, read as somebody asks for them.
   * @throws {LsnError} If `from` is below the horizon, or either LSN beyond the end of history.
   * @throws {RangeError} If `to` stands before `from`, or an LSN is no safe integer.
   * @throws {TypeError} If an option is unknown or of a wrong type, or `follow` is given with `to`.
   */
  changes(options: ChangesOptions = {}): ReadableStream<ChangeBatch> {
    return this.#feed.changes(options);
  }

  /**
   * Compares two moments: which keys have another value as of the second than as of the first, in the order of keys. One
   * that was written again with the same bytes does not differ, nor does one that was deleted again.
   *
   * Only layers that have LSNs between the two are walked, and keys found there are read as of both: what it costs is
   * what changed, as far as layers can tell that by their LSNs, and not what there is.
   *
   * @param before The first LSN, which must not be below the horizon.
   * @param after The second LSN.
   * @param range Which keys. The default is all.
   * @returns The keys that differ, with both values.
   * @throws {LsnError} If `before` is below the horizon, or `after` beyond the end of history.
   * @throws {RangeError} If `after` stands before `before`, an LSN is no safe integer, or bounds contradict each other.
   * @throws {TypeError} If an LSN, a bound or the signal is of a wrong type.
   */
  diff(before: Lsn, after: Lsn, range: DiffRange = {}): ReadableStream<Difference> {
    return this.#reads.difference(before, after, range);
  }

  /**
   * Fixes an LSN to read as of, and holds what reading it needs until the snapshot is disposed of.
   *
   * @param lsn The LSN, which must not be below the horizon. The default is the last LSN.
   * @returns A reader that always reads as of it.
   */
  snapshot(lsn?: Lsn): Snapshot {
    const context = this.#context, writer = this.#writer;
    return new Snapshot(context.objects, this.#reads.open(lsn), newestOf({ context, writer }));
  }

  /**
   * Finds which LSN stood at a moment, to the second, and to 1/4096 of how long ago that is. What may have been appended
   * later is left out. Where the clock goes back, the highest time that it showed counts on.
   *
   * @param date The moment, also as milliseconds since the epoch.
   * @returns The last LSN known to have been appended by then; 0 if none is, the last LSN if the moment is yet to come.
   */
  lsnAt(date: Date | number): Lsn {
    return this.#writer.dates.lsnAt(date);
  }

  /**
   * Tells when a batch was appended, as coarsely as {@linkcode lsnAt} knows.
   *
   * @param lsn The LSN of the batch, up to the last.
   * @returns The first whole second by which it is known to have been appended: `lsnAt` of it is `lsn` or more.
   */
  dateOf(lsn: Lsn): Date {
    return this.#writer.dates.dateOf(lsn);
  }

  /**
   * Closes the open layer and resolves when it is sealed and in the manifest. Appends go on meanwhile. It fails as
   * {@linkcode sync} does.
   */
  async freeze(): Promise<void> {
    this.#appender.check();
    await this.#writer.freeze();
  }

  /**
   * Merges layers until all that was appended before stands side by side at the lowest level, each layer sorted: a read
   * of a key then looks into one layer, and a range of keys lies together on disk. What the store's option `history` does
   * not keep is left out. Versions of one key that fill layers stay layers of their own, beside each other in LSN. Upkeep
   * that runs by itself does less: it keeps a key in ten layers at the most. What was appended before is sealed first.
   * Reads, snapshots and appends go on meanwhile; upkeep by itself waits, and holds no append back. It writes what is
   * merged once more, so there must be room for it, where the `upkeep` of the store says. What upkeep gave up for damage
   * is tried again.
   *
   * @param options See {@linkcode CompactOptions}.
   * @throws {CorruptionError} If a layer is damaged: it stays as it is, and so do those it would be merged with.
   * @throws {IoError} If the disk is full, or a layer cannot be read.
   * @throws {PoisonedError} If a write failed, now or before; a `ReadOnlyError` if the store is read only.
   */
  async compact(options: CompactOptions = {}): Promise<CompactionReport> {
    this.#appender.check();
    return await compactTimeline(this.#writer, options);
  }

  /**
   * Gives up history that the store's option `history` does not keep: the horizon moves, and layers are written anew of
   * which an eighth or more is not needed any more. Reads as of the horizon and later are as before. What a snapshot or
   * another process may read takes its room until it is given up. It fails as {@linkcode compact} does.
   *
   * @param options See {@linkcode GcOptions}.
   * @returns What went, and what stays.
   */
  async gc(options: GcOptions = {}): Promise<GcReport> {
    this.#appender.check();
    return await collectGarbage(this.#context, this.#writer, options);
  }

  /** Describes every layer, newest first. */
  layers(): LayerInfo[] {
    this.#context.views.checkOpen();
    const { map, frozenCount, levelled } = this.#writer.layers;
    return layerInfos(map, frozenCount, (sequence) => levelled.levelOf(sequence));
  }
}
