/**
 * Randomness with a seed, so that a failure can be run again: `VARVE_SEED=7 deno test … --filter <test>` repeats it.
 * With `VARVE_SEED_BASE`, any text, the fresh seeds of a trial follow from it and the trial's name, so that a whole run
 * can be run again; CI takes the hash of the commit.
 *
 * A seed that found a defect is added to `tests/data/seeds.json` under the name of its trial, before the defect is
 * mended, and is tried first from then on.
 */

import { crc32 } from "node:zlib";
import corpus from "./data/seeds.json" with { type: "json" };

/**
 * The seeds of a trial: those that found something before, then fresh ones. When the body of the loop throws, the
 * seed is printed.
 *
 * @param name The trial, as in `tests/data/seeds.json`.
 * @param count How many fresh ones.
 */
export function* seeds(name: string, count: number): Generator<number> {
  for (const seed of chooseSeeds(name, count)) {
    let passed = false;
    try {
      yield seed;
      passed = true;
    } finally {
      if (!passed) Deno.stderr.writeSync(new TextEncoder().encode(`${name}: VARVE_SEED=${seed}\n`));
    }
  }
}

function chooseSeeds(name: string, count: number): number[] {
  const given = Deno.env.get("VARVE_SEED");
  if (given !== undefined) return [Number(given)];
  const known = (corpus as Readonly<Record<string, readonly number[]>>)[name] ?? [];
  return [...known, ...freshSeeds(name, count)];
}

function freshSeeds(name: string, count: number): Iterable<number> {
  const fresh = new Uint32Array(count), base = Deno.env.get("VARVE_SEED_BASE");
  if (base === undefined) return crypto.getRandomValues(fresh);
  const random = new Random(crc32(`${base} ${name}`));
  return fresh.map(() => random.word());
}

/** A source of pseudo-random numbers: mulberry32 (Tommy Ettinger, public domain). */
export class Random {
  #state: number;

  /** Starts from a seed. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An unsigned 32-bit integer. */
  word(): number {
    this.#state = this.#state + 0x6d2b79f5 >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return (t ^ t >>> 14) >>> 0;
  }

  /** An integer from 0 to `limit` − 1. */
  below(limit: number): number {
    return Math.floor(this.word() / 2 ** 32 * limit);
  }

  /** An integer from `least` to `most`. */
  from(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** Whether something happens that happens once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of several. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** So many random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.word();
    return bytes;
  }

  /** A safe integer from 0 to 2^53 − 1, of any magnitude. */
  long(): number {
    const bits = this.below(54);
    return Math.floor((this.word() * 2 ** 21 + (this.word() >>> 11)) / 2 ** (53 - bits));
  }

  /** Puts an array into random order. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }
}
