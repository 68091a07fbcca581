/**
 * A page that a question asked for, and what came of it.
 *
 * @module
 */

import type { StoredObject } from "../stored_object.ts";

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
