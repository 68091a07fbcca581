/**
 * Reading the pages that a question misses: each once, however many want it; footers that nobody checked yet with them.
 *
 * @module
 */

import { assert, blockBytes, CorruptionError, pageBytes } from "../../base/mod.ts";
import type { Transfer } from "../../io/mod.ts";
import { footerNumber, PageRead } from "./page_read.ts";
import { planReads, type ReadPlan, type Run, wantStride } from "./read_plan.ts";
import { type ReadContext, RunReader, type RunSink } from "./run_reader.ts";
import type { PageLayout, StoredObject } from "../stored_object.ts";

/** Runs of pages in one batch: mostly all that a question asks for at once. */
const runsPerBatch = 128;

/** One round of reading pages. */
export class PageFetch implements RunSink {
  readonly #context: ReadContext;
  readonly #reads: readonly PageRead[];
  /** Footers that must be checked before a page of their objects is given out. */
  readonly #footers = new Map<StoredObject, PageRead>();
  /** What this round reads itself, by item of its plan. */
  readonly #own: PageRead[] = [];
  /** Pages that other questions read. */
  #following = 0;
  #followed: (() => void) | undefined;
  #plan: ReadPlan | undefined;

  /** Starts nothing yet. */
  constructor(context: ReadContext, reads: readonly PageRead[]) {
    this.#context = context;
    this.#reads = reads;
  }

  /**
   * Reads the pages, and lets the cache have them.
   *
   * @param keep Whether the cache keeps them.
   */
  async run(keep: boolean): Promise<void> {
    for (const read of this.#reads) this.#start(read);
    if (this.#own.length > 0) await this.#readOwn();
    if (this.#following > 0) await this.#waitForOthers();
    for (const read of this.#reads) this.#settle(read, keep);
    for (const read of this.#own) this.#context.flights.end(read);
  }

  #start(read: PageRead): void {
    const { own } = read.object;
    // It may have come since it was asked for.
    const cached = this.#context.cache.peek(own.pages, read.page);
    if (cached !== undefined) return read.land(cached, undefined);
    this.#claim(read);
    if (own.isFooterChecked || this.#footers.has(read.object)) return;
    const footer = new PageRead(read.object, footerNumber);
    this.#footers.set(read.object, footer);
    this.#claim(footer);
  }

  #claim(read: PageRead): void {
    const flying = this.#context.flights.claim(read);
    if (flying === read) {
      this.#own.push(read);
      if (read.page !== footerNumber) this.#context.cache.miss();
      return;
    }
    this.#following++;
    read.follow(flying, () => {
      if (--this.#following === 0) this.#followed?.();
    });
  }

  async #readOwn(): Promise<void> {
    const wants = new Float64Array(this.#own.length * wantStride);
    for (let i = 0; i < this.#own.length; i++) {
      const { object, page } = this.#own[i];
      wants[i * wantStride] = object.order;
      wants[i * wantStride + 1] = offsetOf(layoutOf(object), page);
      wants[i * wantStride + 2] = lengthOf(page);
    }
    this.#plan = planReads(wants, this.#context.alignment);
    await new RunReader(this.#context, this.#plan, this, runsPerBatch).finish();
  }

  async #waitForOthers(): Promise<void> {
    const { turns } = this.#context;
    turns.awaiting();
    await new Promise<void>((resolve) => this.#followed = resolve);
    turns.answered();
  }

  #settle(read: PageRead, keep: boolean): void {
    const { own } = read.object;
    if (read.bytes === undefined) return;
    if (!own.isFooterChecked) read.fail(this.#footers.get(read.object)?.error);
    else if (keep) this.#context.cache.put(own.pages, read.page, read.bytes);
  }

  /** See {@linkcode RunSink.objectOf}. */
  objectOf(item: number): StoredObject {
    return this.#own[item].object;
  }

  /** See {@linkcode RunSink.issued}. */
  issued(transfers: number): void {
    this.#context.counters.pageReads += transfers;
  }

  /** See {@linkcode RunSink.accept}. */
  accept(run: Run, transfer: Transfer): void {
    this.#eachOf(run, (read, at) => {
      try {
        read.land(checkedPage(read, transfer, at), undefined);
      } catch (error) {
        read.land(undefined, error as Error);
      }
    });
  }

  /** See {@linkcode RunSink.fail}. */
  fail(run: Run, error: Error): void {
    this.#eachOf(run, (read) => read.land(undefined, error));
  }

  #eachOf(run: Run, visit: (read: PageRead, at: number) => void): void {
    assert(this.#plan !== undefined, "runs are those of the plan");
    const { pieces } = this.#plan;
    for (let i = run.firstPiece; i < run.endPiece; i++) {
      visit(this.#own[pieces.itemOf(i)], pieces.offsetOf(i) - run.offset);
    }
  }
}

/** Takes a page out of what was read, and checks it; a footer is checked only. */
function checkedPage({ object, page }: PageRead, transfer: Transfer, at: number): Uint8Array | undefined {
  const layout = layoutOf(object);
  const end = at + lengthOf(page);
  if (transfer.done < end) {
    throw new CorruptionError({
      path: object.path,
      offset: transfer.offset + transfer.done,
      expected: `an object of ${layout.byteLength} bytes`,
      found: "its end",
    });
  }
  if (page === footerNumber) {
    layout.checkFooter(transfer.bytes.subarray(at, end));
    object.own.isFooterChecked = true;
    return undefined;
  }
  const bytes = transfer.bytes.slice(at, end);
  layout.checkPage(page, bytes);
  return bytes;
}

function layoutOf(object: StoredObject): PageLayout {
  assert(object.layout !== undefined, "only objects with a layout have pages");
  return object.layout;
}

function offsetOf(layout: PageLayout, page: number): number {
  return page === footerNumber ? layout.byteLength - blockBytes : layout.offsetOf(page);
}

function lengthOf(page: number): number {
  return page === footerNumber ? blockBytes : pageBytes;
}
