/**
 * The open files of an engine on the C library. It owns the library.
 *
 * FFI goes around the runtime's permissions, so that they are asked here first, without ever prompting.
 *
 * @module
 */

import { hasCode } from "../../base/mod.ts";
import type { DirectAlignment, IoFile, OpenOptions } from "../engine.ts";
import { alignedMemory } from "../memory/aligned_memory.ts";
import { type Attempt, attemptOn, errnoError } from "./errno.ts";
import { HeldDirectories } from "./held_directories.ts";
import { cString, discardPages, type LibcCalls } from "./libc.ts";
import type { FileKind, Files } from "./files.ts";
import { statxAlignment, statxKind } from "./statx.ts";

const arm = Deno.build.arch === "aarch64";

/** Flags of `open`; of what is opened `pathOnly`, nothing is read: it is only found. */
type OpenFlag =
  | "readWrite"
  | "create"
  | "exclusive"
  | "nonBlocking"
  | "direct"
  | "directory"
  | "noFollow"
  | "closeOnExec"
  | "pathOnly";

/** The flags of `open` by name; some have another number on each architecture. */
export const openFlag: Readonly<Record<OpenFlag, number>> = {
  readWrite: 0x2,
  create: 0x40,
  exclusive: 0x80,
  nonBlocking: 0x800,
  direct: arm ? 0x10000 : 0x4000,
  directory: arm ? 0x4000 : 0x10000,
  noFollow: arm ? 0x8000 : 0x20000,
  closeOnExec: 0x80000,
  pathOnly: 0x200000,
};
const errnoInterrupted = 4;
const seekEnd = 2;
const seekData = 3;
const setStatusFlags = 4;

/** A file of the C library. */
export interface LibcFile extends IoFile {
  /** Its descriptor, or −1 once it is closed. */
  fd: number;
}

/** The open files of an engine on the C library. */
export class LibcFiles implements Files<LibcFile> {
  /** The library. */
  readonly libc: LibcCalls;
  /** The directories that are locked: what is named under their paths is opened in them, wherever they are by now. */
  readonly held: HeldDirectories;

  /** Takes over a library, which is unloaded at the end. */
  constructor(libc: LibcCalls) {
    this.libc = libc;
    this.held = new HeldDirectories((fd) => void libc.symbols.close(fd));
  }

  /** See {@linkcode Files.allocateMemory}. */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    return alignedMemory(this.libc, byteLength);
  }

  /** See {@linkcode Files.discard}. */
  discard(memory: SharedArrayBuffer): Promise<boolean> {
    return discardPages(this.libc, memory);
  }

  /** See {@linkcode Files.open}. Children do not inherit it. */
  open(path: string, options: OpenOptions): LibcFile {
    requireGrant("read", path);
    if (options.access === "write") requireGrant("write", path);
    const { openat, fcntl } = this.libc.symbols;
    const { at, name } = this.held.place(path);
    const text = cString(name);
    const attempt = { operation: options.create ? "create" : "open", path };
    const fd = this.call(attempt, () => openat(at, text, openFlags(options), 0o600));
    // io_uring takes a file that does not block for one whose transfers never do, so that only the opening may not.
    fcntl(fd, setStatusFlags, options.direct ? openFlag.direct : 0);
    return { path, direct: options.direct, fd };
  }

  /** See {@linkcode Files.kind}. */
  kind(file: LibcFile): FileKind | undefined {
    return statxKind(this.libc, file.fd);
  }

  /**
   * See {@linkcode Files.close}. An error is not reported: Linux has released the descriptor all the same, and
   * durability is the business of a sync.
   */
  close(file: LibcFile): void {
    this.libc.symbols.close(file.fd);
    file.fd = -1;
  }

  /** See {@linkcode Files.size}. */
  size(file: LibcFile): number {
    return this.call(attemptOn(file, "measure"), () => this.libc.symbols.lseek(file.fd, 0n, seekEnd));
  }

  /** See {@linkcode Files.nextData}. */
  nextData(file: LibcFile, offset: number): number {
    try {
      const seek = () => this.libc.symbols.lseek(file.fd, BigInt(offset), seekData);
      return this.call(attemptOn(file, "measure", offset), seek);
    } catch (error) {
      if (hasCode(error, "ENXIO")) return this.size(file);
      // A file system that cannot tell has data everywhere.
      if (hasCode(error, "EINVAL")) return Math.min(offset, this.size(file));
      throw error;
    }
  }

  /** See {@linkcode Files.truncate}. */
  async truncate(file: LibcFile, length: number): Promise<void> {
    const { ftruncate, ftruncateAsync } = this.libc.symbols;
    if (await ftruncateAsync(file.fd, BigInt(length)) === 0) return;
    // The errno of the pool's thread is lost, and to set a length twice is to set it once.
    this.call(attemptOn(file, "truncate", length), () => ftruncate(file.fd, BigInt(length)));
  }

  /** See {@linkcode Files.alignment}. */
  alignment(path: string): DirectAlignment | undefined {
    return statxAlignment(this.libc, this.held.place(path));
  }

  /** See {@linkcode Files.end}. */
  end(): void {
    this.held.end();
    this.libc[Symbol.dispose]();
  }

  /**
   * Calls the library on this thread, where errno can be learnt, and again when a signal interrupts.
   *
   * @returns The result of the call.
   * @throws {IoError} If it is negative.
   */
  call(attempt: Attempt, body: () => number | bigint): number {
    for (;;) {
      const result = Number(body());
      if (result >= 0) return result;
      const errno = this.libc.errno();
      if (errno !== errnoInterrupted) throw errnoError(errno, attempt);
    }
  }
}

function openFlags(options: OpenOptions): number {
  return openFlag.closeOnExec | openFlag.noFollow | openFlag.nonBlocking |
    (options.access === "write" ? openFlag.readWrite : 0) |
    (options.create ? openFlag.create | openFlag.exclusive : 0) |
    (options.direct ? openFlag.direct : 0);
}

/**
 * Asks for a permission of the runtime, which knows nothing of what the C library does.
 *
 * @throws {Deno.errors.NotCapable} If it is not granted.
 */
export function requireGrant(name: "read" | "write", path: string): void {
  if (Deno.permissions.querySync({ name, path }).state === "granted") return;
  throw new Deno.errors.NotCapable(
    `Requires ${name} access to "${path}", run again with the --allow-${name} flag`,
  );
}
