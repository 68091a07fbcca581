/**
 * The seam between an engine of the operating system and what moves its bytes: a ring, threads, `node:fs`.
 *
 * @module
 */

import type { Answers } from "../../base/mod.ts";
import type { IoFile, Transfer } from "../engine.ts";
import type { TransferOperation } from "../transfer/transfer.ts";

/** What moves the bytes of an engine. What it throws may be any error of the system's. */
export interface Transport<File extends IoFile> {
  /**
   * Carries out a batch, which is not empty, of transfers of open files, which are not empty either; calls `done` when
   * the last of it is. It does not throw.
   */
  transfer(
    operation: TransferOperation,
    batch: readonly Transfer[],
    durable: boolean,
    done: () => void,
  ): void;
  /** Makes contents and length of a file durable. */
  datasync(file: File): Promise<void>;
  /** Makes a file durable with all its metadata. */
  sync(file: File): Promise<void>;
  /** Reserves room, and extends the file; missing, or `EOPNOTSUPP` or `ENOSYS`, where no room can be reserved. */
  allocate?(file: File, length: number): Promise<void>;
  /** See {@linkcode IoEngine.isLost}. */
  readonly isLost?: boolean;
  /** See {@linkcode IoEngine.answers}. */
  readonly answers?: Answers;
  /** Gives up what it holds; nothing is in flight. */
  stop?(): Promise<void>;
}
