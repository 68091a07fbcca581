/**
 * Reading as of one LSN.
 *
 * @module
 */

import type { Key, Lsn } from "../base/mod.ts";
import type { Entry } from "./entry.ts";
import type { KeyVec } from "./key_vec.ts";
import type { ScanRange, Timeline } from "./timeline.ts";

/** Options of a snapshot's reads. */
export interface SnapshotReadOptions {
  /** Stops the read, which then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * A reader of a timeline as of one LSN, which later appends do not change. It is made by {@linkcode Timeline.snapshot}.
 *
 * @example Two reads of the same moment
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * await timeline.append([{ key: "a", value: "1" }]);
 * using snapshot = timeline.snapshot();
 * await timeline.append([{ key: "a", delete: true }]);
 * assertEquals(await snapshot.get("a"), new TextEncoder().encode("1"));
 * assertEquals(await timeline.get("a"), undefined);
 * ```
 */
export class Snapshot implements Disposable {
  /** The LSN that it reads as of. */
  readonly lsn: Lsn;
  readonly #timeline: Timeline;
  #disposed = false;

  /**
   * Made by {@linkcode Timeline.snapshot} only.
   *
   * @ignore
   */
  constructor(timeline: Timeline, lsn: Lsn) {
    this.#timeline = timeline;
    this.lsn = lsn;
  }

  #options(options: SnapshotReadOptions): { lsn: Lsn; signal?: AbortSignal } {
    if (this.#disposed) {
      throw new Deno.errors.BadResource(`Cannot use snapshot at LSN ${this.lsn}: it was disposed of`);
    }
    return { ...options, lsn: this.lsn };
  }

  /** Reads the value of one key, as {@linkcode Timeline.get} does. */
  async get(key: Key, options: SnapshotReadOptions = {}): Promise<Uint8Array | undefined> {
    return await this.#timeline.get(key, this.#options(options));
  }

  /** Reads keys in one batch, as {@linkcode Timeline.getVectored} does. */
  getVectored(keys: Iterable<Key | KeyVec>, options: SnapshotReadOptions = {}): ReadableStream<Entry> {
    return this.#timeline.getVectored(keys, this.#options(options));
  }

  /** Reads keys into an array, as {@linkcode Timeline.getMany} does. */
  async getMany(keys: Iterable<Key>, options: SnapshotReadOptions = {}): Promise<(Uint8Array | undefined)[]> {
    return await this.#timeline.getMany(keys, this.#options(options));
  }

  /** Reads a range of keys, as {@linkcode Timeline.scan} does. */
  scan(range: ScanRange = {}, options: SnapshotReadOptions = {}): ReadableStream<Entry> {
    return this.#timeline.scan(range, this.#options(options));
  }

  /** Gives the snapshot up; it cannot be read from after. */
  [Symbol.dispose](): void {
    this.#disposed = true;
  }
}
