/**
 * What came of a key whose newest version is a patch: all that its value is made of, as it is read.
 *
 * ```
 *   places   [LSN 9, patch] ─► [LSN 5, patch] ─► [LSN 2, put]
 *   links      q, r              p                 value         taken in any order; then redo(key, value, [p, q, r])
 * ```
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import { CompressedValue } from "../../../layer/mod.ts";

/** What one record of a chain has. */
export interface PatchLink {
  /** Whether nothing older is needed. */
  readonly isWhole: boolean;
  /** What patches stand on: a value, or none. */
  readonly base: Uint8Array<ArrayBuffer> | CompressedValue | undefined;
  /** Patches, the oldest first. */
  readonly patches: readonly Uint8Array<ArrayBuffer>[];
}

/** Patches, and what they stand on. */
export interface Patches {
  /** Whether nothing older is needed. */
  readonly isWhole: boolean;
  /** What they stand on. */
  readonly base: Uint8Array<ArrayBuffer> | undefined;
  /** The patches, the oldest first. */
  readonly patches: readonly Uint8Array<ArrayBuffer>[];
}

/** A link that is a value, or says that there is none. */
export function wholeLink(base: PatchLink["base"]): PatchLink {
  return { isWhole: true, base, patches: [] };
}

/** See the top of the file. */
export class PatchChain {
  /** The LSN of the newest patch. */
  readonly lsn: Lsn;
  /** The newest first. */
  readonly #links: (PatchLink | undefined)[];
  #missing: number;

  /** Starts without links, of which there will be so many. */
  constructor(lsn: Lsn, count: number) {
    this.lsn = lsn;
    this.#links = new Array(count);
    this.#missing = count;
  }

  /** Whether all links are there. */
  get isReady(): boolean {
    return this.#missing === 0;
  }

  /** Takes a link, each once. */
  set(at: number, link: PatchLink): void {
    this.#links[at] = link;
    this.#missing--;
  }

  /** The value at the end of it, if that is compressed. */
  get compressed(): CompressedValue | undefined {
    const base = this.#last?.base;
    return base instanceof CompressedValue ? base : undefined;
  }

  get #last(): PatchLink | undefined {
    return this.#links[this.#links.length - 1];
  }

  /** The bytes of all that is redone, but for what it stands on if that is compressed. */
  get byteLength(): number {
    let bytes = 0;
    for (const link of this.#links) {
      if (link?.base instanceof Uint8Array) bytes += link.base.length;
      for (const { length } of link?.patches ?? []) bytes += length;
    }
    return bytes;
  }

  /** What is to be redone; `undefined` if what it stands on cannot be decompressed. */
  gather(): Patches | undefined {
    const last = this.#last, compressed = this.compressed;
    const base = compressed === undefined ? last?.base as Uint8Array<ArrayBuffer> : compressed.open();
    if (compressed !== undefined && base === undefined) return undefined;
    const patches = this.#links.toReversed().flatMap((link) => link?.patches ?? []);
    return { isWhole: last?.isWhole === true, base, patches };
  }
}
