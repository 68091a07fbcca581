/**
 * Reading as of one LSN.
 *
 * @module
 */

import { checkReadLsn, type Key, type LatencyWindow, type Lsn, type Shard } from "../base/mod.ts";
import type { Objects } from "../objects/mod.ts";
import type { Codec } from "./keyspace/codec.ts";
import { KeyspaceReader } from "./keyspace/keyspace_reader.ts";
import { Space } from "./keyspace/space.ts";
import type { IsOpen } from "./read/explain/key_record.ts";
import { type Lineage, lineageOf } from "./read/levels.ts";
import { type ReadNames, snapshotReadNames, type SnapshotReadOptions } from "./read/options.ts";
import { Reads, type ViewSource } from "./read/reads.ts";
import type { View } from "./read/view.ts";
import { Reader } from "./reader.ts";

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
export class Snapshot extends Reader<SnapshotReadOptions> implements Disposable {
  /** The LSN that it reads as of. */
  readonly lsn: Lsn;
  readonly #held: HeldView;
  readonly #reads: Reads;

  /**
   * Made by {@linkcode Timeline.snapshot} only.
   *
   * @ignore
   */
  constructor(objects: Objects, view: View, source: Pick<ViewSource, "isOpen" | "gets" | "shard">) {
    const held = new HeldView(view, source), reads = new Reads(objects, held);
    super(reads);
    this.lsn = view.lsn;
    this.#held = held;
    this.#reads = reads;
  }

  /** Reads what is under a prefix; see {@linkcode Timeline.under}. */
  under(prefix: Key): KeyspaceReader<Uint8Array<ArrayBuffer>, SnapshotReadOptions> {
    return new KeyspaceReader(this.#reads, Space.whole.under(prefix));
  }

  /** Reads values that a codec makes; see {@linkcode Timeline.as}. */
  as<T>(codec: Codec<T>): KeyspaceReader<T, SnapshotReadOptions> {
    return new KeyspaceReader<T, SnapshotReadOptions>(this.#reads, Space.whole.as(codec));
  }

  /** Gives the snapshot up; it cannot be read from after. */
  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }
}

/** What a snapshot's reads see: one view, until it is given up. */
class HeldView implements ViewSource, Disposable {
  readonly names: ReadNames = snapshotReadNames;
  readonly lineage: Lineage;
  readonly isOpen: IsOpen;
  readonly gets: LatencyWindow;
  readonly shard: Shard | undefined;
  readonly #view: View;
  #disposed = false;

  constructor(view: View, { isOpen, gets, shard }: Pick<ViewSource, "isOpen" | "gets" | "shard">) {
    this.lineage = lineageOf(view.levels);
    this.isOpen = isOpen;
    this.gets = gets;
    this.shard = shard;
    this.#view = view;
    view.whenStopped(() => view[Symbol.dispose]());
  }

  open(lsn: Lsn | undefined, signal: AbortSignal | undefined): View {
    this.#check();
    return this.#view.again({ lsn, signal });
  }

  lsnFor(lsn: Lsn | undefined): Lsn {
    this.#check();
    return checkReadLsn(lsn, this.#view.lsn, this.#view.horizon);
  }

  countKey(): void {
    this.#view.countKeys(1);
  }

  #check(): void {
    if (this.#disposed) {
      throw new Deno.errors.BadResource(`Cannot use snapshot at LSN ${this.#view.lsn}: it was disposed of`);
    }
    this.#view.check();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#view[Symbol.dispose]();
  }
}
