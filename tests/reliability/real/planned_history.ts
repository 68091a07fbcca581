/** The history that every program writes: the seed tells which batch stands at which LSN of which timeline. */

import type { Change, Lsn } from "../../../mod.ts";
import { patterned } from "../../store/bytes.ts";
import { changesAt, keyCount, keyName, keysAt, lengthAt } from "../../store/kill_history.ts";

/** The distances of LSNs: assigned by the store, near each other, and far apart. */
const strides = [1, 10, 1_000_000_007];

/** A version as it must be read. */
export interface PlannedVersion {
  /** Its LSN. */
  readonly lsn: Lsn;
  /** Its value; `undefined` if it is a deletion. */
  readonly value: Uint8Array<ArrayBuffer> | undefined;
}

/** The history of one timeline. Its batches are numbered from 1. */
export class PlannedHistory {
  readonly #salt: number;
  readonly #stride: number;

  /** Tells the history of the timeline that has this name in a store of this seed. */
  constructor(seed: number, name: string) {
    let salt = seed >>> 0;
    for (const letter of name) salt = Math.imul(salt ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
    this.#salt = salt % 1_000_003;
    this.#stride = strides[salt % strides.length];
  }

  /** The LSN of a batch; 0 for what is before the first. */
  lsnAt(batch: number): Lsn {
    if (batch === 0) return 0;
    const back = (Math.imul(batch ^ this.#salt, 0x9e3779b1) >>> 0) % this.#stride;
    return batch * this.#stride - back;
  }

  /** What to ask for as the LSN of a batch; `undefined` where the store assigns it. */
  askedLsn(batch: number): Lsn | undefined {
    return this.#stride === 1 ? undefined : this.lsnAt(batch);
  }

  /** The batch at an LSN; `undefined` if there is none. */
  batchAt(lsn: Lsn): number | undefined {
    const batch = Math.ceil(lsn / this.#stride);
    return this.lsnAt(batch) === lsn ? batch : undefined;
  }

  /** The changes of a batch; now and then there are none. */
  changesAt(batch: number): Change[] {
    return this.#isEmpty(batch) ? [] : changesAt(batch + this.#salt);
  }

  /** Every version of every key up to a batch, oldest first. */
  versionsTo(batch: number): Map<string, PlannedVersion[]> {
    const versions = new Map(
      Array.from({ length: keyCount }, (_, key) => [keyName(key), [] as PlannedVersion[]]),
    );
    for (let at = 1; at <= batch; at++) {
      if (this.#isEmpty(at)) continue;
      const content = at + this.#salt;
      for (const key of keysAt(content)) {
        const length = lengthAt(content, key);
        const value = length === undefined ? undefined : patterned(length, content + key);
        versions.get(keyName(key))?.push({ lsn: this.lsnAt(at), value });
      }
    }
    return versions;
  }

  #isEmpty(batch: number): boolean {
    return (batch + this.#salt) % 29 === 0;
  }
}
