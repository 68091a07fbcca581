/** Engines in memory by the hundred thousand, each of which takes over the memory of one before it. */

import { SimEngine } from "../../src/sim/mod.ts";

/** What engines no longer need, by size: new memory is zeroed, which costs more than many a recovery. */
const spare = new Map<number, Uint8Array<ArrayBuffer>[]>();
const mostSpare = 64;

/** An engine whose memory is used again when it is shut down. Memory that was used before is as full of old bytes. */
export class RecyclingEngine extends SimEngine implements AsyncDisposable {
  readonly #taken: Uint8Array<ArrayBuffer>[] = [];

  override allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    const memory = spare.get(byteLength)?.pop() ?? super.allocateMemory(byteLength);
    this.#taken.push(memory);
    return memory;
  }

  /** Gives memory back, of which nothing may be in use any more. */
  retire(): void {
    for (const memory of this.#taken.splice(0)) {
      const list = spare.get(memory.length) ?? [];
      spare.set(memory.length, list);
      if (list.length < mostSpare) list.push(memory);
    }
  }

  /** Shuts it down, after which nothing is under way, and gives its memory back. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
    this.retire();
  }
}
