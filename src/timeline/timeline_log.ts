/**
 * The write path of a timeline: append, sync, freeze, seal.
 *
 * ```
 *   append ─► open segment + open layer ──full──► frozen ──sealed in the background──► L0 layer in the manifest
 *      └ one turn: position, bytes, index            └ the index changes hands, nothing is copied
 * ```
 *
 * T3  An append takes its LSN, its place and its index entries in one turn: readers see all of a batch or none.
 * T4  `durableLsn` only grows, and only after every byte up to it is synced and its files are in a durable manifest.
 * T5  Segments are named in the manifest, synced and sealed in the order of history.
 * T6  After the first failure other than a full disk every later write rejects; reads go on.
 *
 * @module
 */

import {
  assert,
  isFullDisk,
  LimitError,
  type Lsn,
  LsnError,
  maxLayerEntries,
  maxLsn,
  Pacer,
  PoisonedError,
} from "../base/mod.ts";
import type { IoFile } from "../io/mod.ts";
import { MemoryIndex, type MemoryIndexHint } from "../layer/mod.ts";
import type { ManifestState, SegmentEntry, TimelineEntry } from "../manifest/mod.ts";
import { RecordBuffer, SegmentWriter } from "../segment/mod.ts";
import { DiskRoom } from "./disk_room.ts";
import { type LayerSet, SealedLayer } from "./layer_set.ts";
import { describeSealed, LiveLayer, pathOf } from "./live_layer.ts";
import {
  findOrphans,
  type RecoveredLog,
  type RecoveredSegment,
  recoverLog,
  timelineDirectory,
} from "./recover.ts";
import { idName, randomId, type TimelineContext } from "./timeline_context.ts";

/** Frozen layers that wait to be sealed before appends are held. */
const mostFrozen = 2;
/** Frozen layers at which appends that did not wait are refused. */
const refusedFrozen = 6;
/** Keys for which a first index reserves room: more would spread its slots too thin for the caches. */
const mostReservedKeys = 1 << 19;
/** How long appends that need not wait may keep the event loop from turning, in milliseconds. */
const turnMilliseconds = 2;
/** Bytes after which the clock is asked whether they have. */
const turnBytes = 64 * 1024;
/** A segment of at least so many bytes is sealed when its timeline is closed; a smaller one goes on next time. */
const sealWorthBytes = 1024 * 1024;

/** What a timeline's log did so far. */
export interface LogCounters {
  /** Batches that were appended. */
  batches: number;
  /** Changes in them. */
  changes: number;
  /** Bytes of their records. */
  bytes: number;
  /** Syncs that were carried out; concurrent ones share one. */
  syncs: number;
  /** Segments that were sealed. */
  seals: number;
}

