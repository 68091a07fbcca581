/**
 * Transfers on their way into a ring and out of it.
 *
 * ```
 *   submit(batch) ─► waiting ──► slot ──► entry ═══ one enter per turn ═══► kernel
 *                       ▲          │                                          │
 *     finish() ◄── last of batch ◄─┴──◄── reaped here: in the turn itself, ◄──┘
 *                                         or when the one waiter returns
 * ```
 *
 * Everything runs on the thread that made it. What is queued in one turn is submitted together, in a microtask. Then
 * either completions are looked for at once, or one nonblocking call waits for them on the runtime's thread pool.
 * Work that keeps the event loop busy takes them as well, with each turn: where more threads have something to do than
 * there are processors, the one that waits gets one late, by 14 ms for the slowest twentieth of reads.
 *
 * A few small transfers are looked for until they are there, whatever else is in flight, at most `spinMilliseconds`:
 * the device answers (40 µs) before a thread could be woken twice. Measured for random 4 KiB reads on 2 cores, µs per batch:
 *
 * ```
 *   depth                             1     2     4     8    16    32    64   128
 *   looked for in a loop             39    49    72   120   233   448  1008  1669
 *   blocking enter                   58    62    99   139   249   478   801  1498
 *   waiter                           83    97   114   159   256   509   873  1516
 *   fio, io_uring                    51                130         391   716  1391
 * ```
 *
 * A durable write of 4 KiB, the sync of a small commit, took 147 µs that way and 192 with the waiter. It is waited for
 * in the kernel instead, as long: a thread of the kernel ends it, which a loop on the same processor holds up. On a busy
 * machine it took 181 µs that way instead of 217, on a quiet disk 62 instead of 74, and two thirds of the processor time.
 *
 * Registered buffers and files are left out: together they gained 3 to 7 % (medians of 25, on a busy machine), and
 * registered memory counts against RLIMIT_MEMLOCK, 8 MiB by default.
 *
 * How long looking may go on is the business of {@linkcode SpinBudget}.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { type Answers, assert } from "../../base/mod.ts";
import { BufferAddresses } from "../posix/buffer_addresses.ts";
import { attemptOn, errnoError } from "../posix/errno.ts";
import type { LibcFile, LibcFiles } from "../posix/libc_files.ts";
import { advance, fail } from "../transfer/transfer.ts";
import { SpinBudget, spinMilliseconds } from "./spin_budget.ts";
import { uringAsync, uringDurableWrite } from "./uring_abi.ts";
import { isPassing, type UringRing } from "./uring_ring.ts";
import { hasBytes, type UringBatch, type UringSlot, UringSlots } from "./uring_slots.ts";

/** The most transfers, and the most bytes of each, whose completions are looked for in a loop. */
const maxSpinTransfers = 8;
const maxSpinBytes = 16 * 1024;
/** The most completions that one wait is for: what is submitted during a wait is not noticed before its end. */
const maxAwaited = 32;
/**
 * The kernel hands what one enter takes to the device when it has read it all. The device starts earlier on a few:
 * 32 reads take 464 µs by eights and 517 µs at once, 64 take 796 to 832 and 846 µs.
 */
const maxEntriesPerEnter = 8;
/** How often an entry is tried again that failed for a passing reason. */
const maxAttempts = 100;
/** How often a submission is tried again that failed for a passing reason, one millisecond apart. */
const maxSubmissionAttempts = 1000;
/** The kernel transfers less than 2 GiB at once. */
const maxEntryBytes = 1024 * 1024 * 1024;
const waitMilliseconds = 999;

/** What a queue could not give back to the kernel's satisfaction; the kernel may still write to its memory. */
const abandoned: UringSlots[] = [];

