/**
 * Where a simulation's decisions come from: a seed, the bytes of a fuzzer, every one in turn, or a trace of earlier ones.
 *
 * The dullest choice is 0: no fault, nothing lost, the first in order. So a failing run is made simpler by lowering the
 * numbers of its trace.
 *
 * @module
 */

import { assert } from "../base/mod.ts";

/** A source of decisions. */
export interface Choices {
  /**
   * Decides between `n` things.
   *
   * @param n How many there are, 1 or more.
   * @returns An integer from 0 to `n` − 1.
   */
  choose(n: number): number;
}

/** Decisions from a seed: mulberry32 (Tommy Ettinger, public domain). */
export class SeededChoices implements Choices {
  #state: number;

  /** Starts from a seed, of which 32 bits count. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** See {@linkcode Choices.choose}. */
  choose(n: number): number {
    this.#state = this.#state + 0x6d2b79f5 >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return Math.floor(((t ^ t >>> 14) >>> 0) / 2 ** 32 * n);
  }
}

/** Decisions from bytes, as a fuzzer makes them; all of them are 0 when the bytes have run out. */
export class BytesChoices implements Choices {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** Starts at the first byte. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** See {@linkcode Choices.choose}. */
  choose(n: number): number {
    let word = 0;
    for (let span = 1; span < n; span *= 256) word = word * 256 + (this.#bytes[this.#at++] ?? 0);
    return word % n;
  }
}

/** One decision: between how many, and which. */
export type Choice = readonly [n: number, chosen: number];

/** Decisions of another source, written down. */
export class RecordedChoices implements Choices {
  /** What was decided, in order. */
  readonly trace: Choice[] = [];
  readonly #inner: Choices;

  /** Asks `inner`. */
  constructor(inner: Choices) {
    this.#inner = inner;
  }

  /** See {@linkcode Choices.choose}. */
  choose(n: number): number {
    const chosen = this.#inner.choose(n);
    this.trace.push([n, chosen]);
    return chosen;
  }
}

/**
 * Decisions of a trace. A trace that was made simpler may no longer fit the program: what is out of range is the
 * largest there is, and all that follows its end is 0.
 */
export class ReplayedChoices implements Choices {
  readonly #trace: readonly Choice[];
  #at = 0;

  /** Starts with the first decision. */
  constructor(trace: readonly Choice[]) {
    this.#trace = trace;
  }

  /** See {@linkcode Choices.choose}. */
  choose(n: number): number {
    const [, chosen] = this.#trace[this.#at++] ?? [n, 0];
    return Math.min(chosen, n - 1);
  }
}

/** The dullest decisions. */
export const dullChoices: Choices = { choose: () => 0 };

/** Whether something happens that happens `numerator` times in `denominator`. */
export function chance(choices: Choices, numerator: number, denominator: number): boolean {
  return choices.choose(denominator) >= denominator - numerator;
}

/** One of several; the first is the dullest. */
export function pick<T>(choices: Choices, list: readonly T[]): T {
  assert(list.length > 0, "there is something to pick from");
  return list[choices.choose(list.length)];
}
