/**
 * Transfers waiting for their turn: at most `depth` of an engine run at once, first come first served across
 * batches, and a batch's caller is told once.
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

import type { IoFile, Transfer } from "../engine.ts";
import { readWhole, type TransferCalls, writeWhole } from "./transfer.ts";

interface Batch {
  readonly run: (transfer: Transfer) => Promise<void>;
  readonly done: () => void;
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
  readonly #running = new Set<Waiting>();
  readonly #waiting: Waiting[] = [];
  #next = 0;

  /** Makes a queue that runs at most `depth` transfers at once by `calls`. */
  constructor(calls: TransferCalls<File>, depth: number) {
    this.#calls = calls;
    this.#depth = depth;
  }

  /** Reads a batch, which is not empty; calls `done` when the last of it is done. */
  read(transfers: readonly Transfer[], done: () => void): void {
    this.#submit(transfers, (transfer) => readWhole(transfer, this.#calls), done);
  }

  /** Writes a batch, which is not empty; calls `done` when the last of it is done. */
  write(transfers: readonly Transfer[], durable: boolean, done: () => void): void {
    this.#submit(transfers, (transfer) => writeWhole(transfer, this.#calls, durable), done);
  }

  #submit(transfers: readonly Transfer[], run: Batch["run"], done: () => void): void {
    const batch: Batch = { run, done, left: transfers.length };
    for (const transfer of transfers) this.#waiting.push({ transfer, batch });
    this.#fill();
  }

  #fill(): void {
    while (this.#running.size < this.#depth && this.#next < this.#waiting.length) {
      this.#run(this.#waiting[this.#next++]);
    }
    this.#forgetStarted();
  }

  /** Runs one transfer, which never rejects. */
  async #run(entry: Waiting): Promise<void> {
    const { transfer, batch } = entry;
    this.#running.add(entry);
    await batch.run(transfer);
    this.#running.delete(entry);
    if (--batch.left === 0) batch.done();
    this.#fill();
  }

  #forgetStarted(): void {
    if (this.#next < this.#waiting.length && this.#next < compactAfter) return;
    this.#waiting.splice(0, this.#next);
    this.#next = 0;
  }
}
