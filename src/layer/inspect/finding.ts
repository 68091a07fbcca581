/**
 * What an inspection finds, and what every part of one is given.
 *
 * @module
 */

import { compareKeys, type CorruptionError, type IoError, type Lsn, type Turns } from "../../base/mod.ts";

/** Keys that damage costs. */
export interface LostKeys {
  /** The smallest of them. */
  readonly first: Uint8Array;
  /** The largest of them. */
  readonly last: Uint8Array;
  /** How many versions of them are lost; `undefined` where that cannot be told. */
  readonly versions: number | undefined;
}

/** Something that an inspection found. */
export interface VerifyFinding {
  /** `damage`: bytes are not what was written; `warning`: what is there serves, and yet should be looked at. */
  readonly severity: "damage" | "warning";
  /** The file or directory. */
  readonly path: string;
  /** Where the damage starts in the file in bytes, where that is known. */
  readonly offset: number | undefined;
  /** How many bytes are damaged, where that is known. */
  readonly length: number | undefined;
  /** What was expected and what was found, or why it could not be read. */
  readonly error: CorruptionError | IoError;
  /** The name of the timeline that it belongs to; its id in hexadecimal if no manifest tells the name. */
  readonly timeline: string | undefined;
  /** The keys of which versions cannot be read, or not found; `undefined` if there are none, or none is known. */
  readonly keys: LostKeys | undefined;
  /** The LSNs that they stand at. */
  readonly lsns: { readonly first: Lsn; readonly last: Lsn } | undefined;
}

/** What a finding is made of; what is left out is unknown. */
export type FoundDamage =
  & Pick<VerifyFinding, "error">
  & Partial<Pick<VerifyFinding, "severity" | "path" | "offset" | "length" | "keys" | "lsns">>;

/** What an inspection is given by whoever asked for it. */
export interface Inspector {
  /** Gives the event loop its turns. */
  readonly turns: Turns;
  /** Throws if the inspection must stop. */
  check(): void;
  /** Notes bytes that were read for the first time. */
  read(bytes: number): void;
  /** Takes what was found. */
  found(damage: FoundDamage): void;
}

/** Keys and LSNs of versions that are lost, gathered in any order. */
export class Loss {
  /** How many there are. */
  versions = 0;
  #firstKey: Uint8Array | undefined;
  #lastKey: Uint8Array | undefined;
  #firstLsn = Infinity;
  #lastLsn = 0;

  /**
   * Adds a version.
   *
   * @param key Its key, of which a copy is kept if need be.
   * @param lsn Its LSN.
   */
  add(key: Uint8Array, lsn: Lsn): void {
    this.versions++;
    if (this.#firstKey === undefined || compareKeys(key, this.#firstKey) < 0) this.#firstKey = key.slice();
    if (this.#lastKey === undefined || compareKeys(key, this.#lastKey) > 0) this.#lastKey = key.slice();
    this.#firstLsn = Math.min(this.#firstLsn, lsn);
    this.#lastLsn = Math.max(this.#lastLsn, lsn);
  }

  /** The keys; `undefined` if there are none. */
  get keys(): LostKeys | undefined {
    const first = this.#firstKey, last = this.#lastKey;
    return first === undefined || last === undefined ? undefined : { first, last, versions: this.versions };
  }

  /** The LSNs; `undefined` if there are none. */
  get lsns(): VerifyFinding["lsns"] {
    return this.versions === 0 ? undefined : { first: this.#firstLsn, last: this.#lastLsn };
  }
}
