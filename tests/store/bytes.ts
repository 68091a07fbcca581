/** Values that tell where they come from, and what tests do with bytes and streams. */

import { decodeHeader, type FileHeader, fileSeed } from "../../src/layer/mod.ts";

/** Bytes that differ with their seed and along their length. */
export function patterned(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * (seed * 2 + 1) + (i >>> 8) * 7 + seed;
  return bytes;
}

/** Whether two byte strings are the same; faster than an assertion on megabytes. */
export function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.length !== b.length) return false;
  const whole = a.byteOffset % 4 === 0 && b.byteOffset % 4 === 0 ? a.length >>> 2 : 0;
  if (!sameElements(wordsOf(a, whole), wordsOf(b, whole))) return false;
  return sameElements(a.subarray(whole * 4), b.subarray(whole * 4));
}

function wordsOf(bytes: Uint8Array, count: number): Uint32Array {
  return count === 0 ? new Uint32Array(0) : new Uint32Array(bytes.buffer, bytes.byteOffset, count);
}

function sameElements(a: Uint8Array | Uint32Array, b: Uint8Array | Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Everything that a stream has. */
export async function collect<T>(stream: ReadableStream<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** The seed of the checksums of a data file, from its header. */
export function seedOf(bytes: Uint8Array): number {
  return fileSeed((decodeHeader(bytes.subarray(0, 4096)) as FileHeader).fileId);
}
