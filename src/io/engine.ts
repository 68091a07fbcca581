/**
 * The engine interface: everything that the floors above ask of an operating system.
 *
 * ```
 *   caller ── transfers of one turn ──►  engine  ── one submission ──►  kernel
 *          ◄─ one wake-up per batch ───          ◄─ completions ──────
 * ```
 *
 * An engine is given to whatever needs IO; it is never a global. Any number of batches may be in flight at once,
 * on the same file or on others. Transfers of one batch, and batches in flight together, run in any order: whoever
 * needs an order awaits. While a transfer is in flight its memory belongs to the engine, and whoever issued it
 * keeps the file open.
 *
 * @module
 */

import type { Answers } from "../base/mod.ts";

/** The names of the engines. */
export type EngineName = "uring" | "threads" | "node" | "sim";

/** How a file is opened. */
export interface OpenOptions {
  /** `"read"`, or `"write"` for reading and writing. */
  access: "read" | "write";
  /** Whether the page cache is bypassed (O_DIRECT). */
  direct: boolean;
  /** Whether the file must not exist and is made, with mode 0600. Needs `access: "write"`. */
  create?: boolean | undefined;
}

/** How a batch is written. */
export interface WriteOptions {
  /**
   * Whether its bytes, and the length of the file where they extend it, are durable when a transfer is done. It says
   * nothing of bytes that other writes brought. A sync that fails fails the transfers of its file.
   */
  durable?: boolean | undefined;
}

/** What direct transfers must be aligned to, in bytes; 1 where anything will do, 0 where there are none. */
export interface DirectAlignment {
  /** Of the address of the memory. */
  memory: number;
  /** Of the offset and the length, of reads and of writes. */
  offset: number;
}

/** What is asked of direct IO in a directory. */
export interface SupportRequest {
  /** Whether direct writes are wanted too. */
  write: boolean;
  /** Whether nothing may be written, not even a file to try with. */
  readOnly: boolean;
}

/** What direct IO can do in a directory. */
export interface DirectSupport {
  /** Whether direct reads work. */
  readonly read: boolean;
  /** Whether direct writes work, if they were wanted. */
  readonly write: boolean;
  /** What direct transfers need in bytes: 4096 where the system does not say, 1 where there are none. */
  readonly alignment: Readonly<DirectAlignment>;
  /** What could not be had or not be proven, and why. */
  readonly notes: readonly string[];
}

/** What another thread of the process needs to go along with a lock; it can be sent to it. */
export interface LockTicket {
  /** The number of what is locked in its file system. */
  readonly ino: number;
  /** The device that it is on. */
  readonly dev: number;
  /** The descriptor through which names are found in it, if that is how they are found; open as long as the lock is. */
  readonly descriptor?: number | undefined;
}

/** A lock on a directory or a file. It ends with the process at the latest, however that ends. */
export interface PathLock {
  /** What an engine of another thread goes along with; none if no other thread can. */
  readonly ticket?: LockTicket | undefined;
  /** Whether what is named under the path of a directory is found in it wherever it was moved to; see `lock`. */
  readonly follows: boolean;
  /** Whether the path that was locked still leads to what is locked; `false` after the release. */
  holds(): Promise<boolean>;
  /** Gives it up. Doing so again does nothing. */
  release(): Promise<void>;
}

/** Whether others may hold a lease at the same time. */
export type LeaseKind = "shared" | "alone";

/** An open file. Its members other than these belong to the engine that opened it. */
export interface IoFile {
  /** The path it was opened with. */
  readonly path: string;
  /** Whether its transfers bypass the page cache. */
  readonly direct: boolean;
}

/**
 * One read or write of a batch.
 *
 * On a direct file, `offset`, `bytes.length` and the address of `bytes` are multiples of the alignment.
 */
export interface Transfer {
  /** The file. */
  file: IoFile;
  /** Where in the file, in bytes. */
  offset: number;
  /** The memory that is read into or written from; its length is the length of the transfer. */
  bytes: Uint8Array;
  /**
   * Set by the engine: the bytes that were transferred. Short transfers are continued, so that a read is shorter
   * than `bytes` at the end of the file only, and a write that did not fail is whole.
   */
  done: number;
  /** Set by the engine: why this transfer failed, or `undefined`. */
  error: Error | undefined;
}

/**
 * An operating system's files. Every rejection is an `IoError` with the operation and the path, except that what is not
 * granted is a `Deno.errors.NotCapable`, and use of what is closed a `Deno.errors.BadResource`.
 */
export interface IoEngine {
  /** Its name. */
  readonly name: EngineName;

  /**
   * Whether the engine failed as a whole, so that the system may still use memory of transfers that have failed: it
   * must not be used again.
   */
  readonly isLost?: boolean | undefined;

  /**
   * Answers of the system that are there before the event loop is told of them: a thread that waits for them needs a
   * processor first. Missing where the event loop is all there is to learn of them.
   */
  readonly answers?: Answers | undefined;

