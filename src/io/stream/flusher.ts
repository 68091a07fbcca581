/**
 * Brings the buffers of a buffered writer to its file: in order, at most `depth` writes at once.
 *
 * P1  Bytes that were issued are never changed while they are in flight.
 * P2  Nothing is issued while the health has a cause, which a failed write gives it. When a disk has room again,
 *     writing goes on by itself, from the first write that failed.
 *
 * @module
 */

import { assert, blockBytes, type Health, isShortage, PoisonedError } from "../../base/mod.ts";
import type { IoEngine, IoFile } from "../engine.ts";
import type { BufferPool } from "../memory/buffer_pool.ts";
import { writeOnce } from "../transfer/once.ts";
import type { Chunk, Chunks } from "./chunks.ts";
import { Flights } from "./flights.ts";
import { Waiters } from "./waiters.ts";
import { WriteAhead } from "./write_ahead.ts";

/** The most bytes that are written durably in one write; more are faster written first and synced then. */
const mostDurableBytes = 128 * 1024;

/** What a flusher works with. */
export interface FlusherOptions {
  /** What writes. */
  readonly engine: IoEngine;
  /** Where the copy of an unfinished block is made. */
  readonly pool: BufferPool;
  /** The file, which may still be opening. */
  readonly file: Promise<IoFile>;
  /** Asked before anything is written, and told what failed. */
  readonly health: Health;
  /** The writes that may be in flight. */
  readonly depth: number;
  /** Up to where room is reserved in the file: zeros may be written there ahead of small durable writes. */
  readonly reserved: () => number;
  /** Bytes that stay in memory for readers once they are written. */
  readonly kept: () => number;
  /** Called after every write that ended and every change of the health. */
  readonly changed: () => void;
}

/** Brings buffers to a file. */
export class Flusher {
  readonly #options: FlusherOptions;
  readonly #health: Health;
  readonly #chunks: Chunks;
  readonly #flights: Flights;
  readonly #ahead: WriteAhead;
  readonly #flushes = new Waiters();
  readonly #changes = new Waiters();
  readonly #unwatch: () => void;
  #opened: IoFile | undefined;
  #wanted: number;
  #tailInFlight = false;
  #isEnded = false;
  /** Flushes of the tail that were asked for and have not ended. */
  #tailFlushes = 0;

