/**
 * Damage to a disk, as rot and bad firmware do it: what was durable is other bytes than were written.
 *
 * @module
 */

import { assert, blockBytes } from "../../base/mod.ts";
import { Extent, type Image } from "./image.ts";
import type { SimDisk } from "./sim_disk.ts";
import { namesOf } from "./tree.ts";

/** Changes one bit of a file. */
export function flip(disk: SimDisk, path: string, offset: number, bit: number): void {
  damage(disk, path, (image) => {
    const bytes = bytesAt(image, offset, 1);
    bytes[0] ^= 1 << bit;
    return [new Extent(offset, bytes)];
  });
}

/** Makes bytes of a file zeros. */
export function zero(disk: SimDisk, path: string, from: number, to: number): void {
  damage(disk, path, (image) => [new Extent(from, bytesAt(image, from, to - from).fill(0))]);
}

/** Has two ranges of a file stand in each other's place. */
export function swap(disk: SimDisk, path: string, a: number, b: number, length: number): void {
  damage(disk, path, (image) => {
    return [new Extent(a, bytesAt(image, b, length)), new Extent(b, bytesAt(image, a, length))];
  });
}

/** Has a write that was meant for one range of a file have gone to another: what stood at its own is there again. */
export function misdirect(disk: SimDisk, path: string, meant: number, hit: number, length: number): void {
  const { older } = disk.file(path, "damage");
  damage(disk, path, (image) => [new Extent(hit, bytesAt(image, meant, length))]);
  for (let at = meant; at < meant + length; at += blockBytes) staleBlock(disk, path, at, older);
}

/** Has a block of a file hold what it held before it was last written; zeros, if it had never been written before. */
export function stale(disk: SimDisk, path: string, offset: number): void {
  staleBlock(disk, path, offset, disk.file(path, "damage").older);
}

function staleBlock(
  disk: SimDisk,
  path: string,
  offset: number,
  older: ReadonlyMap<number, Uint8Array>,
): void {
  const start = offset - offset % blockBytes;
  const bytes = older.get(start / blockBytes) ?? new Uint8Array(blockBytes);
  damage(disk, path, (image) => [new Extent(start, bytes.subarray(0, image.length - start))]);
}

/** Cuts a file, or extends it with zeros. */
export function cut(disk: SimDisk, path: string, length: number): void {
  const { durable, current } = disk.file(path, "damage");
  durable.resize(length);
  current.resize(length);
}

/** Takes a file away, durably, as somebody does who should not. */
export function lose(disk: SimDisk, path: string): void {
  const names = namesOf(path), name = names.pop() as string;
  disk.file(path, "damage");
  disk.directory(`/${names.join("/")}`, "damage").unbindDurably(name);
}

/** Puts extents into a file where it is that long, durable or not. */
function damage(disk: SimDisk, path: string, extentsOf: (image: Image) => Extent[]): void {
  const { durable, current } = disk.file(path, "damage");
  for (const image of [durable, current]) {
    for (const extent of extentsOf(image)) {
      image.put(extent, extent.offset, Math.min(extent.end, image.length));
    }
  }
}

function bytesAt(image: Image, offset: number, length: number): Uint8Array<ArrayBuffer> {
  assert(Number.isSafeInteger(offset) && offset >= 0 && length >= 0, "damage is somewhere in the file");
  const bytes = new Uint8Array(length);
  image.read(offset, bytes);
  return bytes;
}
