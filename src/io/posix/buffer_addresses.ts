/**
 * The addresses of buffers, each learnt once: it takes an FFI call, and a transfer must not.
 *
 * @module
 */

import type { LibcCalls } from "./libc.ts";

/** Addresses of buffers. */
export class BufferAddresses {
  readonly #libc: LibcCalls;
  readonly #known = new WeakMap<ArrayBufferLike, number>();

  /** Makes an empty cache. */
  constructor(libc: LibcCalls) {
    this.#libc = libc;
  }

  /**
   * The address of the first byte of `bytes`.
   *
   * @throws {TypeError} If the buffer is shared or resizable, which FFI refuses because its memory may go away.
   */
  of(bytes: Uint8Array): number {
    return (this.#known.get(bytes.buffer) ?? this.#learn(bytes.buffer)) + bytes.byteOffset;
  }

  #learn(buffer: ArrayBufferLike): number {
    if (!(buffer instanceof ArrayBuffer) || buffer.resizable) {
      throw new TypeError("Cannot transfer: the memory is shared or resizable");
    }
    const address = this.#libc.addressOf(new Uint8Array(buffer));
    this.#known.set(buffer, address);
    return address;
  }
}
