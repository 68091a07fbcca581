/**
 * A sealed file as a reader sees it: its footer, its cached pages, and which page answers which question.
 *
 * Everything here is synchronous; who reads pages, and when, is decided above. Bytes are checked on the way in and
 * never asserted.
 *
 * @module
 */

import { blockBytes, CorruptionError, pageBytes } from "../base/mod.ts";
import { bloomPageOf } from "./bloom_filter.ts";
import { decodeFooter, type FileFooter, sealedLength } from "./file_format.ts";
import { CachedPages } from "./page_cache.ts";
import { checkPage, fileSeed, isSoundIndexPage, pageLevel, pageSeed, PageType } from "./page_format.ts";

/** What is known of a sealed file before it is opened. */
export interface SealedFileDescription {
  /** Its path. */
  path: string;
  /** Its id. */
  fileId: bigint;
  /** Its length in bytes. */
  byteLength: number;
}

/** A sealed file. */
export class SealedFile {
  /** Its path. */
  readonly path: string;
  /** Its id. */
  readonly fileId: bigint;
  /** Its length in bytes. */
  readonly byteLength: number;
  /** Its pages that are in memory. */
  readonly cached: CachedPages = new CachedPages();
  readonly #seed: number;
  #footer: FileFooter | undefined;

  /** Describes a file whose footer is read later, by {@linkcode acceptFooter}. */
  constructor(description: SealedFileDescription) {
    this.path = description.path;
    this.fileId = description.fileId;
    this.byteLength = description.byteLength;
    this.#seed = fileSeed(description.fileId);
  }

  /** The footer, once it was read. */
  get footer(): FileFooter | undefined {
    return this.#footer;
  }

  /** Where the footer is, in bytes. */
  get footerOffset(): number {
    return this.byteLength - blockBytes;
  }

  /**
   * Checks and keeps the footer.
   *
   * @param block 4096 bytes.
   * @throws {CorruptionError} If it is not the footer of this file.
   */
  acceptFooter(block: Uint8Array): void {
    const footer = decodeFooter(block);
    if (footer === undefined || footer.fileId !== this.fileId || sealedLength(footer) !== this.byteLength) {
      throw new CorruptionError({
        path: this.path,
        offset: this.footerOffset,
        expected: "the footer of this file",
        found: footer === undefined ? "a block that does not check" : "the footer of another file or length",
      });
    }
    this.#footer = footer;
  }

  /** The offset of a page in bytes. */
  pageOffset(page: number): number {
    return this.#known().valuesEnd + page * pageBytes;
  }

  /** The number of the page of the bloom filter that a hash falls into. */
  bloomPage(hash: number): number {
    const footer = this.#known();
    return footer.indexPages + bloomPageOf(hash, footer.bloomPages);
  }

  /** The number of the root of the index; the file has versions. */
  rootPage(): number {
    return this.#known().indexPages - 1;
  }

  /**
   * Checks a page that was read.
   *
   * @param number Its number.
   * @param page Its bytes.
   * @throws {CorruptionError} If it is not that page of this file.
   */
  checkPage(number: number, page: Uint8Array): void {
    const footer = this.#known();
    const isBloom = number >= footer.indexPages;
    const type = isBloom ? PageType.BLOOM : PageType.INDEX;
    const sound = checkPage(page, pageSeed(this.#seed, number), type) &&
      (isBloom || isSoundIndexPage(page)) &&
      (isBloom || (pageLevel(page) === 0) === (number < footer.leafPages));
    if (sound) return;
    throw new CorruptionError({
      path: this.path,
      offset: this.pageOffset(number),
      expected: `page ${number} of this file`,
      found: "a page that does not check",
    });
  }

  #known(): FileFooter {
    if (this.#footer === undefined) throw new TypeError(`Cannot use "${this.path}": its footer was not read`);
    return this.#footer;
  }
}
