/**
 * The stored layers that may hold the keys of a stretch, and where in each of them the key before was looked for.
 *
 * ```
 *   runs of layers   ├── a ──┤   ├──── b ────┤
 *                    ├────── c ──────┤  ├── d ──┤
 *   keys                       k ━━━━━┥                  all of these have the candidates of k: c and b
 * ```
 *
 * @module
 */

import { compareKeys } from "../base/mod.ts";
import type { StoredLayer } from "./layer.ts";
import { Finger } from "./tree/finger.ts";

/** Layers that may hold some keys that follow each other. */
export class Candidates {
  /** The layers, by their last LSNs from new to old. */
  readonly layers: readonly StoredLayer[];
  readonly #first: Uint8Array;
  readonly #last: Uint8Array | undefined;
  readonly #end: Uint8Array | undefined;
  #fingers: readonly Finger[] | undefined;

  /**
   * Makes those of a key.
   *
   * @param layers The layers.
   * @param first The key.
   * @param last Up to which key all of them may hold keys; left out, there is none of them.
   * @param end From which key on another one may; left out, there is none.
   */
  constructor(
    layers: readonly StoredLayer[],
    first: Uint8Array,
    last: Uint8Array | undefined,
    end: Uint8Array | undefined,
  ) {
    this.layers = layers;
    this.#first = first;
    this.#last = last;
    this.#end = end;
  }

  /** Whether they are those of a key too. */
  have(key: Uint8Array): boolean {
    return compareKeys(key, this.#first) >= 0 &&
      (this.#last === undefined || compareKeys(key, this.#last) <= 0) &&
      (this.#end === undefined || compareKeys(key, this.#end) < 0);
  }

  /** By layer: where the key before was looked for. */
  get fingers(): readonly Finger[] {
    return this.#fingers ??= this.layers.map(() => new Finger());
  }

  /** Forgets where keys were looked for, since pages may be gone. */
  restart(): void {
    this.#fingers?.forEach((finger) => finger.clear());
  }
}
