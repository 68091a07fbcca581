/**
 * The double-buffered writer: an append-only file behind n ≥ 2 aligned buffers.
 *
 * ```
 *   append ─► [ being filled ]──full──► [ full ] [ full ] ──at most `depth` in flight──► file
 *              ▲ position                ▲ issued          ▲ written (contiguous)
 *   file    0 ···························│·················│
 *   readable from memory: ───────────────┘ from memoryStart ≤ written up to position, without a gap
 * ```
 *
 * `append` is synchronous: no `await` stands between reading the position and advancing it. Nothing is ever written
 * twice, except a tail block by {@linkcode BufferedWriter.flushTail} and, after a full disk, bytes whose write failed.
 * What is written first where room is reserved may be zeros ({@linkcode WriteAhead}).
 *
 * W1  memoryStart ≤ written ≤ issued ≤ position.
 * W2  Nothing is written while the health has a cause; reads go on, and while the disk is merely full appends too. When
 *     it has room again, writing goes on by itself.
 *
 * Any number of callers may wait for {@linkcode BufferedWriter.flushTo} and {@linkcode BufferedWriter.room} at once.
 * The writer owns its buffers; bytes given to `append` are copied.
 *
 * @module
 */

import { assert, type Health, isShortage } from "../../base/mod.ts";
import type { IoEngine, IoFile } from "../engine.ts";
import type { BufferPool } from "../memory/buffer_pool.ts";
import { Chunks } from "./chunks.ts";
import { Flusher } from "./flusher.ts";
import { Waiters } from "./waiters.ts";

/** How a writer works. */
export interface BufferedWriterOptions {
  /** Asked before anything is written, and told what failed. */
  health: Health;
  /** The offset of the first byte, a multiple of 4096. @default {0} */
  start?: number | undefined;
  /** The buffers that may be in use before {@linkcode BufferedWriter.room} waits, at least 2. @default {4} */
  buffers?: number | undefined;
  /** The writes that may be in flight, at least 1. @default {3} */
  depth?: number | undefined;
  /**
   * Up to where room is reserved in the file, which may become known later. There zeros are written ahead of small
   * durable writes. By default there is none.
   */
  reserved?: (() => number) | undefined;
  /** Bytes that stay in memory for readers once they are written, in whole buffers. By default there are none. */
  kept?: (() => number) | undefined;
}

/** What happens to what is not written yet when a writer is closed. */
export interface CloseMode {
  /**
   * `"abandon"`: all that is not in flight is dropped, and whoever waits is refused, also if the file never comes.
   * `"truncate"`: everything is written, the tail padded, and then the file is truncated to the exact length.
   */
  tail: "abandon" | "truncate";
}

/** An append-only file behind aligned buffers. */
export class BufferedWriter {
  readonly #engine: IoEngine;
  readonly #file: Promise<IoFile>;
  readonly #health: Health;
  readonly #buffers: number;
  readonly #chunks: Chunks;
  readonly #flusher: Flusher;
  readonly #rooms = new Waiters();
  /** The exact length of the file, once closing has begun. */
  #end: number | undefined;

