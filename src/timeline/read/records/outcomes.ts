/**
 * What came of keys whose records are read.
 *
 * @module
 */

import { CompressedValue } from "../../../layer/mod.ts";
import { PatchChain } from "./patch_chain.ts";

/**
 * What came of a key: its value, compressed or as patches or not, why there is none, or `undefined` if there is none to be
 * read.
 */
export type Outcome = Uint8Array<ArrayBuffer> | CompressedValue | PatchChain | Error | undefined;

/** Stands for what came of a key whose record is still to be read. */
export const missing: Error = new Error("missing");

/** What came of the keys from one on. */
export class Outcomes {
  /** How many keys wait for records. */
  missing = 0;
  readonly #from: number;
  readonly #all: Outcome[] = [];

  /** Starts without any, in front of a key. */
  constructor(from: number) {
    this.#from = from;
  }

  /** Adds that of the next key. */
  push(outcome: Outcome): void {
    this.#all.push(outcome);
    if (outcome === missing) this.missing++;
  }

  /** That of a key. */
  of(key: number): Outcome {
    return this.#all[key - this.#from];
  }

  /** Whether the entry of a key can be had. */
  isReady(key: number): boolean {
    return this.of(key) !== missing;
  }

  /** Puts another one in its place. */
  set(key: number, outcome: Outcome): void {
    this.#all[key - this.#from] = outcome;
  }

  /** Takes note of that of a key that waited, once: of several records that cannot be had the first one counts. */
  settle(key: number, outcome: Outcome): void {
    if (this.of(key) !== missing) return;
    this.set(key, outcome);
    this.missing--;
  }

  /** What came of a key that is ready, if that are patches. */
  chainOf(key: number): PatchChain | undefined {
    const outcome = this.of(key);
    return outcome instanceof PatchChain ? outcome : undefined;
  }

  /** What came of a key that is ready, if that is a compressed value, or one that patches stand on. */
  compressedOf(key: number): CompressedValue | undefined {
    const outcome = this.of(key);
    if (outcome instanceof PatchChain) return outcome.compressed;
    return outcome instanceof CompressedValue ? outcome : undefined;
  }

  /**
   * The bytes that are decompressed or redone for the entry of a key that is ready, as far as they are known; `undefined`
   * if nothing is.
   */
  madeLengthOf(key: number): number | undefined {
    const outcome = this.of(key);
    if (outcome instanceof Uint8Array) return undefined;
    const compressed = this.compressedOf(key), chain = this.chainOf(key);
    if (compressed === undefined && chain === undefined) return undefined;
    // Of one that is damaged the length may not be known.
    return Math.max(0, compressed?.length ?? 0) + (chain?.byteLength ?? 0);
  }

  /** The first key that is ready and cannot be had. */
  firstFailure(): number | undefined {
    const item = this.#all.findIndex((outcome) => outcome instanceof Error);
    return item < 0 ? undefined : this.#from + item;
  }

  /** Why a key that is ready cannot be had, if so. */
  failureOf(key: number): Error | undefined {
    const outcome = this.of(key);
    return outcome instanceof Error ? outcome : undefined;
  }
}
