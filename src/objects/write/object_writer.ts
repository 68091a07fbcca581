/**
 * Writing one object from its first byte to its last.
 *
 * ```
 *   append ─► buffers ─► file      sync ─► durableOffset      finish ─► all durable ─► exact length ─► closed
 *                └ readable from here until the bytes are in the file
 * ```
 *
 * S1  `append` is synchronous; bytes stand in the order of the calls.
 * S5  After the first sync that failed nothing of the object counts as durable any more: the system may have forgotten
 *     what it could not write, and the next sync may succeed all the same. So it poisons, even if the disk was only
 *     full.
 * S6  The file is shortened only after every byte of the object is durable.
 *
 * Any number may wait for `sync` and `room` at once, also while the object is being finished or aborted.
 *
 * @module
 */

import { assert, blockBytes } from "../../base/mod.ts";
import { BufferedWriter, type IoEngine, type IoFile } from "../../io/mod.ts";
import type { ObjectsContext } from "../context.ts";
import type { StoredObject } from "../stored_object.ts";
import { type CreateOptions, ObjectFile } from "./object_file.ts";

/** The append-only end of an object. */
export class ObjectWriter {
  /** The object, which can be read from its first byte on. */
  readonly object: StoredObject;
  /**
   * Resolves when the file stands and `ready` has resolved; rejects if that will never be. Nobody need await it: the
   * health is told what failed.
   */
  readonly made: Promise<void>;
  readonly #engine: IoEngine;
  readonly #file: ObjectFile;
  readonly #writer: BufferedWriter;
  #durableOffset: number;
  /** Where the bytes ended when the unfinished last block was written the last time. */
  #tailOffset = 0;
  #closing: Promise<void> | undefined;

