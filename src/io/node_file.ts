/**
 * One file of the engine `node`: up to four descriptors of it.
 *
 * ```
 *   transfers ──► the descriptor with the fewest in flight ──► the runtime serves each descriptor in turn
 * ```
 *
 * A further descriptor is opened by path, so that the file may have been renamed or replaced meanwhile: it is used
 * only if it is the same inode.
 *
 * @module
 */

import { type BigIntStats, closeSync, constants, fstatSync, open, openSync, read, write } from "node:fs";
import { blockBytes, IoError } from "../base/mod.ts";
import type { IoFile, OpenOptions } from "./engine.ts";
import { classify } from "./errno.ts";

const maxDescriptors = 4;

interface Descriptor {
  readonly fd: number;
  inFlight: number;
}

/** A file of `node:fs`. */
export class NodeFile implements IoFile {
  /** The path it was opened with. */
  readonly path: string;
  /** Whether its transfers bypass the page cache. */
  readonly direct: boolean;
  readonly #flags: number;
  readonly #descriptors: Descriptor[];
  #mayGrow = true;

  private constructor(path: string, options: OpenOptions, fd: number) {
    this.path = path;
    this.direct = options.direct;
    this.#flags = openFlags({ ...options, create: false });
    this.#descriptors = [{ fd, inFlight: 0 }];
  }

  /**
   * Opens a file. Symbolic links are not followed at the last name, and a pipe that stands where a file should be does
   * not block.
   *
   * @throws {IoError} If the system refuses, `EINVAL` where it has no direct IO.
   */
  static async open(path: string, options: OpenOptions): Promise<NodeFile> {
    const attempt = { operation: options.create ? "create" : "open", path };
    if (options.direct && !constants.O_DIRECT || path.includes("\0")) {
      throw new IoError({ code: "EINVAL", ...attempt });
    }
    try {
      return new NodeFile(path, options, await openDescriptor(path, openFlags(options)));
    } catch (error) {
      throw classify(error, attempt);
    }
  }

  /** The first descriptor, which is open as long as the file is. */
  get fd(): number {
    return this.#descriptors[0].fd;
  }

  /** Reads once at `offset`; resolves to the count of bytes. */
  async read(bytes: Uint8Array, offset: number): Promise<number> {
    const attempt = { operation: "read", path: this.path, offset };
    for (;;) {
      try {
        return await this.#withDescriptor((fd) => readOnce(fd, bytes, offset));
      } catch (error) {
        const failure = classify(error, attempt);
        if (codeOf(failure) !== "EINTR") throw failure;
      }
    }
  }

  /**
   * Writes once at `offset`; resolves to the count of bytes.
   *
   * The runtime itself goes on after a short write, from wherever it ended; on a direct file that may be within a
   * block, which the kernel refuses. Whole blocks are then written one by one, so that either they all succeed or
   * the true error appears.
   */
  async write(bytes: Uint8Array, offset: number): Promise<number> {
    try {
      return await this.#writeOnce(bytes, offset);
    } catch (error) {
      if (codeOf(error) !== "EINVAL" || !this.direct || bytes.length <= blockBytes) throw error;
      return await this.#writeOnce(bytes.subarray(0, blockBytes), offset);
    }
  }

  /** Closes every descriptor. */
  close(): void {
    for (const { fd } of this.#descriptors) closeSync(fd);
  }

  async #writeOnce(bytes: Uint8Array, offset: number): Promise<number> {
    const attempt = { operation: "write", path: this.path, offset };
    for (;;) {
      try {
        return await this.#withDescriptor((fd) => writeOnce(fd, bytes, offset));
      } catch (error) {
        const failure = classify(error, attempt);
        if (codeOf(failure) !== "EINTR") throw failure;
      }
    }
  }

  async #withDescriptor(call: (fd: number) => Promise<number>): Promise<number> {
    const descriptor = this.#leastBusy();
    descriptor.inFlight++;
    try {
      return await call(descriptor.fd);
    } finally {
      descriptor.inFlight--;
    }
  }

  #leastBusy(): Descriptor {
    let least = this.#descriptors[0];
    for (const each of this.#descriptors) if (each.inFlight < least.inFlight) least = each;
    return least.inFlight > 0 && this.#mayGrow ? this.#grow() ?? least : least;
  }

  #grow(): Descriptor | undefined {
    const fd = this.#reopen();
    this.#mayGrow = fd !== undefined && this.#descriptors.length + 1 < maxDescriptors;
    if (fd === undefined) return undefined;
    const descriptor = { fd, inFlight: 0 };
    this.#descriptors.push(descriptor);
    return descriptor;
  }

  /** Opens the path again, if it still leads to this file; otherwise the descriptors there are must do. */
  #reopen(): number | undefined {
    let fd: number;
    try {
      fd = openSync(this.path, this.#flags);
    } catch {
      return undefined;
    }
    if (isSameFile(fd, this.fd)) return fd;
    closeSync(fd);
    return undefined;
  }
}

function isSameFile(a: number, b: number): boolean {
  const [first, second]: BigIntStats[] = [fstatSync(a, { bigint: true }), fstatSync(b, { bigint: true })];
  return first.ino === second.ino && first.dev === second.dev;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof IoError ? error.code : undefined;
}

/** Systems that lack a flag define no constant for it. */
function openFlags(options: OpenOptions): number {
  return (options.access === "write" ? constants.O_RDWR : constants.O_RDONLY) |
    (options.create ? constants.O_CREAT | constants.O_EXCL : 0) |
    (options.direct ? constants.O_DIRECT : 0) |
    (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
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
