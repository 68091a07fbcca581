/**
 * Reading as of one LSN.
 *
 * @module
 */

import type { Key, Lsn } from "../base/mod.ts";
import type { DamagedEntry, Entry } from "./entry.ts";
import { type KeyVec, ownKey } from "./read/key_vec.ts";
import { planScan, type ReportDamage, type ScanRange, type SnapshotReadOptions } from "./read/options.ts";
import type { Reads } from "./read/reads.ts";
import type { View } from "./read/view.ts";

/**
 * A reader of a timeline as of one LSN, which later appends do not change. It is made by {@linkcode Timeline.snapshot}.
 * Nothing that it may still read is removed before it is disposed of, and before reads that it began have ended.
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
  readonly #reads: Reads;
  readonly #held: View;
  #disposed = false;

  /**
   * Made by {@linkcode Timeline.snapshot} only.
   *
   * @ignore
   */
  constructor(reads: Reads, view: View) {
    this.#reads = reads;
    this.#held = view;
    view.whenStopped(() => view[Symbol.dispose]());
  }

  /** The LSN that it reads as of. */
  get lsn(): Lsn {
    return this.#held.lsn;
  }

  #view(options: { signal?: AbortSignal | undefined }): View {
    if (this.#disposed) {
      throw new Deno.errors.BadResource(`Cannot use snapshot at LSN ${this.lsn}: it was disposed of`);
    }
    return this.#held.again(options.signal);
  }

  /** Reads the value of one key, as {@linkcode Timeline.get} does. */
  async get(key: Key, options: SnapshotReadOptions = {}): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = ownKey(key);
    return await this.#reads.one(this.#view(options), bytes);
  }

  /** Reads keys in one batch, as {@linkcode Timeline.getVectored} does. */
  getVectored(keys: Iterable<Key | KeyVec>, options?: SnapshotReadOptions): ReadableStream<Entry>;
  /** Reads keys as above, and reports damage in the places of entries. */
  getVectored(
    keys: Iterable<Key | KeyVec>,
    options: ReportDamage<SnapshotReadOptions>,
  ): ReadableStream<Entry | DamagedEntry>;
  getVectored(
    keys: Iterable<Key | KeyVec>,
    options: SnapshotReadOptions | ReportDamage<SnapshotReadOptions> = {},
  ): ReadableStream<Entry | DamagedEntry> {
    return this.#reads.keys(this.#view(options), keys, options.damage);
  }

  /** Reads keys into an array, as {@linkcode Timeline.getMany} does. */
  async getMany(
    keys: Iterable<Key>,
    options: SnapshotReadOptions = {},
  ): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
    return await this.#reads.all(this.#view(options), keys);
  }

  /** Reads a range of keys, as {@linkcode Timeline.scan} does. */
  scan(range?: ScanRange, options?: SnapshotReadOptions): ReadableStream<Entry>;
  /** Reads a range as above, and reports damage in the places of entries. */
  scan(range: ScanRange, options: ReportDamage<SnapshotReadOptions>): ReadableStream<Entry | DamagedEntry>;
  scan(
    range: ScanRange = {},
    options: SnapshotReadOptions | ReportDamage<SnapshotReadOptions> = {},
  ): ReadableStream<Entry | DamagedEntry> {
    const plan = planScan(range);
    return this.#reads.range(this.#view(options), plan, options.damage);
  }

  /** Gives the snapshot up; it cannot be read from after. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#held[Symbol.dispose]();
  }
}
