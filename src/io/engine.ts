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

/** The names of the engines. */
export type EngineName = "uring" | "threads" | "node" | "sim";

/** How a file is opened. */
export interface OpenOptions {
  /** `"read"`, or `"write"` for reading and writing. */
  access: "read" | "write";
  /** Whether the page cache is bypassed (O_DIRECT). */
  direct: boolean;
  /** Whether the file must not exist and is made, with mode 0600. Needs `access: "write"`. */
  create?: boolean;
  /**
   * Whether a write is durable when it is done (O_DSYNC): its bytes, and the length of the file. It says nothing of
   * writes through other openings of the file. Where the system has no such files, opening rejects with `EINVAL`.
   */
  durable?: boolean;
}

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

/** An operating system's files, as the engine needs them. Every rejection is an `IoError` or a Deno permission error. */
export interface IoEngine {
  /** Its name. */
  readonly name: EngineName;

  /**
   * Takes memory whose address is a multiple of 4096, from which the engine can transfer directly.
   *
   * @param byteLength A multiple of 4096.
   */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer>;

  /** Opens a file. Rejects with `EINVAL` where the file system refuses direct IO. */
  open(path: string, options: OpenOptions): Promise<IoFile>;
  /** Closes a file, on which nothing may be in flight. */
  close(file: IoFile): Promise<void>;
  /** Its length in bytes. */
  size(file: IoFile): Promise<number>;

  /**
   * The first offset at or after `offset` where the file may hold anything but zeros that were never written; its
   * length if there is none. An engine that cannot tell lacks it.
   */
  nextData?(file: IoFile, offset: number): Promise<number>;

  /** Reads a batch; resolves when the last of it is done. Failures are in each transfer's `error`; it never rejects. */
  read(batch: readonly Transfer[]): Promise<void>;
  /** Writes a batch; resolves when the last of it is done. Failures are in each transfer's `error`; it never rejects. */
  write(batch: readonly Transfer[]): Promise<void>;

  /** Makes the file's contents and length durable (`fdatasync`). */
  datasync(file: IoFile): Promise<void>;
  /** Makes the file durable with all its metadata (`fsync`). */
  sync(file: IoFile): Promise<void>;
  /** Sets the length of the file in bytes. */
  truncate(file: IoFile, length: number): Promise<void>;
  /**
   * Reserves room for `length` bytes from the start of the file and extends it to that length, so that later writes
   * within it do not extend the file. Where the system cannot reserve, the file is only extended.
   */
  allocate(file: IoFile, length: number): Promise<void>;

  /** Renames a file, replacing what stands at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
  /** Makes a directory with mode 0700, with its parents; one that exists is left as it is. */
  makeDirectory(path: string): Promise<void>;
  /** The names in a directory, in no order. */
  list(path: string): Promise<string[]>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;

  /** Waits for everything in flight and gives up what the engine holds. Calls after it reject. */
  shutdown(): Promise<void>;
}
