/**
 * Transfers waiting for their turn: at most `depth` of an engine run at once, first come first served across
 * batches, and a batch's caller is woken once.
 *
 * ```
 *   submit([a b c]) ─┐                      ┌─ a ─┐
 *   submit([d])     ─┴► waiting: c d  ──►  running: a b  ──► a batch is done when its last transfer is
 * ```
 *
 * The queue keeps each transfer, and with it its memory, referenced for as long as the kernel may touch it.
 *
 * @module
 */

import type { IoFile, Transfer } from "./engine.ts";
import { fail, readWhole, type TransferCalls, writeWhole } from "./transfer.ts";
import type { Turnstile } from "./turnstile.ts";

interface Batch {
  readonly write: boolean;
  readonly resolve: () => void;
  left: number;
}

interface Waiting {
  readonly transfer: Transfer;
  readonly batch: Batch;
}

/** Started entries are dropped from the front of the list when so many have gathered. */
const compactAfter = 1024;

/** Runs transfers at a bounded depth. */
export class TransferQueue<File extends IoFile> {
  readonly #calls: TransferCalls<File>;
  readonly #depth: number;
  readonly #turnstile: Turnstile;
  readonly #running = new Set<Waiting>();
  readonly #waiting: Waiting[] = [];
  #next = 0;

  /** Makes a queue that runs at most `depth` transfers at once by `calls`, inside `turnstile`. */
  constructor(calls: TransferCalls<File>, depth: number, turnstile: Turnstile) {
    this.#calls = calls;
    this.#depth = depth;
    this.#turnstile = turnstile;
  }

  /** Reads a batch; resolves when the last of it is done, and never rejects. */
  read(transfers: readonly Transfer[]): Promise<void> {
    return this.#submit(transfers, false);
  }

  /** Writes a batch; resolves when the last of it is done, and never rejects. */
  write(transfers: readonly Transfer[]): Promise<void> {
    return this.#submit(transfers, true);
  }

  async #submit(transfers: readonly Transfer[], write: boolean): Promise<void> {
    if (transfers.length === 0) return;
    if (this.#turnstile.closed) return refuse(transfers, write, this.#turnstile.refusal());
    this.#turnstile.enter();
    const { promise, resolve } = Promise.withResolvers<void>();
    const batch: Batch = { write, resolve, left: transfers.length };
    for (const transfer of transfers) this.#waiting.push({ transfer, batch });
    this.#fill();
    await promise;
    this.#turnstile.leave();
  }

  #fill(): void {
    while (this.#running.size < this.#depth && this.#next < this.#waiting.length) {
      this.#run(this.#waiting[this.#next++]);
    }
    this.#forgetStarted();
  }

  async #run(entry: Waiting): Promise<void> {
    const { transfer, batch } = entry;
    this.#running.add(entry);
    await (batch.write ? writeWhole(transfer, this.#calls) : readWhole(transfer, this.#calls));
    this.#running.delete(entry);
    if (--batch.left === 0) batch.resolve();
    this.#fill();
  }

  #forgetStarted(): void {
    if (this.#next < this.#waiting.length && this.#next < compactAfter) return;
    this.#waiting.splice(0, this.#next);
    this.#next = 0;
  }
}

function refuse(transfers: readonly Transfer[], write: boolean, error: Error): void {
  for (const transfer of transfers) {
    transfer.done = 0;
    fail(transfer, write ? "write" : "read", error);
  }
}
