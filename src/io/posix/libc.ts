/**
 * The C library through Deno FFI, under a grant that is scoped to its absolute path.
 *
 * `UnsafePointer` demands an unscoped grant, so that addresses are learnt, and foreign memory is read, by a
 * `memmove` of the C library itself. errno is per thread: it is right after a synchronous call and says nothing
 * after a nonblocking one.
 */

const symbols = {
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32", optional: true },
  preadAsync: {
    name: "pread",
    parameters: ["i32", "buffer", "usize", "i64"],
    result: "isize",
    nonblocking: true,
  },
  pwriteAsync: {
    name: "pwrite",
    parameters: ["i32", "buffer", "usize", "i64"],
    result: "isize",
    nonblocking: true,
  },
  pwritev2: { parameters: ["i32", "buffer", "i32", "i64", "i32"], result: "isize", optional: true },
  pwritev2Async: {
    name: "pwritev2",
    parameters: ["i32", "buffer", "i32", "i64", "i32"],
    result: "isize",
    nonblocking: true,
    optional: true,
  },
  fdatasyncAsync: { name: "fdatasync", parameters: ["i32"], result: "i32", nonblocking: true },
  fsyncAsync: { name: "fsync", parameters: ["i32"], result: "i32", nonblocking: true },
  ftruncateAsync: { name: "ftruncate", parameters: ["i32", "i64"], result: "i32", nonblocking: true },
  fallocateAsync: {
    name: "fallocate",
    parameters: ["i32", "i32", "i64", "i64"],
    result: "i32",
    nonblocking: true,
  },
  syscall: {
    parameters: ["i64", "usize", "usize", "usize", "usize", "usize", "usize"],
    result: "i64",
    optional: true,
  },
  // io_uring_enter on the hot path: narrow parameters and a narrow result need no BigInt.
  uringEnter: {
    name: "syscall",
    parameters: ["usize", "i32", "u32", "u32", "u32", "usize", "usize"],
    result: "i32",
    optional: true,
  },
  uringWait: {
    name: "syscall",
    parameters: ["usize", "i32", "u32", "u32", "u32", "usize", "usize"],
    result: "i32",
    nonblocking: true,
    optional: true,
  },
  addressOf: { name: "memmove", parameters: ["buffer", "usize", "usize"], result: "usize" },
  readMemory: { name: "memmove", parameters: ["buffer", "usize", "usize"], result: "usize" },
  errnoLocation: { name: "__errno_location", parameters: [], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

/** A 64-bit argument. */
export type Int64 = bigint;
/** Memory that a function reads or writes. */
export type Memory = BufferSource | null;
/** `pwritev2` of the C library. */
export type Pwritev2<Result> = (
  fd: number,
  vectors: Memory,
  count: number,
  offset: Int64,
  flags: number,
) => Result;
/** `syscall` of the C library. */
export type Syscall = (
  number: Int64,
  a: Int64,
  b: Int64,
  c: Int64,
  d: Int64,
  e: Int64,
  f: Int64,
) => bigint;
/** `io_uring_enter` through `syscall`. */
export type UringEnter<Result> = (
  number: Int64,
  fd: number,
  submit: number,
  complete: number,
  flags: number,
  argument: Int64,
  length: Int64,
) => Result;

/**
 * The functions that the engines call, as the C library declares them; those that end in `Async` run on the
 * runtime's thread pool. A variadic function is called as if its arguments were fixed, which is right on Linux.
 */
export interface LibcSymbols {
  /** `open(path, flags, mode)` → a descriptor or −1. */
  open(path: Memory, flags: number, mode: number): number;
  /** `fcntl(fd, command, argument)` → a result or −1. */
  fcntl(fd: number, command: number, argument: number): number;
  /** `close(fd)` → 0 or −1. */
  close(fd: number): number;
  /** `pread(fd, memory, length, offset)` → a count or −1. */
  pread(fd: number, memory: Memory, length: Int64, offset: Int64): bigint;
  /** `pwrite(fd, memory, length, offset)` → a count or −1. */
  pwrite(fd: number, memory: Memory, length: Int64, offset: Int64): bigint;
  /** `ftruncate(fd, length)` → 0 or −1. */
  ftruncate(fd: number, length: Int64): number;
  /** `lseek(fd, offset, whence)` → an offset or −1. */
  lseek(fd: number, offset: Int64, whence: number): bigint;
  /** `fallocate(fd, mode, offset, length)` → 0 or −1. */
  fallocate(fd: number, mode: number, offset: Int64, length: Int64): number;
  /** `statx(dirfd, path, flags, mask, result)` → 0 or −1; null where the library is too old for it. */
  statx: ((dirfd: number, path: Memory, flags: number, mask: number, result: Memory) => number) | null;
  /** See {@linkcode LibcSymbols.pread}. */
  preadAsync(fd: number, memory: Memory, length: Int64, offset: Int64): Promise<bigint>;
  /** See {@linkcode LibcSymbols.pwrite}. */
  pwriteAsync(fd: number, memory: Memory, length: Int64, offset: Int64): Promise<bigint>;
  /** `pwritev2(fd, vectors, count, offset, flags)` → a count or −1; null where the library is too old for it. */
  pwritev2: Pwritev2<bigint> | null;
  /** See {@linkcode LibcSymbols.pwritev2}. */
  pwritev2Async: Pwritev2<Promise<bigint>> | null;
  /** `fdatasync(fd)` → 0 or −1. */
  fdatasyncAsync(fd: number): Promise<number>;
  /** `fsync(fd)` → 0 or −1. */
  fsyncAsync(fd: number): Promise<number>;
  /** See {@linkcode LibcSymbols.ftruncate}. */
  ftruncateAsync(fd: number, length: Int64): Promise<number>;
  /** See {@linkcode LibcSymbols.fallocate}. */
  fallocateAsync(fd: number, mode: number, offset: Int64, length: Int64): Promise<number>;
  /** `syscall(number, …)` → a result or −1. */
  syscall: Syscall | null;
  /** `io_uring_enter` through `syscall`, on this thread. */
  uringEnter: UringEnter<number> | null;
  /** `io_uring_enter` through `syscall`, on the runtime's thread pool. */
  uringWait: UringEnter<Promise<number>> | null;
  /** `memmove` with length 0: the address of the memory. */
  addressOf(memory: Memory, source: Int64, length: Int64): bigint;
  /** `memmove` from an address. */
  readMemory(memory: Memory, source: Int64, length: Int64): bigint;
  /** The address of this thread's errno. */
  errnoLocation(): bigint;
}

/** Where distributions keep the C library; the first that is granted and loads is used. */
export const libcPaths: readonly string[] = [
  "/lib/x86_64-linux-gnu/libc.so.6",
  "/usr/lib/x86_64-linux-gnu/libc.so.6",
  "/lib/aarch64-linux-gnu/libc.so.6",
  "/usr/lib/aarch64-linux-gnu/libc.so.6",
  "/lib64/libc.so.6",
  "/usr/lib64/libc.so.6",
  "/usr/lib/libc.so.6",
  "/lib/ld-musl-x86_64.so.1",
  "/lib/ld-musl-aarch64.so.1",
];

/** The C library, open. */
export class Libc implements Disposable {
  /** Its path. */
  readonly path: string;
  /** Its functions, by the names that {@linkcode libcPaths}' libraries share. */
  readonly symbols: LibcSymbols;
  readonly #library: Deno.DynamicLibrary<typeof symbols>;
  readonly #errno = new Int32Array(1);
  readonly #errnoBytes = new Uint8Array(this.#errno.buffer);

  /**
   * Loads the C library.
   *
   * @param path Its absolute path.
   * @throws {Deno.errors.NotCapable} If FFI is not granted for `path`.
   * @throws {Error} If it does not load.
   */
  constructor(path: string) {
    this.path = path;
    this.#library = Deno.dlopen(path, symbols);
    this.symbols = this.#library.symbols;
  }

  /** The errno of the last synchronous call of this thread. */
  errno(): number {
    this.symbols.readMemory(this.#errnoBytes, this.symbols.errnoLocation(), 4n);
    return this.#errno[0];
  }

  /** The address of the first byte of `bytes`. */
  addressOf(bytes: Uint8Array<ArrayBuffer>): number {
    return Number(this.symbols.addressOf(bytes, 0n, 0n));
  }

  /** Unloads the library; its functions must not be called after. */
  [Symbol.dispose](): void {
    this.#library.close();
  }
}

/** What the engines need of {@linkcode Libc}. A test gives its own to force what a kernel may answer. */
export type LibcCalls = Pick<Libc, keyof Libc>;

/**
 * Finds the C library among {@linkcode libcPaths} without ever prompting for a permission.
 *
 * @returns The library, or why there is none.
 */
export function openLibc(): Libc | { reason: string } {
  if (Deno.build.os !== "linux") return { reason: `FFI engines need Linux: this is ${Deno.build.os}` };
  let reason = "FFI is not granted: run with --allow-ffi=<absolute path of libc>";
  for (const path of libcPaths) {
    if (Deno.permissions.querySync({ name: "ffi", path }).state !== "granted") continue;
    try {
      return new Libc(path);
    } catch (error) {
      reason = `No C library could be loaded: ${error instanceof Error ? error.message : error}`;
    }
  }
  return { reason };
}
