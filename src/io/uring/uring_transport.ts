/**
 * Bytes through a ring: transfers, syncs and reservations, each as entries of one {@linkcode UringQueue}.
 *
 * @module
 */

import { IoError } from "../../base/mod.ts";
import type { IoFile, Transfer } from "../engine.ts";
import type { LibcFile } from "../posix/libc_file.ts";
import type { LibcFiles } from "../posix/libc_files.ts";
import type { Transport } from "../posix/system_engine.ts";
import { uringDatasync, uringDurableWrite, uringOpcode } from "./uring_abi.ts";
import { UringQueue } from "./uring_queue.ts";
import type { UringRing } from "./uring_ring.ts";

/** What moves the bytes of the engine `uring`. */
export class UringTransport implements Transport<LibcFile> {
  readonly #files: LibcFiles;
  readonly #queue: UringQueue;

  /** Makes a transport that owns `ring` and keeps at most `depth` transfers in flight. */
  constructor(files: LibcFiles, ring: UringRing, depth: number) {
    this.#files = files;
    this.#queue = new UringQueue(files.libc, ring, depth, (file) => files.own(file));
  }

  /** See {@linkcode Transport.isLost}. */
  get isLost(): boolean {
    return this.#queue.isLost;
  }

  /** See {@linkcode Transport.read}. */
  read(transfers: readonly Transfer[], finish: () => void): void {
    this.#submit(uringOpcode.read, 0, "read", transfers, finish);
  }

  /** See {@linkcode Transport.write}. */
  write(transfers: readonly Transfer[], durable: boolean, finish: () => void): void {
    this.#submit(uringOpcode.write, durable ? uringDurableWrite : 0, "write", transfers, finish);
  }

  /** See {@linkcode Transport.datasync}. */
  datasync(file: LibcFile): Promise<void> {
    return this.#perform(uringOpcode.fsync, uringDatasync, "datasync", file, 0);
  }

  /** See {@linkcode Transport.sync}. */
  sync(file: LibcFile): Promise<void> {
    return this.#perform(uringOpcode.fsync, 0, "sync", file, 0);
  }

  /** See {@linkcode Transport.allocate}. */
  async allocate(file: LibcFile, length: number): Promise<void> {
    try {
      await this.#perform(uringOpcode.fallocate, 0, "allocate", file, length);
    } catch (error) {
      if (!cannotReserve(error)) throw error;
      await this.#files.extend(file, length);
    }
  }

  /** See {@linkcode Transport.close}. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  #submit(
    opcode: number,
    opFlags: number,
    operation: string,
    transfers: readonly Transfer[],
    finish: () => void,
  ): void {
    const left = transfers.length;
    this.#queue.submit({ opcode, opFlags, operation, transfers, finish, next: 0, left });
  }

  /** Performs an operation that transfers no bytes, whose length is told as an offset. */
  async #perform(
    opcode: number,
    opFlags: number,
    operation: string,
    file: IoFile,
    length: number,
  ): Promise<void> {
    const bytes = new Uint8Array();
    const transfer: Transfer = { file, offset: length, bytes, done: 0, error: undefined };
    await new Promise<void>((finish) => this.#submit(opcode, opFlags, operation, [transfer], finish));
    if (transfer.error !== undefined) throw transfer.error;
  }
}

/** Whether the file system has no way to reserve room. */
function cannotReserve(error: unknown): boolean {
  return error instanceof IoError && (error.code === "EOPNOTSUPP" || error.code === "ENOSYS");
}
