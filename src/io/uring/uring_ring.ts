/**
 * One io_uring in plain memory, given to the kernel instead of mapped from it (Linux 6.6).
 *
 * ```
 *   memory, each part on a page of its own          who moves it on
 *   ┌────────────────────────────────────────┐
 *   │ indices        submission   tail       │      this thread, once the entries before it are written
 *   │                             head       │      kernel
 *   │                completion   tail       │      kernel
 *   │                             head       │      this thread, once the entries before it are read
 *   │ completion entries, 16 B each          │
 *   ├────────────────────────────────────────┤
 *   │ submission entries, 64 B each          │
 *   ├────────────────────────────────────────┤
 *   │ argument of the wait                   │      constant while a wait is outstanding
 *   │ argument of waiting on this thread     │
 *   └────────────────────────────────────────┘
 * ```
 *
 * - U1 Indices are free-running 32-bit integers; their differences, taken as unsigned, are the fills.
 * - U2 An entry is written before the tail that publishes it, and read before the head that gives it back: the
 *   indices go through `Atomics`, which order every other access of the thread around them.
 * - U3 The memory stays referenced, and is never transferred, until the ring is closed. The kernel lets go of it later:
 *   a ring is torn down in the background, and its last act is to write its indices (in 400 of 400 rings, Linux 6.18).
 *   Its pages are taken from the kernel before that; else freed memory would be written to, whoever has it by then.
 * - U4 Kernels before 6.10 want a part's pages to adjoin physically, which one page does: hence at most 64 submission
 *   entries (4096 B) and 128 completion entries.
 * - U5 It belongs to the thread that made it. The kernel finishes work on the thread that submitted it, and the
 *   threads of nonblocking calls come and go, so that these only wait.
 * - U8 A wait counts from the head that the kernel knows. That stands still meanwhile, so that a wait ends with what it
 *   is for, whatever was taken beside it; and there is room in the ring for as much as the wait is for at the most.
 *
 * Nothing may be called concurrently, except that one `wait` may be outstanding during any other call but `close`.
 *
 * @module
 */

import { assert } from "../../base/mod.ts";
import { uringCqOverflow, uringEnter, uringErrno } from "./uring_abi.ts";
import { partBytes, type RingMemory } from "./uring_memory.ts";
import type { UringSyscalls } from "./uring_syscalls.ts";

/** Where the arguments of both ways to wait stand, and how far behind each its time does. */
const waitAt = 0, blockAt = 64, timespecAt = 32;
const waitFlags = uringEnter.getEvents | uringEnter.extArg;
const twoTo32 = 0x100000000;

/** Takes one completion: the two halves of the user data, and the result or −errno. */
export type CompletionSink = (low: number, high: number, result: number) => void;

/** Whether a call that failed with `errno` may succeed later. */
export function isPassing(errno: number): boolean {
  return errno === uringErrno.EINTR || errno === uringErrno.EAGAIN || errno === uringErrno.EBUSY;
}

/** A ring. It is made by `openUringRing`. */
export class UringRing {
  readonly #syscalls: UringSyscalls;
  readonly #memory: RingMemory;
  readonly #indices: Int32Array;
  readonly #entries: Uint32Array;
  readonly #sqMask: number;
  readonly #sqHead: number;
  readonly #sqTail: number;
  readonly #sqFlags: number;
  readonly #cqMask: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #cqEntry: number;
  readonly #wait: DataView;
  readonly #waitAddress: bigint;
  #fd: number;
  #tail: number;
  /** The next completion to be taken, of which the kernel is not told during a wait (U8). */
  #head: number;
  #waiting = false;

  /** Makes a ring of what the kernel filled in. */
  constructor(fd: number, syscalls: UringSyscalls, memory: RingMemory, params: Uint8Array<ArrayBuffer>) {
    const view = new DataView(params.buffer);
    const index = (at: number) => view.getUint32(at, true) / 4;
    const [rings, entries, wait] = memory.parts;
    this.#fd = fd;
    this.#syscalls = syscalls;
    this.#memory = memory;
    this.#wait = new DataView(wait.buffer, wait.byteOffset, partBytes);
    this.#waitAddress = BigInt(memory.addresses[2]);
    for (const at of [waitAt, blockAt]) {
      this.#wait.setBigUint64(at + 16, BigInt(memory.addresses[2] + at + timespecAt), true);
    }
    this.#indices = new Int32Array(rings.buffer, rings.byteOffset, partBytes / 4);
    this.#entries = new Uint32Array(entries.buffer, entries.byteOffset, partBytes / 4);
    this.#sqMask = view.getUint32(0, true) - 1;
    this.#sqHead = index(40);
    this.#sqTail = index(44);
    this.#sqFlags = index(56);
    this.#cqMask = view.getUint32(4, true) - 1;
    this.#cqHead = index(80);
    this.#cqTail = index(84);
    this.#cqEntry = index(100);
    this.#tail = this.#indices[this.#sqTail];
    this.#head = this.#indices[this.#cqHead];
  }

