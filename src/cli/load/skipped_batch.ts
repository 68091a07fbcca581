/** The last batch of an input that is in the store already, to see that it is indeed that one. */

import { equals } from "@std/bytes";
import { keyBytes, type Lsn } from "../../base/mod.ts";
import type { Timeline } from "../../timeline/mod.ts";

/** So many keys of a batch are looked at. */
const mostKeys = 64;

/** Lines that are passed over because the store has their LSN. */
export class SkippedBatch {
  /** Their LSN; 0 if there is none. */
  lsn: Lsn = 0;
  /** What keys have after it, by their bytes in hexadecimal. */
  readonly #values = new Map<string, Uint8Array | undefined>();

  /** Takes a change; all with the same LSN are one batch, and the last of a key counts. */
  add(lsn: Lsn, key: Uint8Array | string, value: Uint8Array | undefined): void {
    if (lsn !== this.lsn) this.#values.clear();
    this.lsn = lsn;
    const name = keyBytes(key).toHex();
    if (this.#values.size < mostKeys || this.#values.has(name)) this.#values.set(name, value?.slice());
  }

  /** Whether a timeline has this batch. */
  async isIn(timeline: Timeline): Promise<boolean> {
    if (this.lsn === 0) return true;
    const keys = [...this.#values.keys()].map((name) => Uint8Array.fromHex(name));
    const wanted = [...this.#values.values()];
    let at = 0;
    for await (const { lsn, value } of timeline.getVectored(keys, { lsn: this.lsn })) {
      const expected = wanted[at++];
      const same = value === undefined || expected === undefined
        ? value === expected
        : equals(value, expected);
      if (lsn !== this.lsn || !same) return false;
    }
    return true;
  }
}