/** A ring's transfers. It owns the ring. */
export class UringQueue implements Answers {
  readonly #files: LibcFiles;
  readonly #ring: UringRing;
  readonly #slots: UringSlots;
  readonly #addresses: BufferAddresses;
  readonly #spins = new SpinBudget();
  readonly #batches: UringBatch[] = [];
  /** Slots whose entry is to be prepared again. */
  readonly #again: UringSlot[] = [];
  #scheduled = false;
  #small = true;
  /** Whether anything durable was prepared in this flush. */
  #durable = false;
  #submissionAttempts = 0;
  #waiting = false;
  #waiter: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  /**
   * Makes a queue.
   *
   * @param files The files of its transfers.
   * @param ring The ring.
   * @param depth The most transfers in flight, at most the ring's completion entries.
   */
  constructor(files: LibcFiles, ring: UringRing, depth: number) {
    this.#files = files;
    this.#ring = ring;
    this.#slots = new UringSlots(depth);
    this.#addresses = new BufferAddresses(files.libc);
  }

  /** Whether it has failed as a whole: the kernel may still write to the memory of what was in flight. */
  get isLost(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether the kernel has completed anything that may be taken now. */
  has(): boolean {
    return this.#failure === undefined && this.#ring.hasCompletions;
  }

  /** Takes what the kernel has completed. The event loop is about to turn. */
  take(): void {
    this.#spins.turned();
    if (this.#failure === undefined && this.#ring.reap(this.#complete) > 0) this.#push();
  }

  /** Queues a batch, whose `finish` is called when the last of it is done. */
  submit(batch: UringBatch): void {
    assert(batch.left > 0, "a batch is not empty");
    if (this.#failure !== undefined) return refuse(batch, this.#failure);
    this.#batches.push(batch);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#flush);
  }

  /** Closes the ring. Nothing may be queued or in flight, unless the queue has failed. */
  async close(): Promise<void> {
    assert(
      this.#failure !== undefined || this.#slots.taken === 0,
      "nothing is in flight while a queue closes",
    );
    await this.#waiter;
    this.#ring.close();
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.#failure !== undefined) return;
    const before = this.#slots.taken;
    this.#small = true;
    this.#durable = false;
    this.#push();
    if (this.#spins.mayLook()) this.#look(before);
    if (this.#slots.taken > 0 && !this.#waiting) this.#waiter = this.#wait();
  };

  /** Prepares and submits as much as slots and ring hold. */
  #push(): void {
    while (this.#failure === undefined && this.#fill() + this.#ring.unsubmitted > 0) {
      const errno = this.#ring.submit();
      if (errno === 0) {
        this.#submissionAttempts = 0;
      } else if (isPassing(errno) && this.#submissionAttempts++ < maxSubmissionAttempts) {
        return;
      } else {
        this.#fail(errnoError(errno, { operation: "submit to", path: "io_uring" }));
      }
    }
  }

  /** Prepares what slots and ring hold, but no more than one enter should take. Returns how many entries. */
  #fill(): number {
    const room = Math.min(this.#ring.room, maxEntriesPerEnter);
    for (let count = 0; count < room; count++) {
      const slot = this.#again.pop() ?? this.#start();
      if (slot === undefined) return count;
      this.#prepare(slot);
    }
    return room;
  }

  /** Takes a slot for the next transfer that can be started. */
  #start(): UringSlot | undefined {
    while (this.#slots.free > 0 && this.#batches.length > 0) {
      const batch = this.#batches[0];
      const transfer = batch.transfers[batch.next++];
      if (batch.next === batch.transfers.length) this.#batches.shift();
      try {
        // Learnt here, where a failure can be told, and known from here on.
        if (hasBytes(batch)) this.#addresses.of(transfer.bytes);
        return this.#slots.take(batch, transfer);
      } catch (error) {
        fail(transfer, batch.operation, error);
        finishOne(batch);
      }
    }
    return undefined;
  }

  #prepare(slot: UringSlot): void {
    const { index, generation, batch, transfer, start, attempts } = slot;
    const { offset, bytes } = transfer;
    const { fd } = transfer.file as LibcFile;
    const head = attempts === 0 ? batch.opcode : batch.opcode | uringAsync << 8;
    this.#slots.prepare(slot);
    if (hasBytes(batch)) {
      const length = Math.min(bytes.length - start, maxEntryBytes);
      this.#small &&= length <= maxSpinBytes;
      this.#durable ||= batch.opFlags === uringDurableWrite;
      const address = this.#addresses.of(bytes) + start;
      this.#ring.prepare(head, fd, offset + start, address, length, batch.opFlags, index, generation);
    } else {
      this.#small = false;
      this.#ring.prepare(head, fd, 0, offset, 0, batch.opFlags, index, generation);
    }
  }

  readonly #complete = (index: number, generation: number, result: number): void => {
    if (this.#failure !== undefined) return;
    try {
      const slot = this.#slots.settle(index, generation);
      if (this.#goesOn(slot, result)) {
        this.#again.push(slot);
      } else {
        const { batch } = slot;
        this.#slots.release(slot);
        finishOne(batch);
      }
    } catch (error) {
      this.#fail(error);
    }
  };

  /** Takes an answer into its transfer. Returns whether the entry is to be prepared again. */
  #goesOn(slot: UringSlot, result: number): boolean {
    const { batch, transfer } = slot;
    if (result < 0) {
      if (isPassing(-result) && slot.attempts++ < maxAttempts) return true;
      const offset = hasBytes(batch) ? transfer.offset + slot.start : undefined;
      transfer.error = errnoError(result, attemptOn(transfer.file, batch.operation, offset));
      return false;
    }
    if (!hasBytes(batch)) return false;
    try {
      const next = advance(transfer, batch.operation, slot.start, result, this.#files);
      slot.start = next ?? 0;
      return next !== undefined;
    } catch (error) {
      fail(transfer, batch.operation, error);
      return false;
    }
  }

  /**
   * Takes completions in the turn that submitted them, and waits in a loop for a few small transfers.
   *
   * @param before How many were in flight before them.
   */
  #look(before: number): void {
    if (!this.#spins.pauses() && this.#isWorthLooking(before)) this.#spin(before);
    else if (this.#ring.reap(this.#complete) > 0) this.#push();
  }

  #spin(before: number): void {
    const start = performance.now();
    let now = start;
    do {
      if (this.#durable) this.#ring.block(spinMilliseconds - (now - start));
      if (this.#ring.reap(this.#complete) > 0) this.#push();
      now = performance.now();
    } while (this.#slots.taken > before && now - start < spinMilliseconds && this.#failure === undefined);
    this.#spins.spent(now - start, this.#slots.taken > before);
  }

  /** Waits while something is in flight. There is one of this at a time, from here to its end. */
  async #wait(): Promise<void> {
    this.#waiting = true;
    try {
      if (this.#isWorthLooking(0)) await this.#turnAndLook();
      while (this.#slots.taken > 0 && this.#failure === undefined) {
        const refused = this.#ring.unsubmitted > 0;
        const complete = refused ? 1 : Math.min(maxAwaited, this.#slots.fewestLeft());
        const woken = await this.#ring.wait(refused ? 1 : waitMilliseconds, complete);
        this.#wake(woken);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#waiting = false;
  }

  #isWorthLooking(before: number): boolean {
    const added = this.#slots.taken - before;
    return this.#small && added > 0 && added <= maxSpinTransfers && this.#batches.length === 0 &&
      !this.#spins.isPaused;
  }

  /** Lets the event loop turn, which a loop of small transfers has kept from it, and goes on looking. */
  async #turnAndLook(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#spins.turned();
    if (this.#failure === undefined && this.#isWorthLooking(0)) this.#spin(0);
  }

  #wake(woken: boolean): void {
    this.#spins.turned();
    const count = this.#ring.reap(this.#complete);
    const errno = woken || count > 0 ? 0 : this.#ring.check();
    if (errno !== 0) throw errnoError(errno, { operation: "wait for", path: "io_uring" });
    this.#push();
  }

  /** Gives everything up: the ring is of no use any more. */
  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#failure = error;
    // What the kernel has may still be written to: it is kept for ever.
    abandoned.push(this.#slots);
    for (const { batch, transfer } of this.#slots.held()) {
      fail(transfer, batch.operation, error);
      finishOne(batch);
    }
    for (const batch of this.#batches.splice(0)) refuse(batch, error);
  }
}

function finishOne(batch: UringBatch): void {
  batch.left--;
  if (batch.left === 0) batch.finish();
}

/** Fails what has not started of a batch. */
function refuse(batch: UringBatch, error: Error): void {
  while (batch.next < batch.transfers.length) {
    fail(batch.transfers[batch.next++], batch.operation, error);
    finishOne(batch);
  }
}
