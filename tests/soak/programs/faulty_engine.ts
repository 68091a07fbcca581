/** An engine that fails, or dies, at an operation that a program chose. */

import type { IoEngine, IoFile, OpenOptions, Transfer, WriteOptions } from "../../../src/io/engine.ts";
import { errno, HookedEngine, type Operation } from "../../store/hooked_engine.ts";

const blockBytes = 4096;

/** What fails, and when. */
export interface Fault {
  /** The error, or `"kill"`: nothing that is begun from then on happens. */
  readonly code: string;
  /** Names of operations, with `|` between them. */
  readonly operations: string;
  /** How many of them go well before. */
  readonly after: number;
  /** How many of them fail. */
  readonly times: number;
  /** How many blocks of a write that fails arrive all the same. */
  readonly torn: number;
}

/** An operation that failed on purpose. */
export interface Fired {
  readonly code: string;
  readonly operation: Operation;
}

/** See the top of the file. */
export class FaultyEngine extends HookedEngine {
  /** What failed on purpose since this was emptied. */
  readonly fired: Fired[] = [];
  /** How much failed on purpose so far. */
  failures = 0;
  /** What was begun while nobody had any business here. */
  readonly late: string[] = [];
  /** Whether nobody has any business here. */
  isResting = false;
  /** Called when it dies. */
  onDeath: () => void = () => {};
  readonly #disk: IoEngine;
  #fault: Fault | undefined;
  #seen = 0;
  #isDead = false;

  /** Stands in front of another engine, which somebody else shuts down. */
  constructor(disk: IoEngine) {
    super(disk);
    this.#disk = disk;
    this.hook = (operation, path) => operation === "close" ? undefined : this.#ask(operation, path);
  }

  /** Whether it died. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Has something fail from now on, instead of what was to fail. */
  fail(fault: Fault): void {
    this.#fault = fault;
    this.#seen = 0;
  }

  /** Has nothing fail any more, and comes back to life. */
  calm(): void {
    this.#fault = undefined;
    this.#isDead = false;
  }

  #ask(operation: Operation, path: string): void {
    if (this.isResting) this.late.push(`${operation} ${path}`);
    if (this.#isDead) throw errno("EIO", operation, path);
    const fault = this.#fault;
    if (fault === undefined || !fault.operations.split("|").includes(operation)) return;
    const nth = this.#seen++;
    if (nth < fault.after || nth >= fault.after + fault.times) return;
    this.fired.push({ code: fault.code, operation });
    this.failures++;
    if (fault.code !== "kill") throw errno(fault.code, operation, path);
    this.#isDead = true;
    this.onDeath();
    throw errno("EIO", operation, path);
  }

  override open(path: string, options: OpenOptions): Promise<IoFile> {
    return Promise.try(() => {
      const isForRoom = this.#fault?.code === "ENOSPC" || this.#fault?.code === "EDQUOT";
      if (options.access === "read" && (this.#isDead || !isForRoom)) this.#ask("open", path);
      return super.open(path, options);
    });
  }

  /** A file is closed even if the system says that closing failed. */
  override async close(file: IoFile): Promise<void> {
    await super.close(file);
    if (!this.#isDead) this.#ask("close", file.path);
  }

  override async write(batch: readonly Transfer[], options?: WriteOptions): Promise<void> {
    const torn = this.#fault?.torn ?? 0;
    const wasDead = this.#isDead;
    await super.write(batch, options);
    if (wasDead || torn === 0) return;
    for (const { file, offset, bytes, error } of batch) {
      if (error === undefined) continue;
      const part = bytes.subarray(0, Math.min(torn * blockBytes, bytes.length - bytes.length % blockBytes));
      if (part.length === 0) continue;
      await this.#disk.write([{ file, offset, bytes: part, done: 0, error: undefined }]);
    }
  }
}
