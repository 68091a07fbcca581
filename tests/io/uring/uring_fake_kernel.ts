/**
 * A kernel's side of a ring, in this process: it sees the same memory through the addresses that it hands out itself,
 * keeps one file in memory, and answers as a test wants.
 */

import { Libc, type LibcCalls, type LibcSymbols, openLibc } from "../../../src/io/posix/libc.ts";
import type { LibcFile } from "../../../src/io/posix/libc_files.ts";
import type { UringSyscalls } from "../../../src/io/uring/uring_syscalls.ts";

const pageBytes = 65536;
const indexCount = 8;
const [sqHead, sqTail, sqFlags, cqHead, cqTail] = [0, 1, 2, 3, 4];
const overflowed = 2;

/** An entry as the kernel reads it. */
export interface Entry {
  opcode: number;
  flags: number;
  fd: number;
  offset: number;
  address: number;
  length: number;
  opFlags: number;
  low: number;
  high: number;
}

/** A completion as the kernel writes it. */
export interface Completion {
  low: number;
  high: number;
  result: number;
}

/** The C library, and the kernel behind it. */
export class FakeKernel implements LibcCalls {
  readonly path = "/fake/libc.so";
  readonly symbols: LibcSymbols;
  /** The contents of every file. */
  contents: Uint8Array = new Uint8Array();
  /** What the next calls of setup, register and enter answer instead of working. */
  setupAnswer: number | undefined;
  registerAnswer: number | undefined;
  enterAnswers: number[] = [];
  /** What setup reports. */
  features = 0x102;
  /** Where the indices start. */
  firstIndex = 0;
  /** The opcodes that are supported. */
  opcodes: readonly number[] = [0, 3, 17, 22, 23];
  /** Shortens an entry, or answers it with −errno; `undefined` lets it be. */
  answer: (entry: Entry) => number | undefined = () => undefined;
  /** Changes completions on their way; by default each comes as it is. */
  deliver: (completion: Completion) => Completion[] = (completion) => [completion];
  /** Every entry that was taken. */
  readonly taken: Entry[] = [];
  /** How many entries each enter took. */
  readonly enters: number[] = [];
  /** How often somebody waited, which takes a turn of the event loop. */
  waits = 0;
  /** How many completions each call that waited on the thread itself asked for, and what comes meanwhile. */
  readonly blocks: number[] = [];
  meanwhile: () => void = () => {};
  /** The rings that are open. */
  open = 0;
  readonly #real: Libc;
  readonly #addresses = new Map<ArrayBufferLike, number>();
  readonly #late: Completion[] = [];
  #nextAddress = 0x7f00_0000_1000;
  #entries: DataView = new DataView(new ArrayBuffer(0));
  #indices: Int32Array = new Int32Array();
  #cqEntries: Int32Array = new Int32Array();
  #sqMask = 0;
  #cqMask = 0;

  constructor() {
    const real = openLibc();
    if (!(real instanceof Libc)) throw new Error(real.reason);
    this.#real = real;
    this.symbols = {
      ...real.symbols,
      lseek: () => BigInt(this.contents.length),
      // What stands at the addresses that it hands out is somebody else's.
      madvise: () => 0,
    };
  }

  /** A file on which the kernel works. */
  file(direct = true): LibcFile {
    return { path: "/fake/file", direct, fd: 7 };
  }

  errno(): number {
    return this.#real.errno();
  }

  addressOf(bytes: Uint8Array<ArrayBuffer>): number {
    let base = this.#addresses.get(bytes.buffer);
    if (base === undefined) {
      base = this.#nextAddress;
      this.#nextAddress += Math.ceil(bytes.buffer.byteLength / pageBytes + 1) * pageBytes;
      this.#addresses.set(bytes.buffer, base);
    }
    return base + bytes.byteOffset;
  }

  [Symbol.dispose](): void {
    this.#real[Symbol.dispose]();
  }

