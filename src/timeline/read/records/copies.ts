/**
 * Copies of bytes that are given out: small ones side by side, in memory that they have for themselves.
 *
 * ```
 *   copies   k1│value 1│k2│value 2│ …  │ free │      a block, up to 4 KiB
 *            └ an Uint8Array each, over the same ArrayBuffer
 * ```
 *
 * Fresh memory costs a microsecond, however little it is, and a view of some that is there a tenth of that
 * (`docs/decisions/017-entries-side-by-side.md`).
 *
 * D4  A byte belongs to one copy, and is never touched again once it was given out.
 * D5  Copies share a block only with others of the same read. Who keeps a small one keeps 4 KiB at the most, and no more
 *     than the read had given out before.
 *
 * @module
 */

/** The longest block in bytes, and so the most that a small key or value keeps from being freed. */
export const mostBlockBytes = 4096;
/** What is longer has memory of its own. */
const mostSmallBytes = 1024;
/** From this length on copying at once is cheaper than byte by byte. */
const longBytes = 128;

/** What copies for one read. Hot: `bench/scan.ts`. */
export class Copies {
  /** The longest block in bytes. */
  readonly mostBlockBytes: number;
  #block: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #end = 0;
  #copied = 0;
  #waiting: Copies | undefined;

  /**
   * Copies nothing yet.
   *
   * @param mostBytes The longest block in bytes; 0 if every copy is to be alone.
   */
  constructor(mostBytes: number = mostBlockBytes) {
    this.mostBlockBytes = mostBytes;
  }

  /** A copy of the bytes `[start, end)`. */
  copy(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
    const length = end - start;
    if (length > mostSmallBytes) return this.#apart(bytes, start, end);
    // A block that was transferred away has no length, and no room: one byte stays free, so that this holds for no bytes too.
    if (this.#end + length >= this.#block.length && !this.#open(length)) {
      // Nothing that comes behind it lies in a block with what was given out before it: a key would outlive its value.
      this.#block = new Uint8Array(0);
      this.#end = 0;
      return this.#apart(bytes, start, end);
    }
    const block = this.#block, at = this.#end;
    this.#end += length;
    this.#copied += length;
    copyTo(block, at, bytes, start, end);
    return new Uint8Array(block.buffer, at, length);
  }

  /** What copies bytes that wait until they are handed on: nobody has their memory whose entries were. */
  get waiting(): Copies {
    return this.mostBlockBytes === 0 ? this : this.#waiting ??= new Copies(this.mostBlockBytes);
  }

  /** What waited, for who gets it: a copy, unless it has memory of its own. */
  release(waited: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const isAlone = this.mostBlockBytes === 0 || waited.length > mostSmallBytes;
    return isAlone ? waited : this.copy(waited, 0, waited.length);
  }

  /** A block of so many bytes for those who fill it at once: see {@linkcode copyTo}. */
  block(length: number): Uint8Array<ArrayBuffer> {
    this.#copied += length;
    return new Uint8Array(length);
  }

  #apart(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(end - start);
    copy.set(bytes.subarray(start, end));
    this.#copied += copy.length;
    return copy;
  }

  /** Opens a block for a copy of some length, unless that is to have memory of its own. */
  #open(length: number): boolean {
    const room = Math.min(this.mostBlockBytes, this.#copied);
    if (length >= room) return false;
    this.#block = new Uint8Array(room);
    this.#end = 0;
    return true;
  }
}

/** Copies the bytes `[start, end)` to a place in other memory. */
export function copyTo(target: Uint8Array, at: number, bytes: Uint8Array, start: number, end: number): void {
  const length = end - start;
  if (length > longBytes) return target.set(bytes.subarray(start, end), at);
  for (let i = 0; i < length; i++) target[at + i] = bytes[start + i];
}

/** What gives every copy memory of its own. */
export const apart: Copies = new Copies(0);
