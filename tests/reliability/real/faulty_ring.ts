/**
 * A ring of the kernel in which entries fail, come back short, or kill the process.
 *
 * ```
 *   entry ─► is it the nth of its kind? ─ no ──────────────────────────────► kernel ─► completion
 *              └ short: its length is cut ────────────────────────────────► kernel ─► completion
 *              └ else it becomes a NOP, which the kernel completes at once ► kernel ─► completion ─► its result is −errno
 * ```
 */

import { Libc, type LibcCalls, openLibc } from "../../../src/io/posix/libc.ts";
import { uringOpcode } from "../../../src/io/uring/uring_abi.ts";
import { type UringSyscalls, uringSyscalls } from "../../../src/io/uring/uring_syscalls.ts";

/** What entries do. */
export type RingOperation = Exclude<keyof typeof uringOpcode, "nop">;

/** The numbers of what entries fail with. */
const errnos = { EINTR: 4, EIO: 5, EAGAIN: 11, EBUSY: 16, ENOSPC: 28, EOPNOTSUPP: 95, EDQUOT: 122 } as const;

/** What is to happen to an entry, and maybe to all later ones of its kind. */
export interface RingFault {
  /** What the entry does. */
  readonly operation: RingOperation;
  /** Which of those that do it. */
  readonly nth: number;
  /** What it fails with, or that it transfers a block only, or that the process ends before it. */
  readonly act: keyof typeof errnos | "short" | "kill";
  /** Whether all later ones fail too. */
  readonly forever: boolean;
}

/** How each kind of entry may fail. */
export const ringActs: Readonly<Record<RingOperation, readonly RingFault["act"][]>> = {
  read: ["kill", "EIO", "EINTR", "EAGAIN", "short"],
  write: ["kill", "EIO", "ENOSPC", "EDQUOT", "EINTR", "EAGAIN", "short"],
  fsync: ["kill", "EIO", "ENOSPC", "EDQUOT", "EINTR"],
  fallocate: ["kill", "EIO", "ENOSPC", "EINTR", "EOPNOTSUPP"],
};

const blockBytes = 4096;
const [entryWords, entryLength, entryOpFlags, entryLow] = [16, 6, 7, 8];

/** See the top of the file. */
export class FaultyRing {
  /** The C library, to be given to the engine. */
  readonly libc: LibcCalls;
  /** The system calls, to be given to the engine. */
  readonly syscalls: UringSyscalls;
  /** What is to fail. */
  fault: RingFault | undefined;
  /** How many entries of each kind there were since `fault` could have been set. */
  readonly seen: Record<RingOperation, number> = { read: 0, write: 0, fsync: 0, fallocate: 0 };
  /** How many failed. */
  fired = 0;
  readonly #memories = new Map<number, ArrayBuffer>();
  /** What NOPs are to have come to, by the entries that they stand for. */
  readonly #results = new Map<string, number>();
  #entries = new Uint32Array();
  #rings = new Int32Array();
  #places = { sqMask: 0, sqTail: 0, cqMask: 0, cqHead: 0, cqTail: 0, cqEntries: 0 };
  #tail = 0;

  /** Stands before the kernel. */
  constructor() {
    const libc = openLibc();
    if (!(libc instanceof Libc)) throw new Error(libc.reason);
    const calls = uringSyscalls(libc);
    if ("reason" in calls) throw new Error(calls.reason);
    this.libc = {
      path: libc.path,
      symbols: libc.symbols,
      errno: () => libc.errno(),
      addressOf: (bytes) => this.#remember(libc.addressOf(bytes), bytes),
      [Symbol.dispose]: () => libc[Symbol.dispose](),
    };
    this.syscalls = {
      ...calls,
      setup: (entries, params) => {
        const fd = calls.setup(entries, params);
        this.#look(params);
        return fd;
      },
      enter: (fd, submit, flags) => {
        this.#change();
        const result = calls.enter(fd, submit, flags);
        this.#answer();
        return result;
      },
    };
  }

  #remember(address: number, bytes: Uint8Array<ArrayBuffer>): number {
    this.#memories.set(address - bytes.byteOffset, bytes.buffer);
    return address;
  }

  /** Finds the parts of a ring that was set up. */
  #look(params: Uint8Array<ArrayBuffer>): void {
    const view = new DataView(params.buffer);
    const word = (at: number) => view.getUint32(at, true);
    const index = (at: number) => word(at) / 4;
    const [sqMask, cqMask] = [word(0) - 1, word(4) - 1];
    this.#places = {
      sqMask,
      sqTail: index(44),
      cqMask,
      cqHead: index(80),
      cqTail: index(84),
      cqEntries: index(100),
    };
    this.#entries = new Uint32Array(...this.#partAt(Number(view.getBigUint64(72, true))));
    this.#rings = new Int32Array(...this.#partAt(Number(view.getBigUint64(112, true))));
    this.#tail = this.#rings[this.#places.sqTail];
  }

  #partAt(address: number): [ArrayBuffer, number] {
    for (const [start, memory] of this.#memories) {
      if (address >= start && address < start + memory.byteLength) return [memory, address - start];
    }
    throw new Error(`Nobody asked for the address ${address}`);
  }

  /** Looks at the entries that the kernel has not seen. */
  #change(): void {
    const { sqTail, sqMask } = this.#places;
    const tail = Atomics.load(this.#rings, sqTail);
    for (; this.#tail !== tail; this.#tail = (this.#tail + 1) | 0) {
      this.#changeEntry((this.#tail & sqMask) * entryWords);
    }
  }

  #changeEntry(at: number): void {
    const opcode = this.#entries[at] & 0xff;
    const operation = (Object.keys(ringActs) as RingOperation[]).find((name) => uringOpcode[name] === opcode);
    if (operation === undefined) return;
    const nth = ++this.seen[operation];
    const { fault } = this;
    if (fault?.operation !== operation || nth !== fault.nth && !(fault.forever && nth > fault.nth)) return;
    this.fired++;
    if (fault.act === "kill") Deno.kill(Deno.pid, "SIGKILL");
    else if (fault.act === "short") this.#shorten(at);
    else this.#refuse(at, errnos[fault.act]);
  }

  #shorten(at: number): void {
    if (this.#entries[at + entryLength] > blockBytes) this.#entries[at + entryLength] = blockBytes;
  }

  #refuse(at: number, errno: number): void {
    const entries = this.#entries;
    this.#results.set(`${entries[at + entryLow]} ${entries[at + entryLow + 1]}`, -errno);
    entries[at] = uringOpcode.nop;
    entries[at + entryLength] = entries[at + entryOpFlags] = 0;
  }

  /** Gives the completions of NOPs the results that they are to have. */
  #answer(): void {
    const { cqHead, cqTail, cqMask, cqEntries } = this.#places;
    const rings = this.#rings, tail = Atomics.load(rings, cqTail);
    for (let head = rings[cqHead]; this.#results.size > 0 && head !== tail; head = (head + 1) | 0) {
      const at = cqEntries + (head & cqMask) * 4;
      const entry = `${rings[at] >>> 0} ${rings[at + 1] >>> 0}`;
      const result = this.#results.get(entry);
      if (result === undefined) continue;
      rings[at + 2] = result;
      this.#results.delete(entry);
    }
  }
}