/** The write path of one timeline. */
export class TimelineLog {
  /** What it did so far. */
  readonly counters: LogCounters = { batches: 0, changes: 0, bytes: 0, syncs: 0, seals: 0 };
  readonly #context: TimelineContext;
  readonly #entry: TimelineEntry;
  readonly #disk = new DiskRoom();
  #layers: LayerSet;
  #open: LiveLayer | undefined;
  #frozen: LiveLayer[] = [];
  #lastLsn: Lsn = 0;
  #durableLsn: Lsn = 0;
  #sequence: number;
  #previous = { end: 0, sequence: 0 };
  #hint: MemoryIndexHint;
  /** When the newest segment is named in a durable manifest. */
  #named: Promise<void> = Promise.resolve();
  /** Edits of the manifest that have not ended. */
  readonly #edits = new Set<Promise<void>>();
  #syncing: Promise<void> | undefined;
  #sealing: Promise<void> | undefined;
  #poison: Error | undefined;
  #closing = false;
  readonly #pacer = new Pacer(turnMilliseconds);
  #turnAt = 0;
  #progress: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  private constructor(context: TimelineContext, entry: TimelineEntry) {
    this.#context = context;
    this.#entry = entry;
    this.#sequence = entry.nextSequence;
    // Memory is reserved and not touched until it is used, so that a generous guess costs nothing.
    const { segmentBytes, indexBytes } = context.settings;
    const keys = Math.ceil(Math.min(segmentBytes / 128, indexBytes / 84, mostReservedKeys));
    this.#hint = { keys, entries: keys, keyBytes: keys * 16 };
    const directory = timelineDirectory(context, entry);
    this.#layers = {
      open: undefined,
      frozen: [],
      sealed: entry.layers.map((layer) => new SealedLayer(layer, pathOf(directory, layer))),
    };
  }

  /**
   * Opens a timeline and recovers the end of its history.
   *
   * @throws {CorruptionError} If bytes that were once durable are damaged or missing.
   */
  static async open(context: TimelineContext, entry: TimelineEntry): Promise<TimelineLog> {
    const log = new TimelineLog(context, entry);
    log.#lastLsn = log.#durableLsn = entry.layers.at(-1)?.lastLsn ?? 0;
    const recovered = await recoverLog(context, entry);
    if (context.readOnly) log.#adoptReadOnly(recovered.segments);
    else await log.#adopt(recovered);
    return log;
  }

  /** The layers there are now. */
  get layers(): LayerSet {
    return this.#layers;
  }

  /** The LSN of the last batch; 0 if there is none. */
  get lastLsn(): Lsn {
    return this.#lastLsn;
  }

  /** The LSN up to which every batch is durable. */
  get durableLsn(): Lsn {
    return this.#durableLsn;
  }

  /** The memory that indexes of open and frozen layers hold, in bytes. */
  get indexBytes(): number {
    const frozen = this.#layers.frozen.reduce((sum, layer) => sum + layer.index.byteLength, 0);
    return frozen + (this.#layers.open?.index.byteLength ?? 0);
  }

  /** The bytes that wait in buffers to be written. */
  get waitingBytes(): number {
    const frozen = this.#frozen.reduce((sum, layer) => sum + layer.segment.writer.bufferedBytes, 0);
    return frozen + (this.#open?.segment.writer.bufferedBytes ?? 0);
  }

  #adoptReadOnly(segments: readonly RecoveredSegment[]): void {
    const frozen = segments.map(({ path, index, header, lastLsn }) => {
      return { path, index, writer: undefined, firstLsn: header.firstLsn, lastLsn };
    });
    this.#layers = { ...this.#layers, frozen };
    const last = segments.at(-1);
    if (last === undefined) return;
    this.#lastLsn = Math.max(this.#lastLsn, last.lastLsn);
    this.#durableLsn = Math.max(
      this.#durableLsn,
      ...segments.map(({ durableLsn, entry }) => Math.max(durableLsn, entry.witness?.lsn ?? 0)),
    );
  }

  async #adopt({ segments, dropped }: RecoveredLog): Promise<void> {
    const live: LiveLayer[] = [];
    try {
      const orphans = await findOrphans(this.#context, this.#entry);
      for (const segment of segments) live.push(await this.#resume(segment));
      await this.#drop(dropped);
      for (const path of orphans) await this.#context.engine.remove(path);
    } catch (error) {
      this.#disk.giveUp();
      for (const { segment } of live) await segment.abandon();
      for (const { file } of segments.slice(live.length)) await this.#context.engine.close(file);
      throw error;
    }
    this.#open = live.pop();
    this.#frozen = live;
    const last = this.#open ?? live.at(-1);
    if (last !== undefined) this.#lastLsn = this.#durableLsn = Math.max(this.#lastLsn, last.segment.lastLsn);
    this.#publish();
    if (this.#open !== undefined && this.#isFull(this.#open, 0, 0)) this.#freezeOpen();
    this.#startSealing();
  }

  /** Makes a segment end at a block boundary, durably, and writing go on there. */
  async #resume(recovered: RecoveredSegment): Promise<LiveLayer> {
    const { engine, pool } = this.#context;
    const { file, path, header, resume, index } = recovered;
    await engine.truncate(file, resume.position);
    const segment = new SegmentWriter(engine, pool, path, Promise.resolve(file), header, resume);
    const named = Promise.resolve();
    if (resume.head.length > 0) await segment.sync(this.#durableLsn, named);
    else await engine.datasync(file);
    return new LiveLayer(segment, index, named, named);
  }

  /** Takes segments out of the manifest, then removes them. A full disk is not waited for: nobody could ask again. */
  async #drop(dropped: readonly SegmentEntry[]): Promise<void> {
    if (dropped.length === 0) return;
    await this.#disk.orRefusal(this.#edit((entry) => {
      entry.segments = entry.segments.filter((segment) => !dropped.includes(segment));
    }));
    const directory = timelineDirectory(this.#context, this.#entry);
    for (const segment of dropped) await this.#context.engine.remove(pathOf(directory, segment));
  }

  #publish(): void {
    this.#layers = { open: this.#open, frozen: [...this.#frozen], sealed: this.#layers.sealed };
  }

  /**
   * Appends a batch in one turn (T3).
   *
   * @param records The batch, not stamped yet.
   * @param given The LSN that the caller chose, if it did.
   * @returns The batch's LSN.
   * @throws {LsnError} If the LSN does not increase.
   * @throws {PoisonedError} If an earlier write failed.
   * @throws {IoError} If the disk is full.
   * @throws {LimitError} If more waits to be written than memory allows.
   */
  append(records: RecordBuffer, given: Lsn | undefined): Lsn {
    this.#checkWritable();
    const lsn = this.#nextLsn(given);
    this.#checkRoom();
    const batch = records.count === 0 ? emptyBatch() : records;
    if (this.#open !== undefined && this.#isFull(this.#open, batch.end, batch.count)) this.#freezeOpen();
    const open = this.#open ??= this.#openSegment(lsn);
    batch.stamp(lsn);
    const base = open.segment.append(batch, lsn);
    open.index.insertBatch(batch.bytes, batch.view, 0, batch.end, base);
    this.#lastLsn = lsn;
    this.counters.batches++;
    this.counters.changes += records.count;
    this.counters.bytes += batch.end;
    return lsn;
  }

  #nextLsn(given: Lsn | undefined): Lsn {
    if (given === undefined) {
      if (this.#lastLsn === maxLsn) throw new LsnError(`Cannot append: the last LSN is ${maxLsn}`);
      return this.#lastLsn + 1;
    }
    if (given <= this.#lastLsn) {
      throw new LsnError(`Cannot append at LSN ${given}: the last LSN is ${this.#lastLsn}`);
    }
    return given;
  }

  #checkWritable(): void {
    const failure = this.#poison ?? this.#open?.segment.writer.failure;
    if (failure !== undefined) throw this.#poisoned(failure);
    const full = this.#disk.error ?? this.#open?.segment.writer.full;
    if (full === undefined) return;
    this.#retry();
    throw full;
  }

  #poisoned(cause: Error): PoisonedError {
    if (cause instanceof PoisonedError) return cause;
    return new PoisonedError(
      `Cannot write to timeline "${this.#entry.name}": an earlier write failed: ${cause.message}`,
      {
        cause,
      },
    );
  }

  #checkRoom(): void {
    const { waitingBytes } = this.#context.settings;
    if (this.waitingBytes <= waitingBytes && this.#frozen.length < refusedFrozen) return;
    throw new LimitError(
      `Cannot append: ${this.waitingBytes} bytes wait to be written, await earlier appends first`,
    );
  }

  #retry(): void {
    this.#disk.retry();
    for (const layer of [...this.#frozen, ...(this.#open === undefined ? [] : [this.#open])]) {
      layer.segment.writer.retry();
    }
  }

  /** Whether a batch of so many bytes and changes must go into the next segment. */
  #isFull(open: LiveLayer, bytes: number, changes: number): boolean {
    const { segmentBytes, indexBytes } = this.#context.settings;
    if (open.segment.lastLsn === 0) return false;
    return open.segment.position + bytes > segmentBytes || open.index.usedBytes > indexBytes ||
      open.index.versionCount + changes > maxLayerEntries;
  }

  /**
   * Resolves when there is room for more; `undefined` if there is now.
   *
   * A caller that awaits appends which never wait would keep timers and other IO from their turn, so that now and then
   * the event loop is given one.
   */
  room(): Promise<void> | undefined {
    if (this.#frozen.length <= mostFrozen) {
      const room = this.#open?.segment.writer.room();
      if (room === undefined) return this.#turn();
    }
    return this.#waitForRoom();
  }

  #turn(): Promise<void> | undefined {
    if (this.counters.bytes < this.#turnAt) return undefined;
    this.#turnAt = this.counters.bytes + turnBytes;
    return this.#pacer.due() ? this.#pacer.turn() : undefined;
  }

  async #waitForRoom(): Promise<void> {
    for (;;) {
      if (this.#poison !== undefined) throw this.#poisoned(this.#poison);
      if (this.#disk.error !== undefined) throw this.#disk.error;
      const room = this.#open?.segment.writer.room();
      if (room !== undefined) await room;
      else if (this.#frozen.length > mostFrozen) await this.#nextProgress();
      else return;
    }
  }

  #nextProgress(): Promise<void> {
    return new Promise((resolve, reject) => this.#progress.push({ resolve, reject }));
  }

  #wake(error?: unknown): void {
    for (const { resolve, reject } of this.#progress.splice(0)) {
      error === undefined ? resolve() : reject(error);
    }
  }

  #openSegment(firstLsn: Lsn): LiveLayer {
    const { engine, pool, manifest } = this.#context;
    const sequence = this.#sequence++;
    const fileId = randomId();
    const entry: SegmentEntry = { fileId: idName(fileId), sequence, firstLsn };
    const path = pathOf(timelineDirectory(this.#context, this.#entry), entry);
    const header = {
      storeId: manifest.state.storeId,
      timelineId: BigInt(`0x${this.#entry.id}`),
      fileId,
      sequence,
      firstLsn,
      previousEnd: this.#previous.end,
      previousSequence: this.#previous.sequence,
      previousLsn: this.#lastLsn,
    };
    const file = this.#createFile(path);
    const segment = new SegmentWriter(engine, pool, path, file, header);
    const named = this.#nameSegment(file, entry, this.#named);
    this.#named = named;
    named.catch((error) => this.#fail(error));
    this.#open = new LiveLayer(segment, new MemoryIndex(this.#hint), file, named);
    this.#publish();
    return this.#open;
  }

  async #createFile(path: string): Promise<IoFile> {
    const { engine, writeDirect, settings } = this.#context;
    const file = await this.#patiently(() =>
      engine.open(path, { access: "write", direct: writeDirect, create: true })
    );
    try {
      await engine.allocate(file, settings.segmentBytes);
      return file;
    } catch (error) {
      // Room is reserved for speed only: on a disk with less room than that, writes find out themselves.
      if (isFullDisk(error) && await engine.truncate(file, 0).then(() => true, () => false)) return file;
      await engine.close(file);
      throw error;
    }
  }

  /** Names a segment in the manifest once it stands, after those before it (T5). */
  async #nameSegment(file: Promise<IoFile>, segment: SegmentEntry, before: Promise<void>): Promise<void> {
    await file;
    await before;
    await this.#context.engine.syncDirectory(timelineDirectory(this.#context, this.#entry));
    await this.#edit((entry) => {
      entry.segments.push(segment);
      entry.nextSequence = segment.sequence + 1;
    });
  }

  /** Edits the manifest; after a full disk, once more until it is durable. */
  async #edit(edit: (entry: TimelineEntry) => void): Promise<void> {
    let pending: (state: ManifestState) => void = () => edit(this.#entry);
    const edited = this.#patiently(async () => {
      const once = pending;
      pending = () => {};
      await this.#context.manifest.edit(once);
    });
    this.#edits.add(edited);
    try {
      await edited;
    } finally {
      this.#edits.delete(edited);
    }
  }

  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isFullDisk(error)) throw error;
        await this.#waitForDisk(error);
      }
    }
  }

  #waitForDisk(error: Parameters<DiskRoom["wait"]>[0]): Promise<void> {
    const waiting = this.#disk.wait(error);
    this.#wake(error);
    return waiting;
  }

  #fail(error: unknown): void {
    if (this.#closing && isFullDisk(error)) return;
    this.#poison ??= error as Error;
    this.#wake(this.#poisoned(this.#poison));
  }

  #freezeOpen(): void {
    const open = this.#open;
    assert(open !== undefined, "only an open layer is frozen");
    open.segment.pad(this.#durableLsn);
    this.#previous = { end: open.segment.position, sequence: open.segment.header.sequence };
    this.#hint = open.index.hint();
    this.#frozen.push(open);
    this.#open = undefined;
    this.#publish();
    this.#startSealing();
  }

  #startSealing(): void {
    if (this.#sealing !== undefined || this.#frozen.length === 0) return;
    this.#sealing = this.#sealAll().catch((error) => this.#fail(error)).finally(() =>
      this.#sealing = undefined
    );
  }

  /** Seals frozen layers, oldest first (T5). */
  async #sealAll(): Promise<void> {
    while (this.#frozen.length > 0 && this.#poison === undefined) {
      const layer = this.#frozen[0];
      await layer.named;
      const footer = await layer.segment.seal(layer.index, (error) => this.#waitForDisk(error));
      layer.isClosed = true;
      const sealed = describeSealed(layer, footer, layer.segment.position);
      await this.#edit((entry) => {
        entry.segments = entry.segments.filter((segment) => segment.fileId !== sealed.fileId);
        entry.layers.push(sealed);
      });
      this.#replace(layer, new SealedLayer(sealed, layer.path));
    }
  }

  #replace(layer: LiveLayer, sealed: SealedLayer): void {
    assert(this.#frozen[0] === layer, "T5: layers are sealed in the order of history");
    this.#frozen.shift();
    this.#layers = {
      open: this.#open,
      frozen: [...this.#frozen],
      sealed: [...this.#layers.sealed, sealed],
    };
    this.counters.seals++;
    if (sealed.entry.lastLsn > this.#durableLsn) this.#durableLsn = sealed.entry.lastLsn;
    this.#wake();
  }

  /**
   * Makes everything that was appended before the call durable. Concurrent calls share one sync.
   *
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   * @throws {IoError} If the disk is full.
   */
  async sync(): Promise<void> {
    const target = this.#lastLsn;
    if (this.#poison !== undefined) throw this.#poisoned(this.#poison);
    if (this.#disk.error !== undefined || this.#open?.segment.writer.full !== undefined) this.#retry();
    while (this.#durableLsn < target) {
      if (this.#poison !== undefined) throw this.#poisoned(this.#poison);
      this.#syncing ??= this.#syncOnce().finally(() => this.#syncing = undefined);
      await this.#syncing;
    }
  }

  async #syncOnce(): Promise<void> {
    try {
      // A layer that is frozen meanwhile is synced through its own segment, which is still the same.
      const layers = this.#open === undefined ? [...this.#frozen] : [...this.#frozen, this.#open];
      for (const { segment, made, named } of layers) {
        // On a full disk the file may never come to be, and what is to be written to it waits for ever.
        await this.#disk.orRefusal(made);
        const lsn = segment.lastLsn;
        await segment.sync(this.#durableLsn, this.#disk.orRefusal(named));
        if (lsn > this.#durableLsn) this.#durableLsn = lsn;
      }
      this.counters.syncs++;
    } catch (error) {
      if (isFullDisk(error)) throw error;
      this.#fail(error);
      throw this.#poisoned(error as Error);
    }
  }

  /** Freezes the open layer and resolves when every frozen layer is sealed and in the manifest. */
  async freeze(): Promise<void> {
    this.#checkWritable();
    if (this.#open !== undefined && this.#open.segment.lastLsn > 0) this.#freezeOpen();
    const last = this.#frozen.at(-1);
    while (last !== undefined && this.#frozen.includes(last)) {
      if (this.#poison !== undefined) throw this.#poisoned(this.#poison);
      await this.#nextProgress();
    }
  }

  /** Syncs, seals what is worth it, and gives up what it holds, also if the sync fails. */
  async close(): Promise<void> {
    if (this.#context.readOnly) return;
    try {
      await this.sync();
      if (this.#open !== undefined && this.#open.segment.position >= sealWorthBytes) this.#freezeOpen();
      if (this.#sealing !== undefined) await this.#disk.orRefusal(this.#sealing).catch(() => {});
      if (this.#poison !== undefined) throw this.#poisoned(this.#poison);
      if (this.#open !== undefined && this.#disk.error === undefined) await this.#suspend(this.#open);
    } finally {
      await this.#release();
    }
  }

  async #suspend(open: LiveLayer): Promise<void> {
    const known = this.#entry.segments.find(({ sequence }) => sequence === open.segment.header.sequence);
    if (known?.witness?.offset === open.segment.position) return;
    await open.named;
    const offset = await open.segment.suspend();
    this.#open = undefined;
    const edited = this.#edit((entry) => {
      const segment = entry.segments.find((other) => other.sequence === open.segment.header.sequence);
      if (segment !== undefined) segment.witness = { offset, lsn: open.segment.lastLsn };
    });
    // Everything is durable: on a full disk the witness is done without, and nobody could ask to try again.
    await this.#disk.orRefusal(edited).catch((error) => {
      if (!isFullDisk(error)) throw error;
    });
  }

  async #release(): Promise<void> {
    this.#closing = true;
    this.#disk.giveUp();
    await this.#sealing;
    await this.#syncing?.catch(() => {});
    const layers = this.#open === undefined ? this.#frozen : [...this.#frozen, this.#open];
    // Nothing may be written any more once the lock is given up.
    await Promise.allSettled([...layers.map(({ named }) => named), ...this.#edits]);
    const closing = layers.filter(({ isClosed }) => !isClosed).map(({ segment }) => segment.abandon());
    const failed = (await Promise.allSettled(closing)).find(({ status }) => status === "rejected");
    this.#wake(this.#poison ?? new PoisonedError("Cannot wait: the store was closed"));
    if (failed?.status === "rejected") throw failed.reason;
  }
}

/** A batch without changes, which still has its LSN in the log. */
function emptyBatch(): RecordBuffer {
  const records = new RecordBuffer();
  records.mark();
  return records;
}
