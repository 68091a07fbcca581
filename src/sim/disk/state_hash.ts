/**
 * A hash of what readers see on a disk.
 *
 * @module
 */

import type { SimDirectory } from "./sim_directory.ts";

/** Mixes numbers into one of 53 bits; their order counts. */
export class Mix {
  #low = 0x9e3779b9;
  #high = 0x85ebca6b;

  /** Mixes in an integer. */
  add(number: number): void {
    this.#low = Math.imul(this.#low ^ number, 0x01000193);
    this.#low ^= this.#low >>> 15;
    this.#high = Math.imul(this.#high + number ^ number / 2 ** 32, 0x2c1b3c6d);
    this.#high ^= this.#high >>> 13;
  }

  /** Mixes in a text. */
  addText(text: string): void {
    this.add(text.length);
    for (let i = 0; i < text.length; i++) this.add(text.charCodeAt(i));
  }

  /** The number so far. */
  get value(): number {
    return (this.#high >>> 11) * 2 ** 32 + (this.#low >>> 0);
  }
}

/** The hash of a directory and all that is below it. */
export function stateHash(root: SimDirectory): number {
  const mix = new Mix();
  addDirectory(root, mix);
  return mix.value;
}

function addDirectory({ current }: SimDirectory, mix: Mix): void {
  mix.add(current.size);
  for (const name of [...current.keys()].sort()) {
    const node = current.get(name);
    mix.addText(name);
    mix.add(node?.kind === "file" ? 1 : 2);
    if (node?.kind === "file") node.current.sums((sum) => mix.add(sum));
    else if (node !== undefined) addDirectory(node, mix);
  }
}
