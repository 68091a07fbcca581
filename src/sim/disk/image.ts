/**
 * The bytes of a file as blocks that never change, so that images share what is the same.
 *
 * ```
 *   image    [ A ][ B ][   ][ C ]        a block that was never written is a hole, and reads as zeros
 *   share()  [ A ][ B ][   ][ C ]        the same blocks, and the same list of them until one image is written to
 *   put()    [ A ][ D ][   ][ C ]
 * ```
 *
 * @module
 */

import { blockBytes, crc32 } from "../../base/mod.ts";

/** A block that never changes. */
export class Block {
  /** Its bytes. */
  readonly bytes: Uint8Array;
  #sum: number | undefined;

  /** Takes a whole block, which nobody changes from then on. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The checksum of its bytes. */
  get sum(): number {
    return this.#sum ??= crc32(this.bytes);
  }
}

const zeros = new Block(new Uint8Array(blockBytes));

/** Bytes that were written once, with the blocks that are whole among them. */
export class Extent {
  /** Where they begin in the file. */
  readonly offset: number;
  /** The bytes; nobody changes them. */
  readonly bytes: Uint8Array;
  readonly #blocks: (Block | undefined)[] = [];

  /** Takes bytes, which nobody changes from then on. */
  constructor(offset: number, bytes: Uint8Array) {
    this.offset = offset;
    this.bytes = bytes;
  }

  /** Where they end in the file. */
  get end(): number {
    return this.offset + this.bytes.length;
  }

  /** A block of the file that lies within. */
  block(number: number): Block {
    const from = number * blockBytes - this.offset;
    const index = Math.floor(from / blockBytes);
    return this.#blocks[index] ??= new Block(this.bytes.subarray(from, from + blockBytes));
  }
}

/** See the top of the file. */
export class Image {
  #blocks: (Block | undefined)[];
  #isShared: boolean;
  #length: number;

  /** Makes an empty one. */
  constructor(blocks: (Block | undefined)[] = [], length = 0, isShared = false) {
    this.#blocks = blocks;
    this.#length = length;
    this.#isShared = isShared;
  }

  /** Its length in bytes. */
  get length(): number {
    return this.#length;
  }

  /** The same bytes again; either may be written to. */
  share(): Image {
    this.#isShared = true;
    return new Image(this.#blocks, this.#length, true);
  }

  /** Takes over what another image holds. */
  become(other: Image): void {
    const { length } = other.share();
    this.#blocks = other.#blocks;
    this.#isShared = true;
    this.#length = length;
  }

  /** The block of that number, or `undefined` for a hole. */
  block(number: number): Block | undefined {
    return this.#blocks[number];
  }

  /** Puts the part of an extent from `from` to `to`, offsets in the file, and extends the image where that is beyond. */
  put(extent: Extent, from: number = extent.offset, to: number = extent.end): void {
    if (from >= to) return;
    const blocks = this.#own();
    if (to > this.#length) this.resize(to);
    for (let at = from; at < to;) {
      const number = Math.floor(at / blockBytes);
      const start = number * blockBytes, end = Math.min(to, start + blockBytes);
      blocks[number] = at === start && end === start + blockBytes
        ? extent.block(number)
        : changed(blocks[number], at - start, extent.bytes.subarray(at - extent.offset, end - extent.offset));
      at = end;
    }
  }

  /** Cuts it, or extends it with a hole. */
  resize(length: number): void {
    const blocks = this.#own();
    const within = length % blockBytes, last = Math.floor(length / blockBytes);
    if (length < this.#length && within > 0 && blocks[last] !== undefined) {
      blocks[last] = changed(blocks[last], within, new Uint8Array(blockBytes - within));
    }
    // Room behind the last block that was written takes no memory: files are extended long before they are filled.
    blocks.length = Math.min(blocks.length, Math.ceil(length / blockBytes));
    this.#length = length;
  }

  #own(): (Block | undefined)[] {
    if (this.#isShared) this.#blocks = this.#blocks.slice();
    this.#isShared = false;
    return this.#blocks;
  }

  /** Fills `bytes` from an offset; returns how many there were. */
  read(offset: number, bytes: Uint8Array): number {
    const length = Math.max(0, Math.min(bytes.length, this.#length - offset));
    for (let at = 0; at < length;) {
      const within = (offset + at) % blockBytes;
      const count = Math.min(blockBytes - within, length - at);
      const block = this.#blocks[Math.floor((offset + at) / blockBytes)] ?? zeros;
      bytes.set(block.bytes.subarray(within, within + count), at);
      at += count;
    }
    return length;
  }

  /** The first offset from `offset` on that is no hole; the length if there is none. */
  nextData(offset: number): number {
    let number = Math.floor(offset / blockBytes);
    while (number < this.#blocks.length && this.#blocks[number] === undefined) number++;
    if (number >= this.#blocks.length) return this.#length;
    return Math.min(this.#length, Math.max(offset, number * blockBytes));
  }

  /** Its bytes. */
  bytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#length);
    this.read(0, bytes);
    return bytes;
  }

  /** Tells the length, then the number and the checksum of every block that is not all zeros. */
  sums(tell: (sum: number) => void): void {
    tell(this.#length);
    const blocks = this.#blocks;
    for (let number = 0; number < blocks.length; number++) {
      const sum = blocks[number]?.sum ?? zeros.sum;
      if (sum === zeros.sum) continue;
      tell(number);
      tell(sum);
    }
  }
}

/** A block with bytes in another's place. */
function changed(block: Block | undefined, within: number, bytes: Uint8Array): Block {
  const copy = new Uint8Array(blockBytes);
  if (block !== undefined) copy.set(block.bytes);
  copy.set(bytes, within);
  return new Block(copy);
}
