/**
 * Building a tree bottom-up: its leaves come in order, and of every page the first slot is kept, which stands in the
 * level above (P2).
 *
 * @module
 */

import { pageBytes } from "../../base/mod.ts";
import { fileSeed } from "../formats/file_seed.ts";
import { pageSeed } from "../formats/page_format.ts";
import type { LayerDescription } from "../layer_description.ts";
import { VersionBlock } from "../version_cursor.ts";
import { PageBuilder } from "./page_builder.ts";

/** The shape of a tree. */
export type TreeShape = Pick<LayerDescription, "indexPages" | "leafPages" | "height">;

/** Rows of a level above the leaves between two turns. */
const stepRows = 512;

/** Writes the pages of a tree, one after another. */
export class TreeWriter {
  readonly #append: (page: Uint8Array) => void;
  readonly #seed: number;
  readonly #page = new Uint8Array(pageBytes);
  #builder = new PageBuilder(0);
  /** The first slots of the pages of this level, which are the rows of the level above. */
  #level = new VersionBlock();
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
      if (builder.count === 0) pushRow(this.#level, block, row, this.#pages);
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
   * @param breathe Awaited now and then, so that the event loop may have a turn.
   */
  async finish(breathe: () => Promise<void>): Promise<TreeShape> {
    if (this.#builder.count === 0) return { indexPages: 0, leafPages: 0, height: 0 };
    this.#finishPage();
    const leafPages = this.#pages;
    let height = 1;
    for (; this.#level.count > 1; height++) {
      const below = this.#level;
      this.#level = new VersionBlock();
      this.#builder = new PageBuilder(height);
      for (let row = 0; row < below.count; row += stepRows) {
        this.add(below, row, Math.min(below.count, row + stepRows));
        await breathe();
      }
      this.#finishPage();
    }
    return { indexPages: this.#pages, leafPages, height };
  }
}

/** Adds the first slot of a page to a level. Its run is not one of bytes: length and flags are zeros. */
function pushRow(level: VersionBlock, block: VersionBlock, row: number, page: number): void {
  const at = level.count++;
  const to = at === 0 ? 0 : level.keyStart[at - 1] + level.keyLength[at - 1];
  const start = block.keyStart[row], length = block.keyLength[row];
  level.reserve(at + 1, to + length);
  level.bytes.set(block.bytes.subarray(start, start + length), to);
  level.keyStart[at] = to;
  level.keyLength[at] = length;
  level.lsn[at] = block.lsn[row];
  level.offset[at] = page;
}
