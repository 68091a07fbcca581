/**
 * Opening compressed values, so that the event loop has its turns and memory is bounded (D6).
 *
 * @module
 */

import type { Turns } from "../../../base/mod.ts";
import type { CompressedValue } from "../../../layer/mod.ts";

/** Bytes of values that are decompressed or redone at once, and how many: that takes some milliseconds. */
const mostBytes = 1024 * 1024, mostValues = 128;

/** Counts what is taken at once. */
export class TakeBudget {
  #bytes = 0;
  #values = 0;

  /** Whether a value of so many bytes may be taken too; the first one may, however long. */
  admits(length: number): boolean {
    this.#bytes += Math.max(0, length);
    return this.#values++ === 0 || this.#bytes <= mostBytes && this.#values <= mostValues;
  }
}

/** Opens a value piece by piece. */
export async function openInTurns(value: CompressedValue, turns: Turns): Promise<void> {
  while (value.step()) {
    if (turns.due()) await turns.turn();
  }
  if (turns.due()) await turns.turn();
}