  /** The system calls. */
  syscalls(): UringSyscalls {
    return {
      setup: (entries, params) => this.#setup(entries, params),
      register: (_fd, _opcode, argument, count) => this.#register(argument, count),
      enter: (_fd, submit) => this.#enter(submit),
      wait: () => {
        this.waits++;
        return new Promise((resolve) => setTimeout(() => resolve(this.#flushLate() ? 0 : -1), 0));
      },
      block: (_fd, complete) => {
        this.blocks.push(complete);
        this.meanwhile();
        return this.#flushLate() ? 0 : -62;
      },
      close: () => void this.open--,
    };
  }

  #setup(entries: number, params: Uint8Array<ArrayBuffer>): number {
    if (this.setupAnswer !== undefined) return this.setupAnswer;
    const view = new DataView(params.buffer);
    const rings = this.#memory(Number(view.getBigUint64(112, true)), pageBytes);
    const sqes = this.#memory(Number(view.getBigUint64(72, true)), pageBytes);
    const cqEntries = view.getUint32(4, true);
    this.#indices = new Int32Array(rings.buffer, rings.byteOffset, indexCount).fill(this.firstIndex);
    this.#indices[sqFlags] = 0;
    this.#cqEntries = new Int32Array(rings.buffer, rings.byteOffset + 64, cqEntries * 4);
    this.#entries = new DataView(sqes.buffer, sqes.byteOffset, entries * 64);
    [this.#sqMask, this.#cqMask] = [entries - 1, cqEntries - 1];
    const words = [[0, entries], [20, this.features], [40, sqHead * 4], [44, sqTail * 4], [56, sqFlags * 4]];
    for (const [at, word] of [...words, [80, cqHead * 4], [84, cqTail * 4], [100, 64]]) {
      view.setUint32(at, word, true);
    }
    this.open++;
    return 5;
  }

  #register(argument: Uint8Array<ArrayBuffer>, count: number): number {
    if (this.registerAnswer !== undefined) return this.registerAnswer;
    for (const opcode of this.opcodes.filter((opcode) => opcode < count)) argument[16 + 8 * opcode + 2] = 1;
    return 0;
  }

  #enter(submit: number): number {
    const answer = this.enterAnswers.shift();
    if (answer !== undefined) return answer;
    this.#flushLate();
    this.enters.push(submit);
    for (let i = 0; i < submit; i++) this.#take();
    return submit;
  }

  #take(): void {
    const head = Atomics.load(this.#indices, sqHead);
    const at = (head & this.#sqMask) * 64;
    const view = this.#entries;
    const entry: Entry = {
      opcode: view.getUint8(at),
      flags: view.getUint8(at + 1),
      fd: view.getInt32(at + 4, true),
      offset: Number(view.getBigUint64(at + 8, true)),
      address: Number(view.getBigUint64(at + 16, true)),
      length: view.getUint32(at + 24, true),
      opFlags: view.getUint32(at + 28, true),
      low: view.getUint32(at + 32, true),
      high: view.getUint32(at + 36, true),
    };
    Atomics.store(this.#indices, sqHead, (head + 1) | 0);
    this.taken.push(entry);
    const completion = { low: entry.low, high: entry.high, result: this.#perform(entry) };
    for (const one of this.deliver(completion)) this.post(one);
  }

  #perform(entry: Entry): number {
    const answer = this.answer(entry) ?? entry.length;
    if (answer < 0 || entry.opcode !== 22 && entry.opcode !== 23) return Math.min(answer, 0);
    const memory = this.#memory(entry.address, entry.length);
    const stored = this.contents.subarray(entry.offset, entry.offset + Math.min(answer, entry.length));
    if (entry.opcode === 22) memory.set(stored);
    else stored.set(memory.subarray(0, stored.length));
    return stored.length;
  }

  /** Puts a completion into the ring, or with those that did not fit it. */
  post(completion: Completion): void {
    const tail = Atomics.load(this.#indices, cqTail);
    if (((tail - Atomics.load(this.#indices, cqHead)) >>> 0) > this.#cqMask) {
      this.#late.push(completion);
      Atomics.or(this.#indices, sqFlags, overflowed);
      return;
    }
    const at = (tail & this.#cqMask) * 4;
    this.#cqEntries.set([completion.low, completion.high, completion.result, 0], at);
    Atomics.store(this.#indices, cqTail, (tail + 1) | 0);
  }

  /** Moves into the ring what did not fit it. Returns whether there is anything in the ring. */
  #flushLate(): boolean {
    Atomics.and(this.#indices, sqFlags, ~overflowed);
    for (const completion of this.#late.splice(0)) this.post(completion);
    return Atomics.load(this.#indices, cqTail) !== Atomics.load(this.#indices, cqHead);
  }

  #memory(address: number, length: number): Uint8Array {
    for (const [buffer, base] of this.#addresses) {
      if (address >= base && address + length <= base + buffer.byteLength) {
        return new Uint8Array(buffer, address - base, length);
      }
    }
    throw new Error(`The kernel was given the address ${address}, which it never gave out`);
  }
}
