/**
 * Groups lines into batches and appends them.
 *
 * Lines one after the other that ask for the same LSN are one batch. Lines that ask for none are gathered into
 * batches of at most 1,000 changes or 1 MiB; a key that comes again begins a new one, so that no version is lost.
 */

import type { Lsn } from "../base/mod.ts";
import { Batch } from "../segment/mod.ts";
import type { Timeline } from "../timeline/mod.ts";
import type { ChangeLine } from "./change_line.ts";

const maxGroupChanges = 1000;
const maxGroupBytes = 1024 * 1024;

/** What was loaded so far. */
export interface LoadReport {
  /** Changes. */
  changes: number;
  /** Batches. */
  batches: number;
  /** The LSN of the last batch. */
  lastLsn: Lsn;
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
  readonly #keys = new Set<string>();
  #lsn: Lsn | undefined;
  #firstLine = 0;
  #lastLine = 0;

  /** Makes a loader into a timeline. */
  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.report = { changes: 0, batches: 0, lastLsn: timeline.lastLsn };
  }

  /**
   * Takes one line, and appends those gathered before if it does not belong to them.
   *
   * @param line What the line says.
   * @param number The number of the line.
   * @throws {LoadError} If the store refuses lines.
   */
  async add(line: ChangeLine, number: number): Promise<void> {
    const identity = line.lsn === undefined ? keyIdentity(line.change.key) : "";
    if (!this.#belongs(line.lsn, identity)) await this.flush();
    if (this.#batch.size === 0) {
      this.#firstLine = number;
      this.#lsn = line.lsn;
    }
    this.#lastLine = number;
    this.#keys.add(identity);
    this.#encode(line);
  }

  /**
   * Appends the lines gathered so far.
   *
   * @throws {LoadError} If the store refuses them.
   */
  async flush(): Promise<void> {
    const changes = this.#batch.size;
    if (changes === 0) return;
    try {
      this.report.lastLsn = await this.#timeline.append(this.#batch, { lsn: this.#lsn });
    } catch (error) {
      throw this.#refused(error as Error);
    }
    this.report.changes += changes;
    this.report.batches++;
    this.#batch.clear();
    this.#keys.clear();
  }

  #belongs(lsn: Lsn | undefined, identity: string): boolean {
    if (this.#batch.size === 0) return true;
    if (lsn !== this.#lsn) return false;
    if (lsn !== undefined) return true;
    const full = this.#batch.size >= maxGroupChanges || this.#batch.byteLength >= maxGroupBytes;
    return !full && !this.#keys.has(identity);
  }

  #encode({ change }: ChangeLine): void {
    try {
      if ("value" in change) this.#batch.put(change.key, change.value);
      else this.#batch.delete(change.key);
    } catch (error) {
      throw this.#refused(error as Error);
    }
  }

  #refused(error: Error): LoadError {
    const one = this.#firstLine === this.#lastLine;
    const lines = one ? `line ${this.#firstLine}` : `lines ${this.#firstLine} to ${this.#lastLine}`;
    return new LoadError(`${lines}: ${error.message}`, { cause: error });
  }
}

/** A key that is a string stands for itself; one that is no UTF-8 cannot be mistaken for any string. */
function keyIdentity(key: Uint8Array | string): string {
  return typeof key === "string" ? key : `\ud800${key.toHex()}`;
}
