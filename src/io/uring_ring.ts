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
 *   └────────────────────────────────────────┘
 * ```
 *
 * - U1 Indices are free-running 32-bit integers; their differences, taken as unsigned, are the fills.
 * - U2 An entry is written before the tail that publishes it, and read before the head that gives it back: the
 *   indices go through `Atomics`, which order every other access of the thread around them.
 * - U3 The memory stays referenced, and is never transferred, until the kernel has let go of it. That is later than
 *   close: a ring is torn down in the background, and its last act may be to write its indices. Freed at once and
 *   given to the next ring, the memory showed completions that never were, in 7 of 400 rings opened one after another.
 * - U4 Kernels before 6.10 want a part's pages to adjoin physically, which one page does: hence at most 64 submission
 *   entries (4096 B) and 128 completion entries.
 * - U5 It belongs to the thread that made it. The kernel finishes work on the thread that submitted it, and the
 *   threads of nonblocking calls come and go, so that these only wait.
 *
 * Nothing may be called concurrently, except that one `wait` may be outstanding during any other call but `close`.
 *
 * @module
 */

import { assert } from "../base/mod.ts";
import { errnoName } from "./errno.ts";
import type { LibcCalls } from "./libc.ts";
import {
  uringCqOverflow,
  uringEnter,
  uringErrno,
  uringFeature,
  uringProbe,
  uringSetup,
} from "./uring_abi.ts";
import type { UringSyscalls } from "./uring_syscalls.ts";

/** The most submission entries of a ring. */
export const maxSqEntries = 64;
/** The most completion entries of a ring. */
export const maxCqEntries = 128;

const paramsBytes = 120;
/** A multiple of every page size that Linux uses. */
const partBytes = 64 * 1024;
const partCount = 3;
const timespecAt = 32;
const twoTo32 = 0x100000000;

/** Options of {@linkcode openUringRing}. */
export interface UringRingOptions {
  /** Submission entries, a power of two up to 64, the default. */
  sqEntries?: number;
  /** Completion entries, a power of two up to 128, the default. */
  cqEntries?: number;
  /** Opcodes that the kernel must support. */
  opcodes?: readonly number[];
}

/** Memory of closed rings, and when they were closed. */
const retired: { memory: RingMemory; milliseconds: number }[] = [];
/** A teardown takes milliseconds. */
const retiredMilliseconds = 10_000;

/** Takes one completion: the two halves of the user data, and the result or −errno. */
export type CompletionSink = (low: number, high: number, result: number) => void;

/** Memory whose parts start on pages. */
interface RingMemory {
  parts: Uint8Array<ArrayBuffer>[];
  addresses: number[];
}

/**
 * Makes a ring.
 *
 * @param libc The C library, for addresses.
 * @param syscalls The system calls.
 * @param options Its size, and what it must support.
 * @returns The ring, or why there is none.
 */
export function openUringRing(
  libc: LibcCalls,
  syscalls: UringSyscalls,
  options: UringRingOptions = {},
): UringRing | { reason: string } {
  const memory = allocateParts(libc);
  const params = setupParams(memory, options.cqEntries ?? maxCqEntries);
  const fd = syscalls.setup(options.sqEntries ?? maxSqEntries, params);
  if (fd < 0) return { reason: setupReason(-fd) };
  const ring = new UringRing(fd, syscalls, memory, params);
  const reason = missingFeature(params) ?? missingOpcode(syscalls, fd, options.opcodes ?? []);
  if (reason === undefined) return ring;
  ring.close();
  return { reason };
}

function allocateParts(libc: LibcCalls): RingMemory {
  const now = performance.now();
  while (retired.length > 0 && now - retired[0].milliseconds > retiredMilliseconds) retired.shift();
  const buffer = new ArrayBuffer(partBytes * (partCount + 1));
  const start = libc.addressOf(new Uint8Array(buffer));
  const skip = (partBytes - start % partBytes) % partBytes;
  const offsets = Array.from({ length: partCount }, (_, i) => skip + i * partBytes);
  return {
    parts: offsets.map((offset) => new Uint8Array(buffer, offset, partBytes)),
    addresses: offsets.map((offset) => start + offset),
  };
}

function setupParams(memory: RingMemory, cqEntries: number): Uint8Array<ArrayBuffer> {
  const params = new Uint8Array(paramsBytes);
  const view = new DataView(params.buffer);
  const { cqSize, submitAll, noMmap, noSqArray } = uringSetup;
  view.setUint32(4, cqEntries, true);
  view.setUint32(8, cqSize | submitAll | noMmap | noSqArray, true);
  view.setBigUint64(72, BigInt(memory.addresses[1]), true);
  view.setBigUint64(112, BigInt(memory.addresses[0]), true);
  return params;
}

/** Says in words why the kernel gives no ring. */
function setupReason(errno: number): string {
  const code = errnoName(errno);
  const { EPERM, ENOSYS, EINVAL, ENOMEM } = uringErrno;
  if (errno === EPERM) {
    return `io_uring is forbidden by the system's settings or a container's filter: ${code}`;
  }
  if (errno === ENOSYS) return `io_uring is not in this kernel, or hidden by a container's filter: ${code}`;
  if (errno === EINVAL) return `io_uring in plain memory needs Linux 6.6: ${code}`;
  if (errno === ENOMEM) return `io_uring got no memory: ${code}`;
  return `io_uring cannot be set up: ${code}`;
}

