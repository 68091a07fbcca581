/**
 * Files opened by the C library, for engines that need their descriptor.
 *
 * FFI goes around the runtime's permissions, so that they are asked here first, without ever prompting.
 *
 * @module
 */

import { IoError } from "../../base/mod.ts";
import type { IoFile, OpenOptions } from "../engine.ts";
import { type Attempt, errnoError } from "./errno.ts";
import type { LibcCalls } from "./libc.ts";
import { irregularCode, irregularCodeAt } from "./regular_file.ts";
import { statxKind } from "./statx.ts";

const arm = Deno.build.arch === "aarch64";
const flags = {
  readWrite: 0x2,
  create: 0x40,
  exclusive: 0x80,
  nonBlocking: 0x800,
  direct: arm ? 0x10000 : 0x4000,
  noFollow: arm ? 0x8000 : 0x20000,
  closeOnExec: 0x80000,
};
const errnoInterrupted = 4;
const errnoNoData = 6;
const errnoInvalid = 22;
const seekEnd = 2;
const seekData = 3;
const setStatusFlags = 4;
const encoder = new TextEncoder();

/** A file of the C library. */
export class LibcFile implements IoFile {
  /** The path it was opened with. */
  readonly path: string;
  /** Whether its transfers bypass the page cache. */
  readonly direct: boolean;
  /** Its descriptor, or −1 once it is closed. */
  fd: number;

  /** Names an open descriptor. */
  constructor(path: string, direct: boolean, fd: number) {
    this.path = path;
    this.direct = direct;
    this.fd = fd;
  }
}

/**
 * Opens a regular file. Symbolic links are not followed at the last name, children do not inherit it, and a pipe that
 * stands where a file should be does not block.
 *
 * @throws {Deno.errors.NotCapable} If reading, or for writing also writing, `path` is not granted.
 * @throws {IoError} If the system refuses, or it is no regular file.
 */
export function openLibcFile(libc: LibcCalls, path: string, options: OpenOptions): LibcFile {
  const attempt = { operation: options.create ? "create" : "open", path };
  if (path.includes("\0")) throw new IoError({ code: "EINVAL", ...attempt });
  requireAccess(path, options.access);
  const name = encoder.encode(`${path}\0`);
  for (;;) {
    const fd = libc.symbols.open(name, openFlags(options), 0o600);
    if (fd >= 0) return opened(libc, path, options, fd);
    const errno = libc.errno();
    const code = errno === errnoInvalid ? irregularCodeAt(path) : undefined;
    if (code !== undefined) throw new IoError({ code, ...attempt });
    if (errno !== errnoInterrupted) throw errnoError(errno, attempt);
  }
}

function opened(libc: LibcCalls, path: string, options: OpenOptions, fd: number): LibcFile {
  const kind = statxKind(libc, fd);
  const code = kind === undefined ? irregularCodeAt(path) : irregularCode(kind);
  if (code !== undefined) {
    libc.symbols.close(fd);
    throw new IoError({ code, operation: "open", path });
  }
  // io_uring takes a file that does not block for one whose transfers never do, so that only the opening may not.
  libc.symbols.fcntl(fd, setStatusFlags, options.direct ? flags.direct : 0);
  return new LibcFile(path, options.direct, fd);
}

/**
 * Closes a file. An error is not reported: Linux has released the descriptor all the same, and durability is the
 * business of a sync.
 */
export function closeLibcFile(libc: LibcCalls, file: LibcFile): void {
  const fd = file.fd;
  file.fd = -1;
  if (fd >= 0) libc.symbols.close(fd);
}

/** The length of an open file in bytes. */
export function libcFileSize(libc: LibcCalls, file: LibcFile): number {
  const size = Number(libc.symbols.lseek(file.fd, 0n, seekEnd));
  if (size < 0) throw errnoError(libc.errno(), attemptOn(file, "measure"));
  return size;
}

/** The first offset at or after `offset` that holds data; the file's length if there is none (SEEK_DATA). */
export function libcNextData(libc: LibcCalls, file: LibcFile, offset: number): number {
  const found = Number(libc.symbols.lseek(file.fd, BigInt(offset), seekData));
  if (found >= 0) return found;
  const errno = libc.errno();
  if (errno === errnoNoData) return libcFileSize(libc, file);
  // A file system that cannot tell has data everywhere.
  if (errno === errnoInvalid) return Math.min(offset, libcFileSize(libc, file));
  throw errnoError(errno, attemptOn(file, "measure", offset));
}

/** Names an operation on `file`. */
export function attemptOn(file: IoFile, operation: string, offset?: number): Attempt {
  return { operation, path: file.path, offset };
}

function openFlags(options: OpenOptions): number {
  return flags.closeOnExec | flags.noFollow | flags.nonBlocking |
    (options.access === "write" ? flags.readWrite : 0) |
    (options.create ? flags.create | flags.exclusive : 0) |
    (options.direct ? flags.direct : 0);
}

function requireAccess(path: string, access: "read" | "write"): void {
  requireGrant("read", path);
  if (access === "write") requireGrant("write", path);
}

function requireGrant(name: "read" | "write", path: string): void {
  if (Deno.permissions.querySync({ name, path }).state === "granted") return;
  throw new Deno.errors.NotCapable(
    `Requires ${name} access to "${path}", run again with the --allow-${name} flag`,
  );
}