  /** Makes a flusher of empty buffers. A file that cannot be opened poisons the health: nothing could be tried again. */
  constructor(chunks: Chunks, options: FlusherOptions) {
    this.#options = options;
    this.#health = options.health;
    this.#chunks = chunks;
    this.#flights = new Flights(chunks.position);
    this.#wanted = chunks.position;
    this.#ahead = new WriteAhead({
      pool: options.pool,
      health: options.health,
      reserved: options.reserved,
      write: (offset, bytes) => this.#transfer(offset, bytes, false),
      changed: () => this.#look(),
    });
    this.#unwatch = options.health.watch(() => this.#look());
    options.file.then((opened) => {
      this.#opened = opened;
      this.#look();
    }, (error) => this.#failOpening(error));
  }

  /** The offset up to which the file holds every byte. */
  get written(): number {
    return this.#flights.written;
  }

  /** Writes everything up to `offset`, without anybody who waits for it. */
  want(offset: number): void {
    if (offset > this.#wanted) this.#wanted = offset;
    this.#pump();
  }

  /** Resolves when the file holds everything up to `offset`, which is aligned. */
  flushTo(offset: number): Promise<void> {
    this.#checkOffset(offset);
    if (this.written >= offset) return Promise.resolve();
    if (this.#isHeld) return Promise.reject(this.#health.refusal());
    const flushed = this.#flushes.wait(offset);
    this.want(offset);
    return flushed;
  }

  /** See {@linkcode BufferedWriter.flushDurably}. */
  flushDurably(offset: number): Promise<void> | undefined {
    this.#checkOffset(offset);
    const chunk = this.#idleChunk(offset);
    if (chunk === undefined) return undefined;
    const failed = Promise.withResolvers<never>();
    const flushed = Promise.race([this.#flushes.wait(offset), failed.promise]);
    this.#issue(chunk, offset, failed.reject);
    this.want(offset);
    return flushed;
  }

  /** See {@linkcode BufferedWriter.flushTailDurably}. */
  flushTailDurably(): Promise<void> | undefined {
    const target = this.#chunks.position;
    if (target % blockBytes === 0) return this.flushDurably(target);
    const chunk = this.#idleChunk(target);
    return chunk && this.#writeTail(chunk, this.written - chunk.start, true);
  }

  /**
   * The buffer that holds all that is missing up to an offset, if that is small, nothing is in flight, and no zeros are
   * being written there.
   */
  #idleChunk(offset: number): Chunk | undefined {
    const from = this.written;
    const isIdle = this.#flights.count === 0 && !this.#tailInFlight && this.#flights.issued === from;
    if (!isIdle || this.#opened === undefined || this.#isHeld) return undefined;
    if (offset <= from || offset - from > mostDurableBytes) return undefined;
    const chunk = this.#chunks.at(from);
    const isApart = offset > chunk.start + chunk.filled || this.#ahead.before(offset) !== undefined;
    return isApart ? undefined : chunk;
  }

  /** See {@linkcode BufferedWriter.zerosBefore}. */
  zerosBefore(offset: number): Promise<void> | undefined {
    return this.#ahead.before(offset);
  }

  /** See {@linkcode BufferedWriter.stopAhead}. */
  stopAhead(): Promise<void> {
    return this.#ahead.stop();
  }

  /** See {@linkcode BufferedWriter.flushTail}. */
  async flushTail(): Promise<void> {
    this.#tailFlushes++;
    try {
      await this.#flushTail();
    } finally {
      this.#tailFlushes--;
      this.#look();
    }
  }

  async #flushTail(): Promise<void> {
    const target = this.#chunks.position;
    const whole = target - target % blockBytes;
    await this.flushTo(whole);
    while (this.#opened === undefined) {
      if (this.#isHeld) throw this.#health.refusal();
      await this.#changes.wait(0);
    }
    while (this.#tailInFlight || this.#ahead.before(Infinity)) await this.#changes.wait(0);
    if (whole === target) return;
    if (this.#flights.issued >= target) return await this.flushTo(this.#flights.issued);
    const chunk = this.#chunks.at(whole);
    if (chunk.filled === chunk.bytes.length) return await this.flushTo(chunk.start + chunk.filled);
    await this.#writeTail(chunk, whole - chunk.start, false);
  }

  /** Writes the unfinished end of a buffer as a copy, so that appends may go on in it (P1). */
  async #writeTail(chunk: Chunk, from: number, durable: boolean): Promise<void> {
    if (this.#isHeld) throw this.#health.refusal();
    const start = chunk.start + from, whole = chunk.start + alignDown(chunk.filled);
    const length = Math.ceil(chunk.filled / blockBytes) * blockBytes - from;
    const copy = this.#options.pool.takeNow();
    copy.bytes.set(chunk.bytes.subarray(from, chunk.filled));
    copy.bytes.fill(0, chunk.filled - from, length);
    const { attempt } = this.#health;
    // Blocks in front of the unfinished one are whole, and not written again.
    const flight = durable && whole > start ? this.#flights.start(whole) : undefined;
    this.#tailInFlight = true;
    if (durable) this.#ahead.issued(whole - start, true);
    try {
      await this.#transfer(start, copy.bytes.subarray(0, length), durable);
      if (flight !== undefined) this.#flights.landed(flight);
      if (durable && !this.#isHeld) this.#ahead.go(this.#chunks.position);
    } catch (error) {
      if (flight !== undefined) this.#flights.failed(flight);
      throw this.#health.fail(error as Error, attempt);
    } finally {
      this.#tailInFlight = false;
      copy.release();
      this.#chunks.giveUpTo(this.written, this.#options.kept());
      this.#look();
    }
  }

  /**
   * Issues nothing any more, waits until nothing is in flight, refuses whoever waits, and gives up the buffers. It ends
   * also if the file never comes.
   */
  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#ahead.stop();
    while (this.#flights.count > 0 || this.#tailInFlight) await this.#changes.wait(0);
    this.#flushes.refuse(() => this.#health.refusal());
    this.#changes.reach(0);
    while (this.#tailFlushes > 0) await this.#changes.wait(0);
    this.#unwatch();
    this.#chunks.giveUp();
  }

  /** Whether nothing may be issued. */
  get #isHeld(): boolean {
    return this.#isEnded || this.#health.cause !== undefined;
  }

  #checkOffset(offset: number): void {
    const isThere = offset % blockBytes === 0 && offset <= this.#chunks.position;
    assert(isThere, "W1: a flush ends at an aligned position");
  }

  /** Looks again at everything that may go on, or must not (P2). */
  #look(): void {
    this.#pump();
    this.#flushes.reach(this.written);
    if (this.#health.cause !== undefined) this.#flushes.refuse(() => this.#health.refusal());
    this.#options.changed();
    this.#changes.reach(0);
  }

  /** Issues writes while there is something wanted and room in flight. */
  #pump(): void {
    if (this.#opened === undefined || this.#isHeld) return;
    if (this.#flights.isSettling || this.#tailInFlight) return;
    while (this.#flights.count < this.#options.depth && this.#flights.issued < this.#wanted) {
      const chunk = this.#chunks.at(this.#flights.issued);
      const end = Math.min(chunk.start + chunk.filled, this.#wanted);
      if (this.#ahead.before(end) !== undefined) return;
      this.#issue(chunk, end);
    }
  }

  /** Writes the bytes of `chunk` from what is issued up to `end`; durably, if somebody is to be told that it failed. */
  #issue(chunk: Chunk, end: number, refuse?: (reason: Error) => void): void {
    const flight = this.#flights.start(end), durable = refuse !== undefined;
    const bytes = chunk.bytes.subarray(flight.start - chunk.start, end - chunk.start);
    const { attempt } = this.#health;
    this.#ahead.issued(bytes.length, durable);
    this.#transfer(flight.start, bytes, durable).then(
      () => {
        this.#flights.landed(flight);
        this.#chunks.giveUpTo(this.written, this.#options.kept());
        if (durable && !this.#isHeld) this.#ahead.go(this.#chunks.position);
        this.#look();
      },
      (error) => {
        this.#flights.failed(flight);
        const reason = this.#health.fail(error, attempt);
        // It may be written again at once, and not durably: others wait for that.
        refuse?.(reason);
        this.#look();
      },
    );
  }

  async #transfer(offset: number, bytes: Uint8Array<ArrayBuffer>, durable: boolean): Promise<void> {
    const file = this.#opened;
    assert(file !== undefined, "nothing is issued before the file is open");
    await writeOnce(this.#options.engine, file, offset, bytes, { durable });
  }

  #failOpening(cause: Error): void {
    const message = `Cannot write to a file that could not be made: ${cause.message}`;
    this.#health.fail(isShortage(cause) ? new PoisonedError(message, { cause }) : cause);
    this.#look();
  }
}

function alignDown(offset: number): number {
  return offset - offset % blockBytes;
}
