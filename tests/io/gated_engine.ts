/**
 * An engine in front of another one that records every operation, holds writes, and fails what it is told to fail.
 *
 * ```
 *   not started ──start()──► in progress ──finish()──► done
 *        │                        │ half of its bytes are in the file
 *        └────────fail(code)──────┴──────────► failed
 * ```
 *
 * The second half of a held write is taken from memory when it finishes: memory that changed or was given up while it
 * was in flight shows as wrong bytes in the file.
 */

import { assert } from "@std/assert";
import { IoError } from "../../src/base/mod.ts";
import type {
  DirectSupport,
  EngineName,
  IoEngine,
  IoFile,
  OpenOptions,
  PathLock,
  SupportRequest,
  Transfer,
  WriteOptions,
} from "../../src/io/engine.ts";

/** The operations that can be failed. */
export type Operation = Exclude<keyof IoEngine, "name" | "allocateMemory" | "shutdown">;

/** A write that waits for the test. */
export class HeldWrite {
  /** The write. */
  readonly transfer: Transfer;
  readonly #inner: IoEngine;
  readonly #settle: () => void;
  /** How far it is. */
  state: "not started" | "in progress" | "done" = "not started";

  constructor(inner: IoEngine, transfer: Transfer, settle: () => void) {
    this.#inner = inner;
    this.transfer = transfer;
    this.#settle = settle;
  }

  /** Where it writes to. */
  get offset(): number {
    return this.transfer.offset;
  }

  /** How much it writes. */
  get length(): number {
    return this.transfer.bytes.length;
  }

  /** Writes the first half. */
  async start(): Promise<void> {
    assert(this.state === "not started", "a write starts once");
    this.state = "in progress";
    await this.#write(0, this.#half());
  }

  /** Writes the rest and lets the engine's caller know. */
  async finish(): Promise<void> {
    assert(this.state !== "done", "a write ends once");
    await this.#write(this.state === "not started" ? 0 : this.#half(), this.length);
    this.transfer.done = this.length;
    this.#end();
    await turn();
  }

  /** Ends the write with an error. */
  async fail(code: string): Promise<void> {
    assert(this.state !== "done", "a write ends once");
    this.transfer.error = errnoAt(code, "write", this.transfer);
    this.#end();
    await turn();
  }

  #half(): number {
    return Math.ceil(this.length / 4096 / 2) * 4096;
  }

  #end(): void {
    this.state = "done";
    this.#settle();
  }

  async #write(from: number, to: number): Promise<void> {
    if (from >= to) return;
    const { file, offset, bytes } = this.transfer;
    const part: Transfer = {
      file,
      offset: offset + from,
      bytes: bytes.subarray(from, to),
      done: 0,
      error: undefined,
    };
    await this.#inner.write([part]);
    if (part.error !== undefined) throw part.error;
  }
}

/** See the top of the file. */
export class GatedEngine implements IoEngine {
  readonly name: EngineName = "sim";
  /** What was asked for, in order, such as `write 0+4096` or `write 0+4096 durable`. Reads are not recorded. */
  readonly log: string[] = [];
  /** Writes that wait for the test, in the order they were issued. */
  readonly held: HeldWrite[] = [];
  /** Whether writes wait for the test. */
  hold = false;
  readonly #inner: IoEngine;
  readonly #counts = new Map<Operation, number>();
  readonly #failures = new Map<string, string>();
  #operations = 0;
  #failAt = Infinity;
  #failCode = "";

  constructor(inner: IoEngine) {
    this.#inner = inner;
  }

  /** How many operations but reads were asked for. */
  get operations(): number {
    return this.#operations;
  }

  /** Fails the `nth` operation of a kind from the start, counted from 1. */
  failNth(operation: Operation, nth: number, code: string): void {
    this.#failures.set(`${operation} ${nth}`, code);
  }