  /**
   * Makes a writer over a file that may still be opening; until then appends fill buffers. A file that cannot be opened
   * poisons the health, since nothing could be tried again.
   *
   * @param engine What writes.
   * @param pool Where buffers come from.
   * @param file The file, or a promise of it. The writer does not close it.
   * @param options See {@linkcode BufferedWriterOptions}.
   */
  constructor(
    engine: IoEngine,
    pool: BufferPool,
    file: IoFile | Promise<IoFile>,
    options: BufferedWriterOptions,
  ) {
    this.#engine = engine;
    this.#health = options.health;
    this.#buffers = Math.max(2, options.buffers ?? 4);
    this.#file = Promise.resolve(file);
    this.#chunks = new Chunks(pool, options.start ?? 0, (end) => this.#flusher.want(end));
    this.#flusher = new Flusher(this.#chunks, {
      engine,
      pool,
      file: this.#file,
      health: options.health,
      depth: Math.max(1, options.depth ?? 3),
      reserved: options.reserved ?? (() => 0),
      kept: options.kept ?? (() => 0),
      changed: () => this.#wakeRooms(),
    });
  }

  /** The offset after the last byte that was appended. */
  get position(): number {
    return this.#end ?? this.#chunks.position;
  }

  /** The offset up to which the file holds every byte. */
  get written(): number {
    return this.#flusher.written;
  }

  /** The offset from which every byte can be read from memory. It only grows, and only between turns. */
  get memoryStart(): number {
    return this.#chunks.start;
  }

  /** The bytes that the writer's buffers hold. */
  get bufferedBytes(): number {
    return this.#chunks.position - this.#chunks.start;
  }

  /**
   * Appends a copy of `bytes`, synchronously, also while the disk is full: {@linkcode room} says so.
   *
   * @param bytes What to append.
   * @returns The offset of its first byte.
   * @throws {PoisonedError} If an earlier write failed.
   */
  append(bytes: Uint8Array): number {
    this.#checkUsable();
    const start = this.#chunks.position;
    this.#chunks.append(bytes);
    return start;
  }

  /** Appends zeros up to the next block, synchronously. */
  pad(): void {
    this.#checkUsable();
    this.#chunks.pad();
  }

  #checkUsable(): void {
    assert(this.#end === undefined, "a closed writer is not appended to");
    const { cause } = this.#health;
    if (cause !== undefined && !isShortage(cause)) throw this.#health.refusal();
  }

  /** Whether as many buffers are in use as may be, so that {@linkcode room} waits. */
  get isFull(): boolean {
    return this.#chunks.countBehind(this.#flusher.written) > this.#buffers;
  }

  /** Resolves when fewer buffers are in use than the limit; `undefined` if that is so now. */
  room(): Promise<void> | undefined {
    if (!this.isFull) return undefined;
    if (this.#health.cause !== undefined) return Promise.reject(this.#health.refusal());
    return this.#rooms.wait(0);
  }

  #wakeRooms(): void {
    if (!this.isFull) this.#rooms.reach(0);
    if (this.#health.cause !== undefined) this.#rooms.refuse(() => this.#health.refusal());
  }

  /**
   * Writes everything up to `offset`, which is aligned, and resolves when it is in the file.
   *
   * @param offset At most the position.
   */
  flushTo(offset: number): Promise<void> {
    return this.#flusher.flushTo(offset);
  }

  /**
   * Writes everything up to `offset` in one write that is durable when it is done, if that can be: nothing is in
   * flight, and what is missing is small and in one buffer.
   *
   * @param offset An aligned offset, at most the position.
   * @returns Resolves when the bytes between `written` and `offset` are durable; `undefined` if they must be flushed
   * and synced instead.
   */
  flushDurably(offset: number): Promise<void> | undefined {
    return this.#flusher.flushDurably(offset);
  }

  /**
   * As {@linkcode BufferedWriter.flushDurably} up to the position, with the unfinished tail block padded with zeros; that
   * is written again when it has grown.
   */
  flushTailDurably(): Promise<void> | undefined {
    return this.#flusher.flushTailDurably();
  }

  /** Resolves when no zeros are being written in front of `offset`; `undefined` if that is so now. It never rejects. */
  zerosBefore(offset: number): Promise<void> | undefined {
    return this.#flusher.zerosBefore(offset);
  }

  /** Writes no zeros ahead any more; resolves when none are in flight. It never rejects. */
  stopAhead(): Promise<void> {
    return this.#flusher.stopAhead();
  }

  /**
   * Writes everything, the unfinished tail block padded with zeros; the position stays, and the block is written
   * again when it has grown.
   */
  flushTail(): Promise<void> {
    return this.#flusher.flushTail();
  }

  /**
   * Copies bytes that are still in memory.
   *
   * @param offset At least {@linkcode memoryStart}.
   * @param target Filled whole; it ends at or before the position.
   */
  copyOut(offset: number, target: Uint8Array): void {
    this.#chunks.copyOut(offset, target);
  }

  /**
   * Ends writing, and waits for what is in flight. If `"truncate"` rejects because the disk is full, the bytes are still
   * here, and it may be called again, or with `"abandon"`; after every other end they are given up.
   *
   * @param mode What happens to what is not written yet.
   */
  async close(mode: CloseMode): Promise<void> {
    const length = this.#end ??= this.#chunks.position;
    try {
      if (mode.tail === "truncate") await this.#finish(length);
    } catch (error) {
      if (!isShortage(error)) await this.#giveUp();
      throw error;
    }
    await this.#giveUp();
  }

  async #giveUp(): Promise<void> {
    await this.#flusher.end();
    this.#rooms.refuse(() => this.#health.refusal());
  }

  async #finish(length: number): Promise<void> {
    if (this.#health.cause !== undefined) throw this.#health.refusal();
    this.#chunks.pad();
    await this.#flusher.stopAhead();
    await this.#flusher.flushTo(this.#chunks.position);
    const { attempt } = this.#health;
    try {
      // Also without padding: the file may have been allocated longer than it became.
      await this.#engine.truncate(await this.#file, length);
    } catch (error) {
      throw this.#health.fail(error as Error, attempt);
    }
  }
}
