/**
 * Records in the cache of objects: as they stand in their files, so that what is found is told from what was looked for.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import {
  CompressedValue,
  contentStartOf,
  isCompressedAt,
  isPatchKind,
  valueStartOf,
} from "../../../layer/mod.ts";
import { MemoryRead, type Objects, type StoredObject } from "../../../objects/mod.ts";
import type { Copies } from "./copies.ts";

/** Stands for patches that are in the cache: see {@linkcode RecordCache.findContent}. */
export const patchesFound: unique symbol = Symbol("patches found");

/** Finds and keeps records that were checked (D2). */
export class RecordCache {
  readonly #memory: MemoryRead;

  /** Looks into the cache of a store's objects. */
  constructor(objects: Objects) {
    this.#memory = new MemoryRead(objects);
  }

  /**
   * A copy of the value of a record, compressed if it is so there; {@linkcode patchesFound} if it has patches, and
   * `undefined` if it is not in the cache.
   */
  find(
    object: StoredObject,
    offset: number,
    length: number,
    key: Uint8Array,
    lsn: Lsn,
    copies: Copies,
  ): Uint8Array<ArrayBuffer> | CompressedValue | typeof patchesFound | undefined {
    const memory = this.#memory;
    if (!memory.findCached(object, offset, length)) return undefined;
    const { bytes, at } = memory, start = valueStartOf(bytes, at, length, key, lsn);
    if (start < 0) return isPatchKind(bytes[at + 4]) ? patchesFound : undefined;
    memory.settle();
    const end = at + length;
    if (!isCompressedAt(bytes, at)) return copies.copy(bytes, start, end);
    return new CompressedValue(bytes.slice(start, end), 0, end - start);
  }

  /** A copy of what a record has, a value or patches, and its kind; `undefined` if it is not in the cache. */
  findContent(
    object: StoredObject,
    offset: number,
    length: number,
    key: Uint8Array,
    lsn: Lsn,
  ): { readonly kind: number; readonly content: Uint8Array<ArrayBuffer> | CompressedValue } | undefined {
    const memory = this.#memory;
    if (!memory.findCached(object, offset, length)) return undefined;
    const { bytes, at } = memory, start = contentStartOf(bytes, at, length, key, lsn);
    if (start < 0) return undefined;
    memory.settle();
    const kind = bytes[at + 4], content = bytes.slice(start, at + length);
    const isCompressed = isCompressedAt(bytes, at);
    return { kind, content: isCompressed ? new CompressedValue(content, 0, content.length) : content };
  }

  /** Keeps a record that was read from a file and checked, if it is small. */
  keep(object: StoredObject, offset: number, bytes: Uint8Array, at: number, length: number): void {
    this.#memory.keep(object, offset, bytes, at, length);
  }
}
