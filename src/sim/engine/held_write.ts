/**
 * A write that waits for the test.
 *
 * ```
 *   not started ──start()──► in progress ──finish()──► done
 *        │                        │ half of its bytes are in the file
 *        └────────fail(code)──────┴──────────► failed
 * ```
 *
 * The second half is taken from memory when the write finishes: memory that changed or was given up while it was in
 * flight shows as wrong bytes in the file.
 *
 * @module
 */

import { assert, blockBytes, IoError } from "../../base/mod.ts";
import type { Transfer } from "../../io/mod.ts";

/** Puts bytes at an offset of the file, durably or not. */
export type PutBytes = (offset: number, bytes: Uint8Array, durable: boolean) => void;

/** See the top of the file. */
export class HeldWrite {
  /** The write. */
  readonly transfer: Transfer;
  /** How far it is. */
  state: "not started" | "in progress" | "done" = "not started";
  readonly #durable: boolean;
  readonly #put: PutBytes;
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  #first = new Uint8Array(0);

  /** Holds a transfer whose bytes `put` brings into the file. */
  constructor(transfer: Transfer, durable: boolean, put: PutBytes) {
    this.transfer = transfer;
    this.#durable = durable;
    this.#put = put;
  }

  /** Resolves when it has ended, however it has. */
  get ended(): Promise<void> {
    return this.#ended.promise;
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
    this.#first = this.transfer.bytes.slice(0, Math.ceil(this.length / blockBytes / 2) * blockBytes);
    this.#put(this.offset, this.#first, false);
    await drain();
  }

  /** Writes the rest and lets the engine's caller know. */
  async finish(): Promise<void> {
    assert(this.state !== "done", "a write ends once");
    const half = this.#first.length;
    if (this.#durable) this.#put(this.offset, this.#first, true);
    this.#put(this.offset + half, this.transfer.bytes.subarray(half), this.#durable);
    this.transfer.done = this.length;
    await this.#end();
  }

  /** Ends the write with an error. */
  async fail(code: string): Promise<void> {
    assert(this.state !== "done", "a write ends once");
    const { file: { path }, offset } = this.transfer;
    this.transfer.error = new IoError({ code, operation: "write", path, offset });
    await this.#end();
  }

  async #end(): Promise<void> {
    this.state = "done";
    this.#ended.resolve();
    await drain();
  }
}

/** Lets every promise that can settle do so: none in an engine stands behind more than a few others. */
export async function drain(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}
