/**
 * A buffered writer over one file, and what of the file is durable.
 *
 * Y1  What a sync could not bring to the disk is lost to the system, also for want of room: no sync is ever repeated,
 *     and nothing is written after one that failed.
 *
 * @module
 */

import { type Health, isShortage, PoisonedError } from "../base/mod.ts";
import type { BufferedWriter, IoEngine, IoFile } from "../io/mod.ts";

/** What a sync does with an unfinished block. */
export type Tail = "rewrite" | "pad";

/** What a writer is made of. */
export interface SyncedWriterParts {
  /** What syncs. */
  readonly engine: IoEngine;
  /** The file. */
  readonly file: IoFile;
  /** What writes to it. */
  readonly writer: BufferedWriter;
  /** Told what failed. */
  readonly health: Health;
  /** What a sync does with an unfinished block. */
  readonly tail: Tail;
  /** The length of the file, which is taken to be durable. */
  readonly length: number;
}

/** A buffered writer that syncs. */
export class SyncedWriter {
  /** What is appended to and copied out of. */
  readonly writer: BufferedWriter;
  readonly #parts: SyncedWriterParts;
  #durable: number;
  #syncing: Promise<void> | undefined;

  /** Makes a writer of its parts. It closes `writer`, and leaves `file` open. */
  constructor(parts: SyncedWriterParts) {
    this.#parts = parts;
    this.writer = parts.writer;
    this.#durable = parts.length;
  }

  /** The bytes that are known to survive a crash and a loss of power. */
  get durable(): number {
    return this.#durable;
  }

  /** Makes everything that was appended before the call durable. Concurrent calls share one sync. */
  async sync(): Promise<void> {
    const length = this.writer.position;
    while (this.#durable < length) {
      this.#syncing ??= this.#syncOnce().finally(() => this.#syncing = undefined);
      await this.#syncing;
    }
  }

  async #syncOnce(): Promise<void> {
    const { writer } = this;
    const { engine, file, tail } = this.#parts;
    if (tail === "pad") writer.pad();
    const length = writer.position;
    await writer.flushTail();
    await this.#makeDurable(length, () => engine.datasync(file));
  }

  async #makeDurable(length: number, sync: () => Promise<void>): Promise<void> {
    try {
      await sync();
    } catch (error) {
      const cause = error as Error;
      const message = `Cannot write to "${this.#parts.file.path}": a sync failed: ${cause.message}`;
      throw this.#parts.health.fail(isShortage(cause) ? new PoisonedError(message, { cause }) : cause);
    }
    if (length > this.#durable) this.#durable = length;
  }

  /** Writes what is left, makes the length exact and everything durable. The buffers are given up in any case. */
  async finish(): Promise<void> {
    const { engine, file, length: initial } = this.#parts;
    // Who waits for one that is under way may need another one behind it; they are told what fails.
    while (this.#syncing !== undefined) await this.#syncing.catch(() => {});
    const length = this.writer.position;
    try {
      if (length === initial && await engine.size(file) === length) return;
      await this.writer.close({ tail: "truncate" });
      await this.#makeDurable(length, () => engine.sync(file));
    } finally {
      await this.writer.close({ tail: "abandon" });
    }
  }
}
