/**
 * Building a tree bottom-up: its leaves come in order, and of every page the first slot is kept, which stands in the
 * level above (P2).
 *
 * @module
 */

import { pageBytes } from "../../base/mod.ts";
import { fileSeed, pageSeed } from "../formats/page_format.ts";
import type { VersionBlock } from "../version_cursor.ts";
import { PageBuilder } from "./page_builder.ts";

/** The shape of a tree. */
export interface TreeShape {
  /** Its pages. */
  readonly indexPages: number;
  /** How many of them are leaves. */
  readonly leafPages: number;
  /** Its levels. */
  readonly height: number;
}

/** The first slots of the pages of one level, as the rows of the level above. */
class Level implements VersionBlock {
  count = 0;
  bytes: Uint8Array = new Uint8Array(1 << 14);
  keyStart: Int32Array = new Int32Array(1 << 9);
  keyLength: Int32Array = new Int32Array(1 << 9);
  lsn: Float64Array = new Float64Array(1 << 9);
  offset: Float64Array = new Float64Array(1 << 9);
  /** Runs are not of bytes here: always zeros, like the flags. */
  length: Uint32Array = new Uint32Array(1 << 9);
  flags: Uint8Array = new Uint8Array(1 << 9);
  #bytesUsed = 0;

  /** Adds a page by its first slot. */
  push(block: VersionBlock, row: number, page: number): void {
    const start = block.keyStart[row], length = block.keyLength[row];
    if (this.count === this.lsn.length) this.#growRows();
    if (this.#bytesUsed + length > this.bytes.length) this.#growBytes();
    this.bytes.set(block.bytes.subarray(start, start + length), this.#bytesUsed);
    this.keyStart[this.count] = this.#bytesUsed;
    this.keyLength[this.count] = length;
    this.lsn[this.count] = block.lsn[row];
    this.offset[this.count++] = page;
    this.#bytesUsed += length;
  }

  #growRows(): void {
    const grown = <T extends Int32Array | Float64Array>(into: T, from: T): T => (into.set(from), into);
    const rows = this.count * 2;
    this.keyStart = grown(new Int32Array(rows), this.keyStart);
    this.keyLength = grown(new Int32Array(rows), this.keyLength);
    this.lsn = grown(new Float64Array(rows), this.lsn);
    this.offset = grown(new Float64Array(rows), this.offset);
    this.length = new Uint32Array(rows);
    this.flags = new Uint8Array(rows);
  }

  #growBytes(): void {
    const bytes = new Uint8Array(this.bytes.length * 2);
    bytes.set(this.bytes);
    this.bytes = bytes;
  }
}

/** Writes the pages of a tree, one after another. */
export class TreeWriter {
  readonly #append: (page: Uint8Array) => void;
  readonly #seed: number;
  readonly #page = new Uint8Array(pageBytes);
  #builder = new PageBuilder(0);
  #level = new Level();
  #pages = 0;

  /**
   * Starts a tree.
   *
   * @param fileId The file's id, which seeds the checksums of pages.
   * @param append Takes a page, which it must not keep.
   */
  constructor(fileId: number, append: (page: Uint8Array) => void) {
    this.#seed = fileSeed(fileId);
    this.#append = append;
  }

  /** Adds rows `[from, to)`, which stand after those before them, to the level that is written. */
  add(block: VersionBlock, from: number, to: number): void {
    const builder = this.#builder;
    for (let row = from; row < to;) {
      if (builder.count === 0) this.#level.push(block, row, this.#pages);
      row = builder.add(block, row, to);
      if (row < to) this.#finishPage();
    }
  }

  #finishPage(): void {
    this.#builder.finish(this.#page, pageSeed(this.#seed, this.#pages));
    this.#append(this.#page);
    this.#pages++;
  }

  /**
   * Writes what is left of the leaves, and the levels above them.
   *
   * @yields Now and then, when the event loop may have a turn.
   */
  *finish(): Generator<void, TreeShape> {
    if (this.#builder.count === 0) return { indexPages: 0, leafPages: 0, height: 0 };
    this.#finishPage();
    const leafPages = this.#pages;
    let height = 1;
    for (; this.#level.count > 1; height++) {
      const below = this.#level;
      this.#level = new Level();
      this.#builder = new PageBuilder(height);
      for (let row = 0; row < below.count; row += stepRows) {
        this.add(below, row, Math.min(below.count, row + stepRows));
        yield;
      }
      this.#finishPage();
    }
    return { indexPages: this.#pages, leafPages, height };
  }
}

const stepRows = 512;
