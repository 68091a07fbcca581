/**
 * Groups changes into batches and appends them.
 *
 * Lines one after the other that ask for the same LSN are one batch. Lines that ask for none are gathered into
 * batches of at most 1,000 changes or 1 MiB; a key that comes again begins a new one, so that no version is lost. Such a
 * batch also keeps the position behind it.
 */

import type { Lsn } from "../../base/mod.ts";
import { Batch } from "../../segment/mod.ts";
import type { Timeline } from "../../timeline/mod.ts";
import type { LoadPosition } from "./load_position.ts";

const maxGroupChanges = 1000;
const maxGroupBytes = 1024 * 1024;

/** What was loaded so far. */
export interface LoadReport {
  /** Changes. */
  changes: number;
  /** Batches. */
  batches: number;
  /** Lines that were in the store before. */
  skipped: number;
  /** The LSN of the last batch. */
  lastLsn: Lsn;
}

/** What a line says. */
export interface Line {
  /** The LSN that it asks for; 0 if it asks for none. */
  readonly lsn: Lsn;
  /** The key. */
  readonly key: Uint8Array;
  /** The value, or the patch; `undefined` deletes the key. */
  readonly value: Uint8Array | undefined;
  /** Whether it is a patch. */
  readonly isPatch: boolean;
}

/** Lines that a store refused. */
export class LoadError extends Error {
  /** The name of the class. */
  override name = "LoadError";
}

/** Appends lines in batches; all of a batch is stored, or none. */
export class ChangeLoader {
  /** What was loaded so far, without the lines still being gathered. */
  readonly report: LoadReport;
  readonly #timeline: Timeline;
  readonly #batch = new Batch();
  /** Hashes of the keys of the batch; two keys of one hash only end a batch early. */
  readonly #keys = new Set<number>();
  #lsn: Lsn = 0;
  #firstLine = 0;
  #lastLine = 0;

  /** Makes a loader into a timeline. */
  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.report = { changes: 0, batches: 0, skipped: 0, lastLsn: timeline.lastLsn };
  }

  /**
   * Whether a change belongs to those that were gathered; if it does not, they are to be flushed before it is added.
   * Hot: `varve load`.
   *
   * @param lsn The LSN that it asks for; 0 if it asks for none.
   * @param hash The hash of its key.
   */
  takes(lsn: Lsn, hash: number): boolean {
    const { size, byteLength } = this.#batch;
    if (size === 0) return true;
    if (lsn !== this.#lsn) return false;
    return lsn > 0 || size < maxGroupChanges && byteLength < maxGroupBytes && !this.#keys.has(hash);
  }

  /**
   * Gathers one change.
   *
   * @param line What it is.
   * @param hash The hash of its key.
   * @param number The number of its line.
   * @throws {LoadError} If a batch cannot hold it.
   */
  add({ lsn, key, value, isPatch }: Line, hash: number, number: number): void {
    if (this.#batch.size === 0) {
      this.#firstLine = number;
      this.#lsn = lsn;
    }
    this.#lastLine = number;
    if (lsn === 0) this.#keys.add(hash);
    try {
      if (value === undefined) this.#batch.delete(key);
      else if (isPatch) this.#batch.patch(key, value);
      else this.#batch.put(key, value);
    } catch (error) {
      throw this.#refused(error as Error);
    }
  }

  /**
   * Appends the changes gathered so far.
   *
   * @param position The position behind them.
   * @throws {LoadError} If the store refuses them.
   */
  async flush(position: LoadPosition): Promise<void> {
    const changes = this.#batch.size;
    if (changes === 0) return;
    const lsn = this.#lsn === 0 ? undefined : this.#lsn;
    try {
      if (lsn === undefined && position.key !== undefined) this.#batch.put(position.key, position.encode());
      this.report.lastLsn = await this.#timeline.append(this.#batch, { lsn });
    } catch (error) {
      throw this.#refused(error as Error);
    }
    this.report.changes += changes;
    this.report.batches++;
    this.drop();
  }

  /** Whether what was gathered asks for an LSN, so that more of its batch may come. */
  get isOpen(): boolean {
    return this.#batch.size > 0 && this.#lsn > 0;
  }

  /** Forgets what was gathered. */
  drop(): void {
    this.#batch.clear();
    this.#keys.clear();
  }

  #refused(error: Error): LoadError {
    const one = this.#firstLine === this.#lastLine;
    const lines = one ? `line ${this.#firstLine}` : `lines ${this.#firstLine} to ${this.#lastLine}`;
    return new LoadError(`${lines}: ${error.message}`, { cause: error });
  }
}

/** A hash of a key: FNV-1a. Hot: `varve load`. */
export function hashKey(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193);
  // Small integers are sets' fastest members.
  return hash >> 2;
}
