/**
 * Gathering the gets of one turn of the event loop that memory does not answer into one vectored read.
 *
 * ```
 *   get(a)  get(b)  get(c)   │ microtask        one lookup, one plan of reads, each page once
 *   ───●───────●───────●─────┼──► VectoredRead([a, b, c]) ──► a, b, c
 * ```
 *
 * Gets that see the same are gathered: the same layers as of the same LSN. Each fails alone, if its record is damaged.
 *
 * @module
 */

import type { Objects } from "../../objects/mod.ts";
import type { Entry } from "../entry.ts";
import { apart } from "./records/copies.ts";
import { endRead } from "./read_stream.ts";
import { VectoredRead } from "./vectored_read.ts";
import type { View } from "./view.ts";

/** Gets that wait for their group to be read. */
class Group {
  readonly keys: Uint8Array<ArrayBuffer>[] = [];
  readonly #resolves: ((entry: Entry) => void)[] = [];
  readonly #rejects: ((error: unknown) => void)[] = [];
  readonly #view: View;

  constructor(view: View) {
    this.#view = view;
  }

  sees({ levels }: View): boolean {
    return this.#view.levels.every(({ map, lsn }, i) => levels[i]?.map === map && levels[i].lsn === lsn);
  }

  add(key: Uint8Array<ArrayBuffer>): Promise<Entry> {
    return new Promise((resolve, reject) => {
      this.keys.push(key);
      this.#resolves.push(resolve);
      this.#rejects.push(reject);
    });
  }

  /** Reads every key and settles its get. It never rejects. */
  async read(objects: Objects): Promise<void> {
    const { turns } = objects.host;
    // Each value goes to somebody else.
    const read = new VectoredRead(objects, this.#view, this.keys.values(), { copies: apart });
    let next = 0;
    try {
      for (let items = await read.next(); items !== undefined; items = await read.next()) {
        // What memory answers would otherwise keep timers, and the writes of others, from their turn.
        if (turns.due()) await turns.turn();
        for (const item of items) {
          if ("error" in item) this.#rejects[next++](item.error);
          else this.#resolves[next++](item);
        }
        if (next === this.keys.length) break;
      }
      // At its end a read holds nothing.
      this.#view[Symbol.dispose]();
    } catch (error) {
      await endRead(this.#view, read);
      while (next < this.keys.length) this.#rejects[next++](error);
    }
  }
}

/** Gathers gets. */
export class Gather {
  readonly #objects: Objects;
  #group: Group | undefined;

  /** Reads from the objects of a store. */
  constructor(objects: Objects) {
    this.#objects = objects;
  }

  /**
   * The entry of a key.
   *
   * @param view What is seen; it is disposed of.
   * @param key The key.
   */
  get(view: View, key: Uint8Array<ArrayBuffer>): Promise<Entry> {
    if (this.#group?.sees(view)) view[Symbol.dispose]();
    else this.#open(view);
    return (this.#group as Group).add(key);
  }

  #open(view: View): void {
    const group = this.#group = new Group(view);
    queueMicrotask(() => {
      if (this.#group === group) this.#group = undefined;
      void group.read(this.#objects);
    });
  }
}
