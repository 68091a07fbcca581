/**
 * The C library through Deno FFI, under a grant that is scoped to its absolute path.
 *
 * `UnsafePointer` demands an unscoped grant, so that addresses are learnt, and foreign memory is read, by a
 * `memmove` of the C library itself. errno is per thread: it is right after a synchronous call and says nothing
 * after a nonblocking one.
 */

import { blockBytes } from "../../base/mod.ts";

const symbols = {
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  openat: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  renameat: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  fstatvfs: { parameters: ["i32", "buffer"], result: "i32", optional: true },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  nice: { parameters: ["i32"], result: "i32" },
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
  unlinkatAsync: {
    name: "unlinkat",
    parameters: ["i32", "buffer", "i32"],
    result: "i32",
    nonblocking: true,
  },
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
  // getdents64, which not every C library has under a name.
  readEntries: {
    name: "syscall",
    parameters: ["usize", "i32", "buffer", "usize"],
    result: "isize",
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
  // memmove with length 0 returns the address of the memory.
  addressOf: { name: "memmove", parameters: ["buffer", "usize", "usize"], result: "usize" },
  readMemory: { name: "memmove", parameters: ["buffer", "usize", "usize"], result: "usize" },
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
  madviseAsync: { name: "madvise", parameters: ["usize", "usize", "i32"], result: "i32", nonblocking: true },
  errnoLocation: { name: "__errno_location", parameters: [], result: "usize" },
} as const;

/**
 * The functions that the engines call, as the C library declares them; those that end in `Async` run on the
 * runtime's thread pool, and those that are optional are null where the library is too old. A variadic function is
 * called as if its arguments were fixed, which is right on Linux.
 */
export type LibcSymbols = { -readonly [Name in keyof Functions]: Functions[Name] };
type Functions = Deno.StaticForeignLibraryInterface<typeof symbols>;

/** What `madvise` is told of pages that nobody needs any more: `MADV_DONTNEED`. */
const notNeeded = 4;

/** The directory that `openat` and its like start from for a path that starts from none: the working directory. */
export const currentDirectory = -100;

/**
 * Text as the C library takes it.
 *
 * @throws {TypeError} If it holds a NUL, behind which the library would not read on.
 */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError("Cannot pass text on: it holds a NUL");
  return new TextEncoder().encode(`${text}\0`);
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

/**
 * Gives the whole pages of memory back to the system, which has zeros in their place when they are used again, and
 * writes zeros to what there is beside them. Another thread does so: a millisecond for 12 MiB, and five where others wait.
 */
export async function discardPages(libc: LibcCalls, memory: SharedArrayBuffer): Promise<boolean> {
  const bytes = new Uint8Array(memory);
  // Its type leaves shared memory out, since transfers must not lead there.
  const address = libc.addressOf(bytes as Uint8Array as Uint8Array<ArrayBuffer>);
  const from = Math.ceil(address / blockBytes) * blockBytes;
  const to = Math.floor((address + memory.byteLength) / blockBytes) * blockBytes;
  if (to <= from) return false;
  if (await libc.symbols.madviseAsync(BigInt(from), BigInt(to - from), notNeeded) !== 0) return false;
  bytes.fill(0, 0, from - address).fill(0, to - address);
  return true;
}

/**
 * Gives whole pages of memory back to the system at once, which has zeros in their place when they are used again. What
 * others hold of them, as the kernel does for IO, is nobody else's from then on.
 *
 * @returns Whether the system did so: it does not where memory is locked.
 */
export function discardNow({ symbols }: LibcCalls, address: number, byteLength: number): boolean {
  return symbols.madvise(BigInt(address), BigInt(byteLength), notNeeded) === 0;
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
