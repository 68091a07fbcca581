/**
 * Making values of the versions of a key that are patches, in the order of a history.
 *
 * ```
 *   old ─► new   put@1 │ patch@4 │ patch@9 │ …      each stands on the value that came before it
 *   new ─► old   patch@9 │ patch@4 │ put@1          by groups: the oldest of a group is read as of its LSN, and those
 *                └── group ────────────┘            in front of it stand on it
 * ```
 *
 * H3  The value of a version is what a read as of its LSN gives. What cannot be redone fails those that stand on it too.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import type { Objects } from "../../objects/mod.ts";
import type { DamagedEntry, Entry } from "../entry.ts";
import { apart } from "./records/copies.ts";
import { isPatchedEntry, type PatchedEntry } from "./records/chains.ts";
import { VectoredRead } from "./vectored_read.ts";
import type { View } from "./view.ts";

/** Versions of a group that is walked backwards: all of their values are in memory at once. */
const groupVersions = 32;
/** Versions that are handed on at once, and bytes of values, so that the event loop gets its turns. */
const mostVersions = 256, mostBytes = 1024 * 1024;

/** Stands for a value that nobody has found out. */
const unknown = Symbol("unknown");

/** A version as it was read, and then as it is given out. */
type Read = Entry | DamagedEntry;

/** See the top of the file. */
export class RedoneVersions {
  readonly #objects: Objects;
  readonly #view: View;
  readonly #key: Uint8Array<ArrayBuffer>;
  readonly #reverse: boolean;
  /** What the next version stands on, in memory that nobody else has; or why that cannot be had. */
  #before: Uint8Array | undefined | Error | typeof unknown = unknown;

  /**
   * Knows nothing yet.
   *
   * @param objects What reads.
   * @param view What is seen.
   * @param key The key.
   * @param reverse Whether versions come from new to old.
   */
  constructor(objects: Objects, view: View, key: Uint8Array<ArrayBuffer>, reverse: boolean) {
    this.#objects = objects;
    this.#view = view;
    this.#key = key;
    this.#reverse = reverse;
  }

  /**
   * Takes versions from the front of those that were read.
   *
   * @returns One or more of them, in order, with their values.
   */
  async take(read: Read[]): Promise<Read[]> {
    const whole = read.findIndex(isPatchedEntry);
    if (whole !== 0) return this.#takeWhole(read.splice(0, whole < 0 ? read.length : whole));
    return await (this.#reverse ? this.#takeGroup(read) : this.#takePatched(read));
  }

  /** Takes versions that stand on nothing, all at once. */
  #takeWhole(read: Read[]): Read[] {
    if (!this.#reverse) this.#standOn(read[read.length - 1]);
    return read;
  }

  async #takePatched(read: Read[]): Promise<Read[]> {
    const taken: Read[] = [];
    for (let bytes = 0; taken.length < mostVersions && bytes < mostBytes; bytes += lengthOf(taken)) {
      const [one] = read;
      if (one === undefined || !isPatchedEntry(one)) break;
      read.shift();
      taken.push(await this.#redo(one));
    }
    return taken;
  }

  async #takeGroup(read: Read[]): Promise<Read[]> {
    let count = 1;
    while (count < Math.min(read.length, groupVersions) && needsOlder(read[count - 1])) count++;
    const taken: Read[] = [];
    this.#before = unknown;
    for (const one of read.splice(0, count).reverse()) {
      if (!isPatchedEntry(one)) this.#standOn(one);
      taken.push(isPatchedEntry(one) ? await this.#redo(one) : one);
    }
    return taken.reverse();
  }

  /** Takes note of what the next version may stand on. */
  #standOn(one: Read): void {
    this.#before = "error" in one ? one.error : one.value?.slice();
  }

  /** A version with its value, which the next one may stand on. */
  async #redo(one: PatchedEntry): Promise<Read> {
    const { key } = one, lsn = one.lsn as Lsn, value = this.#before = await this.#valueOf(one, lsn);
    return value instanceof Error ? { key, lsn, error: value } : { key, lsn, value: value?.slice() };
  }

  async #valueOf({ patches: { isWhole, base, patches } }: PatchedEntry, lsn: Lsn) {
    const before = isWhole ? base : this.#before;
    if (before === unknown) return await this.#valueAt(lsn);
    if (before instanceof Error) return before;
    try {
      return this.#view.redoer.redo(this.#key, lsn, before, patches).slice();
    } catch (error) {
      return error as Error;
    }
  }

  /** The value as of an LSN, in memory of its own, or why it cannot be had. */
  async #valueAt(lsn: Lsn): Promise<Uint8Array | undefined | Error> {
    const read = new VectoredRead(this.#objects, this.#view, [this.#key].values(), {
      copies: apart,
      asOf: lsn,
    });
    const [entry] = await read.next() ?? [];
    return "error" in entry ? entry.error : entry.value;
  }
}

/** The bytes of the value of the last one. */
function lengthOf(taken: readonly Read[]): number {
  const last = taken[taken.length - 1];
  return "value" in last ? last.value?.length ?? 0 : 0;
}

function needsOlder(one: Read): boolean {
  return isPatchedEntry(one) && !one.patches.isWhole;
}
