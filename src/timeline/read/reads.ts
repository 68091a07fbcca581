/**
 * The reads of a timeline and of its snapshots. Each is given a view of its own, which is disposed of when it ends.
 *
 * @module
 */

import type { Key } from "../../base/mod.ts";
import type { Objects } from "../../objects/mod.ts";
import type { DamagedEntry, Entry, Version } from "../entry.ts";
import { type HistoryPlan, HistoryRead } from "./history.ts";
import { expandKeys, type KeyVec } from "./key_vec.ts";
import type { ReadOptions, ScanPlan } from "./options.ts";
import { readStream, runRead } from "./read_stream.ts";
import { ScanRead } from "./scan.ts";
import { VectoredRead } from "./vectored_read.ts";
import type { View } from "./view.ts";

/** A value, or `undefined` for a key that is absent or deleted. */
type Found = Uint8Array<ArrayBuffer> | undefined;
/** What a stream does when it comes to damage; see {@linkcode ReadOptions.damage}. */
type Damage = ReadOptions["damage"] | "report";

/** What reads objects through views. */
export class Reads {
  readonly #objects: Objects;

  /** Reads from the objects of a store. */
  constructor(objects: Objects) {
    this.#objects = objects;
  }

  /** The value of one key: the vectored read of one key. */
  async one(view: View, key: Uint8Array<ArrayBuffer>): Promise<Found> {
    const read = new VectoredRead(this.#objects, view, [key].values());
    const [entry] = await runRead<Entry>(view, read, this.#objects.host.turns, 1);
    return entry.value;
  }

  /** The values of keys. */
  async all(view: View, keys: Iterable<Key>): Promise<Found[]> {
    const read = new VectoredRead(this.#objects, view, expandKeys(keys));
    const entries = await runRead<Entry>(view, read, this.#objects.host.turns);
    return entries.map(({ value }) => value);
  }

  /** The entries of keys and of runs of keys. */
  keys(view: View, keys: Iterable<Key | KeyVec>, damage: Damage): ReadableStream<Entry | DamagedEntry> {
    const { turns } = this.#objects.host;
    return readStream<Entry>(view, new VectoredRead(this.#objects, view, expandKeys(keys)), {
      turns,
      damage,
    });
  }

  /** The entries of a range of keys. */
  range(view: View, plan: ScanPlan, damage: Damage): ReadableStream<Entry | DamagedEntry> {
    const { turns } = this.#objects.host;
    return readStream<Entry>(view, new ScanRead(this.#objects, view, plan), { turns, damage });
  }

  /** The versions of a key. */
  history(view: View, plan: HistoryPlan, damage: Damage): ReadableStream<Version | DamagedEntry> {
    const { turns } = this.#objects.host;
    return readStream<Version>(view, new HistoryRead(this.#objects, view, plan), { turns, damage });
  }
}