function missingFeature(params: Uint8Array<ArrayBuffer>): string | undefined {
  const features = new DataView(params.buffer).getUint32(20, true);
  if ((features & uringFeature.noDrop) === 0) return "io_uring may lose completions here: no NODROP";
  if ((features & uringFeature.extArg) === 0) return "io_uring cannot bound a wait here: no EXT_ARG";
  return undefined;
}

function missingOpcode(syscalls: UringSyscalls, fd: number, opcodes: readonly number[]): string | undefined {
  const probe = new Uint8Array(16 + 8 * uringProbe.count);
  const result = syscalls.register(fd, uringProbe.opcode, probe, uringProbe.count);
  if (result < 0) return `io_uring cannot be probed: ${errnoName(result)}`;
  const missing = opcodes.find((opcode) => (probe[16 + 8 * opcode + 2] & uringProbe.supported) === 0);
  return missing === undefined ? undefined : `io_uring lacks opcode ${missing} here`;
}

/** Whether a call that failed with `errno` may succeed later. */
export function isPassing(errno: number): boolean {
  return errno === uringErrno.EINTR || errno === uringErrno.EAGAIN || errno === uringErrno.EBUSY;
}

/** A ring. It is made by {@linkcode openUringRing}. */
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
    this.#wait.setBigUint64(16, BigInt(memory.addresses[2] + timespecAt), true);
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
    this.#wait.setUint32(timespecAt + 8, milliseconds * 1e6, true);
    const flags = uringEnter.getEvents | uringEnter.extArg;
    try {
      return await this.#syscalls.wait(this.#fd, complete, flags, this.#waitAddress) >= 0;
    } finally {
      this.#waiting = false;
    }
  }

  /** Asks the kernel for events without waiting. Returns 0, or the errno of a ring that is of no use any more. */
  check(): number {
    const result = this.#syscalls.enter(this.#fd, 0, uringEnter.getEvents);
    return result < 0 && !isPassing(-result) ? -result : 0;
  }

  /**
   * Takes every completion that is there.
   *
   * @param sink What takes each. It may prepare entries; it does not throw.
   * @returns How many there were.
   */
  reap(sink: CompletionSink): number {
    const indices = this.#indices;
    const start = indices[this.#cqHead];
    let head = start;
    for (;;) {
      const tail = Atomics.load(indices, this.#cqTail);
      while (head !== tail) {
        const at = this.#cqEntry + (head & this.#cqMask) * 4;
        head = (head + 1) | 0;
        sink(indices[at] >>> 0, indices[at + 1] >>> 0, indices[at + 2]);
      }
      Atomics.store(indices, this.#cqHead, head);
      if (!this.#refill(tail)) return (head - start) >>> 0;
    }
  }

  /** Makes the kernel move into the ring what did not fit it. Returns whether there is more than before. */
  #refill(tail: number): boolean {
    if ((Atomics.load(this.#indices, this.#sqFlags) & uringCqOverflow) === 0) return false;
    this.#syscalls.enter(this.#fd, 0, uringEnter.getEvents);
    return Atomics.load(this.#indices, this.#cqTail) !== tail;
  }

  /** Closes the ring, in which nothing may be in flight. Its memory is given up later (U3). */
  close(): void {
    if (this.#fd < 0) return;
    assert(!this.#waiting, "a wait is outstanding while its ring closes");
    this.#syscalls.close(this.#fd);
    this.#fd = -1;
    retired.push({ memory: this.#memory, milliseconds: performance.now() });
  }
}
