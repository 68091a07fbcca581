/**
 * Transfers of a simulated engine: each is an operation of its own, which may come back short, damaged or not at all.
 *
 * @module
 */

import { blockBytes } from "../../base/mod.ts";
import type { DirectAlignment, IoFile, Transfer } from "../../io/mod.ts";
import type { Asked } from "../disk/asked.ts";
import type { SimDisk } from "../disk/sim_disk.ts";
import type { Calls } from "./calls.ts";
import type { Fault } from "./faults.ts";
import { HeldWrite, type PutBytes } from "./held_write.ts";
import { readWithFault } from "./read_with_fault.ts";
import { checkTransfer, type SimFile } from "./sim_file.ts";

/** See the top of the file. */
export class SimTransfers {
  /** Whether writes wait for the test. */
  hold = false;
  /** Writes that wait or waited for the test. */
  readonly held: HeldWrite[] = [];
  readonly #disk: SimDisk;
  readonly #calls: Calls;
  readonly #alignment: DirectAlignment;
  readonly #own: (file: IoFile) => SimFile;

  /** Moves bytes of files that `own` knows. */
  constructor(disk: SimDisk, calls: Calls, alignment: DirectAlignment, own: (file: IoFile) => SimFile) {
    this.#disk = disk;
    this.#calls = calls;
    this.#alignment = alignment;
    this.#own = own;
  }

  /** Reads a batch. */
  async read(batch: readonly Transfer[]): Promise<void> {
    await Promise.all(batch.map((transfer) => {
      return this.#attempt(transfer, "read", (file) => this.#readOne(file, transfer));
    }));
  }

  /** Writes a batch. */
  async write(batch: readonly Transfer[], durable: boolean): Promise<void> {
    await Promise.all(batch.map((transfer) => {
      return this.#attempt(transfer, "write", (file) => this.#writeOne(file, transfer, durable));
    }));
  }

  /** Does a transfer whose failure is in its `error`. */
  async #attempt(
    transfer: Transfer,
    operation: "read" | "write",
    work: (file: SimFile) => Promise<void>,
  ): Promise<void> {
    transfer.done = 0;
    transfer.error = undefined;
    try {
      const file = this.#own(transfer.file);
      checkTransfer(file, operation, transfer, this.#alignment);
      await work(file);
    } catch (error) {
      transfer.error = error as Error;
    }
  }

  #readOne({ path, inode, direct }: SimFile, transfer: Transfer): Promise<void> {
    const { offset, bytes } = transfer;
    return this.#calls.pass("read", path, `${offset}+${bytes.length}`, undefined, async (fault) => {
      this.#calls.throwError(fault, "read", path, offset);
      const first = shortOf(fault, direct, bytes.length);
      if (first < bytes.length) {
        transfer.done = readWithFault(inode, offset, bytes.subarray(0, first), undefined);
        await this.#calls.park(`read ${path} ${offset + first}+${bytes.length - first}`);
      }
      transfer.done = readWithFault(inode, offset, bytes, fault);
    });
  }

  #writeOne(file: SimFile, transfer: Transfer, durable: boolean): Promise<void> {
    const { offset, bytes } = transfer;
    const { path, inode } = file;
    const asked: Asked = { kind: "write", inode, offset, bytes, durable };
    const words = `${offset}+${bytes.length}${durable ? " durable" : ""}`;
    let held: HeldWrite | undefined;
    const wait = (fault: Fault | undefined) => {
      if (!this.hold || fault?.kind === "error") return this.#calls.park(`write ${path} ${words}`);
      const put: PutBytes = (at, part, durably) => this.#put(file, at, part, durably);
      held = new HeldWrite(transfer, durable, put);
      this.held.push(held);
      return held.ended;
    };
    return this.#calls.pass("write", path, words, asked, async (fault) => {
      if (held === undefined) await this.#writeUnheld(file, transfer, durable, fault);
      else if (transfer.error !== undefined) throw transfer.error;
    }, wait);
  }

  async #writeUnheld(
    file: SimFile,
    transfer: Transfer,
    durable: boolean,
    fault: Fault | undefined,
  ): Promise<void> {
    const { offset, bytes } = transfer;
    if (fault?.kind === "error") this.#put(file, offset, bytes.subarray(0, fault.arrived ?? 0), false);
    if (fault?.kind === "lost sync") {
      this.#put(file, offset, bytes, false);
      file.inode.drop(Infinity);
    }
    this.#calls.throwError(fault, "write", file.path, offset);
    const first = shortOf(fault, file.direct, bytes.length);
    if (first < bytes.length) {
      this.#put(file, offset, bytes.subarray(0, first), durable);
      transfer.done = first;
      await this.#calls.park(`write ${file.path} ${offset + first}+${bytes.length - first}`);
    }
    this.#put(file, offset + transfer.done, bytes.subarray(transfer.done), durable);
    transfer.done = bytes.length;
  }

  #put({ inode, path }: SimFile, offset: number, bytes: Uint8Array, durable: boolean): void {
    const asked: Asked = { kind: "write", inode, offset, bytes, durable };
    this.#disk.checkRoom(asked, path);
    this.#disk.apply(asked);
  }
}

/** How many bytes the first system call of a transfer moves. */
function shortOf(fault: Fault | undefined, direct: boolean, length: number): number {
  if (fault?.kind !== "short") return length;
  return Math.min(length, direct ? fault.bytes - fault.bytes % blockBytes : fault.bytes);
}
