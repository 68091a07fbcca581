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
import { advance, fail, syncWritten, type TransferOperation } from "./transfer.ts";

/** The system calls that transfers on one kind of file are made of. */
export interface TransferCalls<File extends IoFile> {
  /** Whether a write that is asked to be durable is so by itself. */
  readonly writesDurably: boolean;
  /** Reads once at `offset`; resolves to the count of bytes, 0 at the end of the file. */
  read(file: File, bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<number>;
  /** Writes once at `offset`, durably if that is asked for and can be; resolves to the count of bytes. */
  write(file: File, bytes: Uint8Array<ArrayBuffer>, offset: number, durable: boolean): Promise<number>;
  /** The length of the file in bytes. */
  size(file: File): number;
  /** Makes contents and length of the file durable. */
  datasync(file: File): Promise<void>;
}

interface Batch {
  readonly operation: TransferOperation;
  readonly durable: boolean;
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

  /** See {@linkcode Transport.transfer}; the files are those of the calls. */
  transfer(
    operation: TransferOperation,
    transfers: readonly Transfer[],
    durable: boolean,
    done: () => void,
  ): void {
    const sync = (file: IoFile) => this.#calls.datasync(file as File);
    const end = () =>
      durable && !this.#calls.writesDurably ? void syncWritten(transfers, sync).then(done) : done();
    const batch: Batch = { operation, durable, done: end, left: transfers.length };
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
    try {
      await this.#carryOut(transfer, batch);
    } catch (error) {
      fail(transfer, batch.operation, error);
    }
    this.#running.delete(entry);
    if (--batch.left === 0) batch.done();
    this.#fill();
  }

  async #carryOut(transfer: Transfer, { operation, durable }: Batch): Promise<void> {
    const file = transfer.file as File;
    // The kernel takes memory of plain buffers only; the runtime itself refuses a shared one.
    const bytes = transfer.bytes as Uint8Array<ArrayBuffer>;
    let start: number | undefined = 0;
    while (start !== undefined) {
      const rest: typeof bytes = start === 0 ? bytes : bytes.subarray(start);
      const count: number = await this.#calls[operation](file, rest, transfer.offset + start, durable);
      start = advance(transfer, operation, start, count, this.#calls);
    }
  }

  #forgetStarted(): void {
    if (this.#next < this.#waiting.length && this.#next < compactAfter) return;
    this.#waiting.splice(0, this.#next);
    this.#next = 0;
  }
}
