/**
 * One file of the engine `node`: opening it, and single reads and writes of it.
 *
 * @module
 */

import { closeSync, constants, fstatSync, open, read, write } from "node:fs";
import { blockBytes, IoError } from "../../base/mod.ts";
import { type DescriptorBudget, DescriptorPool } from "./descriptor_pool.ts";
import type { IoFile, OpenOptions } from "../engine.ts";
import { type Attempt, classify } from "../posix/errno.ts";
import { irregularCode, irregularCodeAt } from "../posix/regular_file.ts";

/** A file of `node:fs`. */
export class NodeFile implements IoFile {
  /** The path it was opened with. */
  readonly path: string;
  /** Whether its transfers bypass the page cache. */
  readonly direct: boolean;
  readonly #descriptors: DescriptorPool;

  private constructor(path: string, direct: boolean, descriptors: DescriptorPool) {
    this.path = path;
    this.direct = direct;
    this.#descriptors = descriptors;
  }

  /**
   * Opens a regular file. Symbolic links are not followed at the last name, and a pipe that stands where a file should
   * be does not block.
   *
   * @throws {IoError} If it is no regular file; with `EINVAL` where the system has no direct IO.
   */
  static async open(path: string, options: OpenOptions, budget: DescriptorBudget): Promise<NodeFile> {
    const attempt = { operation: options.create ? "create" : "open", path };
    if (options.direct && !constants.O_DIRECT || path.includes("\0")) {
      throw new IoError({ code: "EINVAL", ...attempt });
    }
    const fd = await openRegular(path, options);
    const again = openFlags({ ...options, create: false });
    return new NodeFile(path, options.direct, new DescriptorPool(fd, path, again, budget));
  }

  /** A descriptor that is open as long as the file is. */
  get fd(): number {
    return this.#descriptors.first;
  }

  /** Reads once at `offset`; resolves to the count of bytes. */
  read(bytes: Uint8Array, offset: number): Promise<number> {
    return this.#call("read", offset, (fd) => readOnce(fd, bytes, offset));
  }

  /** Writes at `offset`; resolves to the count of bytes. */
  write(bytes: Uint8Array, offset: number): Promise<number> {
    const write = (part: Uint8Array) => this.#call("write", offset, (fd) => writeOnce(fd, part, offset));
    return this.direct ? writeBlocks(bytes, write) : write(bytes);
  }

  /** Closes it. */
  close(): void {
    this.#descriptors.close();
  }

  #call(operation: string, offset: number, call: (fd: number) => Promise<number>): Promise<number> {
    const attempt = { operation, path: this.path, offset };
    return untilUninterrupted(attempt, () => this.#descriptors.lend(call));
  }
}

/**
 * Writes to a direct file.
 *
 * The runtime itself goes on after a short write, from wherever it ended. That may be within a block, which the kernel
 * refuses. Whole blocks are then written one by one, so that either they all succeed or the true error appears.
 *
 * @param bytes What to write.
 * @param write Writes once, from the same offset.
 * @returns The count of bytes, which is that of the first block after such a refusal.
 */
export async function writeBlocks(
  bytes: Uint8Array,
  write: (part: Uint8Array) => Promise<number>,
): Promise<number> {
  try {
    return await write(bytes);
  } catch (error) {
    if (!isCode(error, "EINVAL") || bytes.length <= blockBytes) throw error;
    return await write(bytes.subarray(0, blockBytes));
  }
}

/** Calls again when a signal interrupts, and classifies every other error. */
export async function untilUninterrupted(attempt: Attempt, call: () => Promise<number>): Promise<number> {
  for (;;) {
    try {
      return await call();
    } catch (cause) {
      const error = classify(cause, attempt);
      if (!isCode(error, "EINTR")) throw error;
    }
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof IoError && error.code === code;
}

/** Systems that lack a flag define no constant for it. */
function openFlags(options: OpenOptions): number {
  return (options.access === "write" ? constants.O_RDWR : constants.O_RDONLY) |
    (options.create ? constants.O_CREAT | constants.O_EXCL : 0) |
    (options.direct ? constants.O_DIRECT : 0) |
    (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
}

async function openRegular(path: string, options: OpenOptions): Promise<number> {
  let fd: number;
  try {
    fd = await openDescriptor(path, openFlags(options));
  } catch (cause) {
    const error = classify(cause, { operation: "open", path });
    const code = isCode(error, "EINVAL") ? irregularCodeAt(path) : undefined;
    throw code === undefined ? cause : new IoError({ code, operation: "open", path });
  }
  const status = fstatSync(fd);
  const code = irregularCode({ isFile: status.isFile(), isDirectory: status.isDirectory() });
  if (code === undefined) return fd;
  closeSync(fd);
  throw new IoError({ code, operation: "open", path });
}

function openDescriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, 0o600, (error, fd) => error ? reject(error) : resolve(fd));
  });
}

function readOnce(fd: number, bytes: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, bytes, 0, bytes.length, offset, (error, count) => error ? reject(error) : resolve(count));
  });
}

function writeOnce(fd: number, bytes: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, offset, (error, count) => error ? reject(error) : resolve(count));
  });
}
