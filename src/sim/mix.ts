/**
 * A hash of numbers and texts, for telling runs and states apart.
 *
 * @module
 */

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