  /**
   * Takes memory whose address is a multiple of 4096, from which the engine can transfer directly.
   *
   * @param byteLength A multiple of 4096.
   */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer>;

  /**
   * Gives the room that memory takes back to the system, where it can: afterwards it holds zeros, and takes room again as
   * it is written to. Nobody looks at it meanwhile. Missing where it never can.
   *
   * @returns Whether it did, which it never rejects for; `undefined` if it cannot any more.
   */
  discard?(memory: SharedArrayBuffer): Promise<boolean> | undefined;

  /**
   * Opens a regular file; at the last name links are not followed (`ELOOP`). Rejects with `EINVAL` where the file
   * system refuses direct IO, with `EISDIR` for a directory and with `ENXIO` for anything else that is no file.
   */
  open(path: string, options: OpenOptions): Promise<IoFile>;
  /** Closes a file, on which nothing may be in flight. */
  close(file: IoFile): Promise<void>;
  /** Its length in bytes. */
  size(file: IoFile): Promise<number>;

  /**
   * The first offset at or after `offset` where the file may hold anything but zeros that were never written; its
   * length if there is none. An engine that cannot tell answers `offset`.
   */
  nextData(file: IoFile, offset: number): Promise<number>;

  /** Reads a batch; resolves when the last of it is done. Failures are in each transfer's `error`; it never rejects. */
  read(batch: readonly Transfer[]): Promise<void>;
  /** Writes a batch; resolves when the last of it is done. Failures are in each transfer's `error`; it never rejects. */
  write(batch: readonly Transfer[], options?: WriteOptions): Promise<void>;

  /** Makes the file's contents and length durable (`fdatasync`). */
  datasync(file: IoFile): Promise<void>;
  /** Makes the file durable with all its metadata (`fsync`). */
  sync(file: IoFile): Promise<void>;
  /** Sets the length of the file in bytes. */
  truncate(file: IoFile, length: number): Promise<void>;
  /**
   * Reserves room for `length` bytes from the start of the file and extends it to that length, so that later writes
   * within it do not extend the file. Where the system cannot reserve, the file is only extended.
   *
   * @returns Whether the room is reserved.
   */
  allocate(file: IoFile, length: number): Promise<boolean>;

  /** Renames a file, replacing what stands at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a directory that is empty. */
  remove(path: string): Promise<void>;
  /**
   * Makes a directory with mode 0700, with its parents; one that exists is left as it is. When it resolves, every
   * name that it made, and the directory's own if it was there, is durable.
   */
  makeDirectory(path: string): Promise<void>;
  /** The names in a directory, in no order; a link that leads to one is not followed (`ENOTDIR`). */
  list(path: string): Promise<string[]>;
  /**
   * The permission bits of a file or directory, such as 0o600; `undefined` where the system has none. An engine that
   * cannot tell has no such member.
   */
  permissions?(path: string): Promise<number | undefined>;
  /**
   * How many bytes the file system of a directory has room for, as it says; `undefined` if it does not say. A quota may
   * leave less. An engine that cannot tell has no such member.
   */
  freeBytes?(path: string): Promise<number | undefined>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;

  /** The absolute path of what exists, links resolved. */
  resolve(path: string): Promise<string>;
  /**
   * Locks a directory or a file for this holder alone, without waiting. Of a directory, its file `lock` says which
   * process holds it; the lock is on the directory itself: whoever removes that file is not let in.
   *
   * As long as it is held, an engine on the C library finds and makes what is named under the path of the directory in
   * that directory, wherever it was moved to. Through other engines it is found by its path, and whoever moves the
   * directory between a look at `holds` and the operation has that happen in what stands there then.
   *
   * Rejects with a `LockedError` if it is locked, by this process or another.
   */
  lock(path: string): Promise<PathLock>;
  /**
   * Goes along with a lock that another thread of this process holds, and goes on holding: names are found in what is
   * locked as they are there. An engine that cannot has no such member.
   *
   * Rejects with `ESTALE` if the ticket is of another directory than that which it leads to.
   *
   * @param path The path that was locked.
   * @param ticket That of the lock.
   * @returns Tells whether the path still leads there. Its release leaves the lock as it is.
   */
  join?(path: string, ticket: LockTicket): Promise<PathLock>;
  /**
   * Locks a directory or a file without waiting, and without a word of who holds it: together with any number of others
   * that share it, or alone.
   *
   * Rejects with a `LockedError` if somebody holds it alone, or holds it at all and it is not to be shared.
   */
  lease(path: string, kind: LeaseKind): Promise<PathLock>;
  /**
   * Proves by transfers what direct IO can do in an existing directory. That it is refused is an answer and no error;
   * a full disk is no error either: the proof is then a read.
   */
  support(directory: string, request: SupportRequest): Promise<DirectSupport>;

  /** Waits for everything in flight and gives up what the engine holds. Calls after it reject. */
  shutdown(): Promise<void>;
}