  /** Fails the next operation of a kind. */
  failNext(operation: Operation, code: string): void {
    this.failNth(operation, (this.#counts.get(operation) ?? 0) + 1, code);
  }

  /** Fails operation `nth` of any kind but reads, and every one after it: the machine went down. */
  failFrom(nth: number, code: string): void {
    this.#failAt = nth;
    this.#failCode = code;
  }

  /** Takes the log and starts a new one. */
  takeLog(): string[] {
    return this.log.splice(0);
  }

  /** The writes that have not ended. */
  get inFlight(): HeldWrite[] {
    return this.held.filter(({ state }) => state !== "done");
  }

  /** Lets every write go that is held, and those that follow. */
  async finishAll(): Promise<void> {
    this.hold = false;
    for (const write of this.inFlight) await write.finish();
    await turn();
  }

  #record(operation: Operation, words: string): string | undefined {
    this.log.push(`${operation} ${words}`.trim());
    this.#operations++;
    return this.#failureOf(operation);
  }

  #failureOf(operation: Operation): string | undefined {
    const count = (this.#counts.get(operation) ?? 0) + 1;
    this.#counts.set(operation, count);
    if (this.#operations >= this.#failAt) return this.#failCode;
    return this.#failures.get(`${operation} ${count}`);
  }

  async #run<T>(operation: Operation, path: string, words: string, work: () => Promise<T>): Promise<T> {
    const code = this.#record(operation, words);
    if (code !== undefined) throw new IoError({ code, operation, path });
    return await work();
  }

  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    return this.#inner.allocateMemory(byteLength);
  }

  open(path: string, options: OpenOptions): Promise<IoFile> {
    const words = `${nameOf(path)}${options.create ? " create" : ""}`;
    return this.#run("open", path, words, () => this.#inner.open(path, options));
  }

  close(file: IoFile): Promise<void> {
    return this.#run("close", file.path, nameOf(file.path), () => this.#inner.close(file));
  }

  async size(file: IoFile): Promise<number> {
    return await this.#inner.size(file);
  }

  nextData(file: IoFile, offset: number): Promise<number> {
    return this.#inner.nextData(file, offset);
  }

  async read(batch: readonly Transfer[]): Promise<void> {
    const code = this.#failureOf("read");
    if (code === undefined) return await this.#inner.read(batch);
    for (const transfer of batch) transfer.error = errnoAt(code, "read", transfer);
  }

  async write(batch: readonly Transfer[], options?: WriteOptions): Promise<void> {
    await Promise.all(batch.map((transfer) => this.#writeOne(transfer, options?.durable ? " durable" : "")));
  }

  async #writeOne(transfer: Transfer, durable: string): Promise<void> {
    const code = this.#record("write", `${transfer.offset}+${transfer.bytes.length}${durable}`);
    transfer.done = 0;
    transfer.error = code === undefined ? undefined : errnoAt(code, "write", transfer);
    if (code !== undefined) return;
    if (!this.hold) return await this.#inner.write([transfer]);
    await new Promise<void>((resolve) => this.held.push(new HeldWrite(this.#inner, transfer, resolve)));
  }

  datasync(file: IoFile): Promise<void> {
    return this.#run("datasync", file.path, "", () => this.#inner.datasync(file));
  }

  sync(file: IoFile): Promise<void> {
    return this.#run("sync", file.path, nameOf(file.path), () => this.#inner.sync(file));
  }

  truncate(file: IoFile, length: number): Promise<void> {
    return this.#run("truncate", file.path, `${length}`, () => this.#inner.truncate(file, length));
  }

  allocate(file: IoFile, length: number): Promise<void> {
    return this.#run("allocate", file.path, `${length}`, () => this.#inner.allocate(file, length));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run("rename", from, `${nameOf(from)} ${nameOf(to)}`, () => this.#inner.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#run("remove", path, nameOf(path), () => this.#inner.remove(path));
  }

  makeDirectory(path: string): Promise<void> {
    return this.#run("makeDirectory", path, nameOf(path), () => this.#inner.makeDirectory(path));
  }

  async list(path: string): Promise<string[]> {
    return await this.#inner.list(path);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#run("syncDirectory", path, "", () => this.#inner.syncDirectory(path));
  }

  resolve(path: string): Promise<string> {
    return this.#inner.resolve(path);
  }

  lock(directory: string): Promise<PathLock> {
    return this.#inner.lock(directory);
  }

  support(directory: string, request: SupportRequest): Promise<DirectSupport> {
    return this.#inner.support(directory, request);
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}

/** Lets every promise that can settle do so: none here stands behind more than a few others. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function errnoAt(code: string, operation: string, { file, offset }: Transfer): IoError {
  return new IoError({ code, operation, path: file.path, offset });
}
