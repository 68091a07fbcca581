/**
 * What the reads of one store share, among it the pages that are on their way.
 *
 * @module
 */

import type { Turns } from "../../base/mod.ts";
import type { BufferPool, IoEngine } from "../../io/mod.ts";
import type { ReadCounters } from "../metrics.ts";
import type { StoredObject } from "../stored_object.ts";
import type { OpenFiles } from "./open_files.ts";
import type { PageCache } from "./page_cache.ts";

/** What the reads of one store share. */
export interface ReadContext {
  /** What reads. */
  readonly engine: IoEngine;
  /** Who is told that somebody waits. */
  readonly turns: Turns;
  /** Buffers of one batch each. */
  readonly pool: BufferPool;
  /** Open files. */
  readonly files: OpenFiles;
  /** Pages in memory. */
  readonly cache: PageCache;
  /** Pages on their way, by {@linkcode pageKey}, so that one that several questions want at once is read once. */
  readonly flights: Map<number, PageRead>;
  /** What offsets and lengths of reads are multiples of, in bytes. */
  readonly alignment: number;
  /** Counts of what was done. */
  readonly counters: ReadCounters;
}

/** The number that stands for an object's footer. */
export const footerNumber: number = -1;

/** A number that no other page has, nor a footer: objects have fewer than 2^24 pages, which are 128 GiB. */
export function pageKey(object: StoredObject, page: number): number {
  return object.order * 2 ** 24 + page + 1;
}

/** A page that one question asked for: missing, on its way, or there; or why it is not. */
export class PageRead {
  /** The object. */
  readonly object: StoredObject;
  /** The number of the page, or {@linkcode footerNumber}. */
  readonly page: number;
  /** Whether the question cannot go on without it, rather than that it was wanted ahead. */
  isNeeded = false;
  /** The page, once it was read and checked. A footer is checked and not kept. */
  bytes: Uint8Array | undefined;
  /** Why it could not be read. */
  error: Error | undefined;
  /** The same page on its way for another question. */
  leader: PageRead | undefined;
  /** Called when it ends, for questions that follow it. */
  listeners: (() => void)[] | undefined;

  /** Says which page. */
  constructor(object: StoredObject, page: number) {
    this.object = object;
    this.page = page;
  }
}