  /** Entries that were prepared and that the kernel has not taken. */
  get unsubmitted(): number {
    return (this.#tail - Atomics.load(this.#indices, this.#sqHead)) >>> 0;
  }

  /** Entries that may be prepared before the next submission. */
  get room(): number {
    return this.#sqMask + 1 - this.unsubmitted;
  }

  /**
   * Prepares an entry. There must be {@linkcode room}.
   *
   * @param head The opcode, with flags of the entry in its second byte.
   * @param fd The file descriptor.
   * @param offset The offset in the file in bytes.
   * @param address An address, or what the opcode has in its place.
   * @param length The length in bytes.
   * @param opFlags Flags of the opcode.
   * @param low The low half of the user data.
   * @param high The high half of the user data.
   */
  prepare(
    head: number,
    fd: number,
    offset: number,
    address: number,
    length: number,
    opFlags: number,
    low: number,
    high: number,
  ): void {
    const entries = this.#entries;
    const at = (this.#tail & this.#sqMask) * 16;
    entries[at] = head;
    entries[at + 1] = fd;
    entries[at + 2] = offset;
    entries[at + 3] = offset / twoTo32;
    entries[at + 4] = address;
    entries[at + 5] = address / twoTo32;
    entries[at + 6] = length;
    entries[at + 7] = opFlags;
    entries[at + 8] = low;
    entries[at + 9] = high;
    // The six words behind stay zero, as they were allocated: no opcode in use here has anything there.
    this.#tail = (this.#tail + 1) | 0;
  }

  /**
   * Gives the kernel what was prepared, without waiting.
   *
   * @returns 0 if it took all, or the errno that kept it from that.
   */
  submit(): number {
    Atomics.store(this.#indices, this.#sqTail, this.#tail);
    for (;;) {
      const count = this.unsubmitted;
      if (count === 0) return 0;
      const result = this.#syscalls.enter(this.#fd, count, 0);
      if (result < 0 && result !== -uringErrno.EINTR) return -result;
      if (result === 0) return uringErrno.EAGAIN;
    }
  }

  /**
   * Waits on another thread until so much has been completed since the last {@linkcode reap}, or the wait's time is
   * up. The caller reaps in either case.
   *
   * @param milliseconds The longest wait, below 1000.
   * @param complete How many completions to wait for.
   * @returns Whether there was something. If not, errno is lost; {@linkcode check} tells what is the matter.
   */
  async wait(milliseconds: number, complete = 1): Promise<boolean> {
    assert(!this.#waiting, "a wait is outstanding already");
    this.#waiting = true;
    this.#wait.setUint32(waitAt + timespecAt + 8, milliseconds * 1e6, true);
    try {
      return await this.#syscalls.wait(this.#fd, complete, waitFlags, this.#waitAddress) >= 0;
    } finally {
      this.#waiting = false;
      Atomics.store(this.#indices, this.#cqHead, this.#head);
    }
  }

  /**
   * Waits on this thread, which does nothing else meanwhile, until something has been completed that was not taken, or
   * the time is up. The caller reaps in either case.
   *
   * @param milliseconds The longest wait, below 1000.
   */
  block(milliseconds: number): void {
    this.#wait.setUint32(blockAt + timespecAt + 8, milliseconds * 1e6, true);
    this.#syscalls.block(this.#fd, this.#taken() + 1, waitFlags, this.#waitAddress + BigInt(blockAt));
  }

  /** Asks the kernel for events without waiting. Returns 0, or the errno of a ring that is of no use any more. */
  check(): number {
    const result = this.#syscalls.enter(this.#fd, 0, uringEnter.getEvents);
    return result < 0 && !isPassing(-result) ? -result : 0;
  }

  /**
   * Takes every completion that is there; during a wait no more than half of what the ring holds (U8).
   *
   * @param sink What takes each. It may prepare entries; it does not throw.
   * @returns How many there were.
   */
  reap(sink: CompletionSink): number {
    const indices = this.#indices;
    const start = this.#head;
    for (;;) {
      const tail = Atomics.load(indices, this.#cqTail);
      while (this.#head !== tail && this.#mayTake()) {
        const at = this.#cqEntry + (this.#head & this.#cqMask) * 4;
        this.#head = (this.#head + 1) | 0;
        sink(indices[at] >>> 0, indices[at + 1] >>> 0, indices[at + 2]);
      }
      if (!this.#waiting) Atomics.store(indices, this.#cqHead, this.#head);
      if (this.#waiting || !this.#refill(tail)) return (this.#head - start) >>> 0;
    }
  }

  /** Whether there is a completion that may be taken now. */
  get hasCompletions(): boolean {
    return Atomics.load(this.#indices, this.#cqTail) !== this.#head && this.#mayTake();
  }

  /** Whether the ring keeps room enough for what comes during a wait. */
  #mayTake(): boolean {
    return !this.#waiting || this.#taken() <= this.#cqMask >>> 1;
  }

  /** How many completions were taken of which the kernel is not told yet. */
  #taken(): number {
    return (this.#head - this.#indices[this.#cqHead]) >>> 0;
  }

  /** Makes the kernel move into the ring what did not fit it. Returns whether there is more than before. */
  #refill(tail: number): boolean {
    if ((Atomics.load(this.#indices, this.#sqFlags) & uringCqOverflow) === 0) return false;
    this.#syscalls.enter(this.#fd, 0, uringEnter.getEvents);
    return Atomics.load(this.#indices, this.#cqTail) !== tail;
  }

  /** Closes the ring, in which nothing may be in flight, and takes its memory from the kernel (U3). */
  close(): void {
    if (this.#fd < 0) return;
    assert(!this.#waiting, "a wait is outstanding while its ring closes");
    this.#syscalls.close(this.#fd);
    this.#fd = -1;
    this.#memory.giveUp();
  }
}
