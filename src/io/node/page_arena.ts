/**
 * Page-aligned memory without FFI: WebAssembly memories, which the runtime maps at page boundaries.
 *
 * Each of them reserves gigabytes of address space for its guard, so that small requests share one of 16 MiB.
 * Nothing is given back: an arena goes when all that was carved out of it is garbage.
 *
 * @module
 */

import { assert } from "../../base/mod.ts";

const wasmPageBytes = 64 * 1024;
const arenaBytes = 16 * 1024 * 1024;
/** A request above this would waste too much of a shared arena's end. */
const maxSharedBytes = 4 * 1024 * 1024;

/** Hands out page-aligned memory. */
export class PageArena {
  #current: Uint8Array<ArrayBuffer> | undefined;
  #used = 0;

  /**
   * Takes zeroed memory whose address is a multiple of 4096.
   *
   * @param byteLength A multiple of 4096.
   * @throws {RangeError} If the memory cannot be had.
   */
  allocate(byteLength: number): Uint8Array<ArrayBuffer> {
    if (byteLength > maxSharedBytes) return pages(byteLength).subarray(0, byteLength);
    if (this.#current === undefined || this.#used + byteLength > arenaBytes) {
      this.#current = pages(arenaBytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += byteLength;
    return this.#current.subarray(start, start + byteLength);
  }
}

function pages(byteLength: number): Uint8Array<ArrayBuffer> {
  const count = Math.ceil(byteLength / wasmPageBytes);
  const { buffer } = new WebAssembly.Memory({ initial: count, maximum: count });
  assert(buffer instanceof ArrayBuffer, "memory that nobody asked to share is shared");
  return new Uint8Array(buffer);
}
