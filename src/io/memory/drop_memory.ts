/**
 * Giving memory back at once: the runtime collects garbage late, by what a thread has dropped and not by what the process
 * holds, and until then some 64 MiB of it lie about on each thread.
 *
 * @module
 */

/**
 * Frees the memory of arrays, which have no elements any more. Shared memory stays as it is.
 *
 * @param arrays Nobody looks at them any more, nor at any other view of their memory.
 */
export function dropMemory(...arrays: readonly { readonly buffer: ArrayBufferLike }[]): void {
  for (const { buffer } of arrays) {
    if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
  }
}
