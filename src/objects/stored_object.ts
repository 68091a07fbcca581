/**
 * An object as everybody sees it, and what this floor keeps of it beside.
 *
 * @module
 */

import type { BufferedWriter, IoFile } from "../io/mod.ts";
import { CachedParts } from "./cache/cached_parts.ts";
import type { ObjectId } from "./object_id.ts";

/**
 * Where the pages of an object lie and how they are checked: handed down by who knows its format.
 *
 * Pages are 8192 bytes long; the footer is the last block of 4096.
 */
export interface PageLayout {
  /** The exact length of the object in bytes. */
  readonly byteLength: number;
  /** Where a page starts, in bytes, a multiple of 4096. */
  offsetOf(page: number): number;
  /**
   * Checks a page that was read.
   *
   * @throws {CorruptionError} If it is not that page of this object.
   */
  checkPage(page: number, bytes: Uint8Array): void;
  /**
   * Checks the footer, which is read once, together with the first pages that are read of the object.
   *
   * @throws {CorruptionError} If it is not the footer of this object.
   */
  checkFooter(block: Uint8Array): void;
}

/** How long an object is, and where in it anything was written. */
export interface ObjectExtent {
  /** Its length in bytes. */
  readonly byteLength: number;
  /**
   * The first offset at or after `offset` where anything but zeros that were never written may stand; the length if
   * there is none.
   */
  nextData(offset: number): Promise<number>;
}

/** What this floor keeps of an object, by whose it is. */
export class ObjectState {
  /** Who writes the object, and has its newest bytes in memory. Belongs to its writer. */
  writer: Pick<BufferedWriter, "memoryStart" | "copyOut"> | undefined;
  /** Belongs to the open files, like the three below. */
  file: IoFile | undefined;
  /** The file when it is open, or why it cannot be opened. */
  opening: Promise<IoFile | Error> | undefined;
  /** How many rely on the file, open or opening. */
  leases = 0;
  /** Whether it was used since its file was last passed over for closing. */
  isUsed = false;
  /** Whether the object was removed, so that nothing of it is kept. */
  isRemoved = false;
  /** Belongs to the cache. */
  readonly cached: CachedParts;
  /** Whether the footer was read and checks. Belongs to the reading of pages. */
  isFooterChecked = false;

  /** Starts without anything of the object of a number. */
  constructor(order: number) {
    this.cached = new CachedParts(order);
  }
}

/** An object, which may be read as soon as there is a byte of it. */
export class StoredObject {
  /** Its id. */
  readonly id: ObjectId;
  /** A small integer that no other object of this process has, to sort by. */
  readonly order: number;
  /** Where its pages lie, if it has pages. Set by {@linkcode Objects} only. */
  layout: PageLayout | undefined;
  /** Belongs to this floor. */
  readonly own: ObjectState;
  readonly #directory: string;

  /** Made by {@linkcode Objects} only. */
  constructor(directory: string, id: ObjectId, order: number) {
    this.#directory = directory;
    this.id = id;
    this.order = order;
    this.own = new ObjectState(order);
  }

  /** Where it lies, for messages only. */
  get path(): string {
    return `${this.#directory}/${this.id}`;
  }

  /** Whether it is being written. */
  get isWriting(): boolean {
    return this.own.writer !== undefined;
  }
}
