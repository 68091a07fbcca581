/**
 * Pages on their way, so that one that several questions want at once is read once.
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
  #isLanded = false;
  #listeners: (() => void)[] | undefined;

  /** Says which page. */
  constructor(object: StoredObject, page: number) {
    this.object = object;
    this.page = page;
  }

  /** Ends the read and tells who waits. */
  land(bytes: Uint8Array | undefined, error: Error | undefined): void {
    this.bytes = bytes;
    this.error = error;
    this.#isLanded = true;
    this.#listeners?.forEach((listener) => listener());
  }

  /** Takes back what the read brought, after it ended. */
  fail(error: Error | undefined): void {
    this.bytes = undefined;
    this.error = error;
  }

  /** Ends as `other` does, and calls `landed` then; at once if it has ended. */
  follow(other: PageRead, landed: () => void): void {
    const listener = () => {
      this.land(other.bytes, other.error);
      landed();
    };
    if (other.#isLanded) listener();
    else (other.#listeners ??= []).push(listener);
  }
}

/** The pages that are on their way, of all objects. */
export class PageFlights {
  readonly #reads = new Map<number, PageRead>();

  /**
   * Starts the read of a page, unless it is on its way.
   *
   * @param read What is to be read.
   * @returns The read that is on its way: the one that was given if it is the first.
   */
  claim(read: PageRead): PageRead {
    const key = pageKey(read.object, read.page);
    const known = this.#reads.get(key);
    if (known !== undefined) return known;
    this.#reads.set(key, read);
    return read;
  }

  /** Forgets a read, once others find elsewhere what it brought. */
  end({ object, page }: PageRead): void {
    this.#reads.delete(pageKey(object, page));
  }
}
