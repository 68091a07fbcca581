/** The last batch of an input that is in the store already, to see that it is indeed that one. */

import { equals } from "@std/bytes";
import { type Lsn, RedoError } from "../../base/mod.ts";
import type { Timeline } from "../../timeline/mod.ts";
import type { Line } from "./change_loader.ts";

/** So many keys of a batch are looked at. */
const mostKeys = 64;
/** Stands for a value that patches make: nobody here redoes them. */
const patched: unique symbol = Symbol("patched");

/** Lines that are passed over because the store has their LSN. */
export class SkippedBatch {
  /** Their LSN; 0 if there is none. */
  lsn: Lsn = 0;
  /** What keys have after it, by their bytes in hexadecimal. */
  readonly #values = new Map<string, Uint8Array | undefined | typeof patched>();

  /** Takes a change; all with the same LSN are one batch, and the last of a key counts. */
  add({ lsn, key, value, isPatch }: Line): void {
    if (lsn !== this.lsn) this.#values.clear();
    this.lsn = lsn;
    const name = key.toHex();
    if (this.#values.size >= mostKeys && !this.#values.has(name)) return;
    this.#values.set(name, isPatch ? patched : value?.slice());
  }

  /** Whether a timeline has this batch; of a key that it patches, whether there is a version of it. */
  async isIn(timeline: Timeline): Promise<boolean> {
    if (this.lsn === 0) return true;
    const keys = [...this.#values.keys()].map((name) => Uint8Array.fromHex(name));
    const wanted = [...this.#values.values()];
    let at = 0;
    for await (const entry of timeline.getVectored(keys, { lsn: this.lsn, damage: "report" })) {
      const expected = wanted[at++];
      if ("error" in entry && !(entry.error instanceof RedoError)) throw entry.error;
      if (entry.lsn !== this.lsn) return false;
      if (expected !== patched && ("error" in entry || !isSame(entry.value, expected))) return false;
    }
    return true;
  }
}

function isSame(value: Uint8Array | undefined, expected: Uint8Array | undefined): boolean {
  if (value === undefined || expected === undefined) return value === expected;
  return equals(value, expected);
}