  /**
   * Made by {@linkcode Objects} only.
   *
   * @param position Where to go on in an object that exists; left out for a new one.
   */
  constructor(context: ObjectsContext, object: StoredObject, options: CreateOptions, position?: number) {
    const { host: { engine }, writePool } = context, { health } = options;
    this.object = object;
    this.#engine = engine;
    this.#file = new ObjectFile(context, object.path, position === undefined, options);
    this.made = this.#file.made.then(() => {});
    this.made.catch(() => {});
    this.#durableOffset = position ?? 0;
    this.#writer = new BufferedWriter(engine, writePool, this.#file.writable, {
      start: position,
      health,
      reserved: () => this.#file.reserved,
      kept: options.kept,
    });
    object.own.writer = this.#writer;
    // One that goes on is opened when there is something to write, so that until then it stays as it is.
    if (position === undefined) this.#file.start();
  }

  /** The offset after the last byte. */
  get position(): number {
    return this.#writer.position;
  }

  /** The bytes that wait in buffers. */
  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  /** The offset up to which every byte is durable. */
  get durableOffset(): number {
    return this.#durableOffset;
  }

  /**
   * Appends a copy of `bytes`, synchronously, also while the disk is full: who must not asks `health.check()` before.
   *
   * @param bytes What to append.
   * @returns The offset of its first byte.
   * @throws {PoisonedError} If a write or a sync failed before.
   */
  append(bytes: Uint8Array): number {
    this.#file.start();
    return this.#writer.append(bytes);
  }

  /** Whether as many buffers wait as may. */
  get isFull(): boolean {
    return this.#writer.isFull;
  }

  /** Resolves when fewer buffers wait than may; `undefined` if that is so now. Rejects if the disk is full. */
  room(): Promise<void> | undefined {
    return this.#writer.room();
  }

  /** As {@linkcode room}, for work that nobody awaits: after a full disk it waits until somebody asks to try again. */
  patientRoom(): Promise<void> | undefined {
    const room = this.#writer.room();
    // Should it be aborted at once, nobody awaits this one.
    room?.catch(() => {});
    return room && this.#file.patiently(async () => await this.#writer.room());
  }

  /** The offset up to which the file holds every byte, durable or not: what a process that is killed leaves. */
  get writtenOffset(): number {
    return Math.max(this.#writer.written, this.#tailOffset);
  }

  /**
   * Has the file hold every byte before `offset`, durable or not. An unfinished last block is written as it is, and
   * again when it has grown.
   *
   * @param offset At most the position.
   * @throws {PoisonedError} If a write failed, now or before.
   * @throws {IoError} If the disk is full; it may be called again.
   * @throws {Deno.errors.BadResource} If it was closed meanwhile.
   */
  async write(offset: number): Promise<void> {
    if (offset <= this.writtenOffset) return;
    await this.made;
    if (offset % blockBytes === 0) return await this.#writer.flushTo(offset);
    const { position } = this.#writer;
    await this.#writer.flushTail();
    if (position > this.#tailOffset) this.#tailOffset = position;
  }

  /**
   * Makes every byte before `offset` durable: by one write if what is missing is small and nothing is on its way,
   * otherwise by writes and a sync. An unfinished last block is written as it is, and again when it has grown.
   *
   * @param offset A multiple of 4096, at most the position; or the position.
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   * @throws {IoError} If the disk is full; it may be called again.
   */
  async sync(offset: number): Promise<void> {
    const isWhole = offset % blockBytes === 0;
    assert(
      isWhole ? offset <= this.position : offset === this.position,
      "a sync ends at a block, or at the end",
    );
    this.#file.checkTrusted();
    const writer = this.#writer;
    const zeros = offset > this.#durableOffset ? writer.zerosBefore(offset) : undefined;
    if (zeros !== undefined) await zeros;
    if (offset <= this.#durableOffset) return this.#file.checkTrusted();
    const flushDurably = () => isWhole ? writer.flushDurably(offset) : writer.flushTailDurably();
    // What is in the file is durable but for this one write, which then needs no sync behind it.
    const durably = writer.written <= this.#durableOffset ? flushDurably() : undefined;
    await (durably ?? (isWhole ? writer.flushTo(offset) : writer.flushTail()));
    if (durably === undefined && offset > this.#durableOffset) await this.#datasync();
    this.#file.checkTrusted();
    if (offset > this.#durableOffset) this.#durableOffset = offset;
    if (offset > this.#tailOffset) this.#tailOffset = offset;
  }

  /**
   * Makes everything durable, then the file exactly as long as what was appended, and closes it. A full disk is waited
   * for; what is asked of `sync` meanwhile is answered.
   *
   * @returns The length of the object, a multiple of 4096.
   * @throws {PoisonedError} If a write or a sync failed, now or before; `abort` gives up what is held then.
   */
  async finish(): Promise<number> {
    const length = this.position;
    const file = await this.#settle(length);
    await this.#file.patiently(() => this.#engine.truncate(file, length));
    await this.#file.sync(() => this.#engine.sync(file));
    this.#durableOffset = length;
    await this.abort();
    return length;
  }

  /**
   * Makes everything durable that was appended before the call, and stays open. A full disk is waited for.
   *
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   */
  async settle(): Promise<void> {
    const length = this.position;
    await this.#settle(length);
    if (this.#durableOffset < length) this.#durableOffset = length;
  }

  /** Has everything in the file, and the system told to keep it; returns the file. */
  async #settle(length: number): Promise<IoFile> {
    assert(length % blockBytes === 0, "an object ends at a block");
    this.#file.start();
    // Whoever goes on behind what is settled, here or in another thread, meets no zeros.
    const stopped = this.#writer.stopAhead();
    await this.#file.patiently(() => this.#writer.flushTo(length));
    await stopped;
    if (this.#durableOffset < length) await this.#datasync();
    return await this.#file.made;
  }

  /** Waits for what is in flight and closes the file; what was not synced is left to its fate. */
  abort(): Promise<void> {
    return this.#closing ??= this.#file.close(this.#writer.close({ tail: "abandon" })).then(() => {
      this.object.own.writer = undefined;
    });
  }

  /** Syncs what is in the file (S5). */
  async #datasync(): Promise<void> {
    // Begun in this turn, so that closing waits for it. What is synced was written: the file is made.
    await this.#file.sync(async () => await this.#engine.datasync(await this.#file.made));
  }
}
