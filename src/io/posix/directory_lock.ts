/**
 * An exclusive lock on a directory itself.
 *
 * The operating system holds it as long as the directory is open, so that a crash frees it, and unlinking the file
 * `lock` lets nobody in: that file only says who holds the lock. What stands in its place may be anything: links are
 * never followed, nothing but a regular file is read, and of that a few bytes.
 *
 * @module
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { IoError, LockedError } from "../../base/mod.ts";
import type { DirectoryLock } from "../engine.ts";
import { classify } from "./errno.ts";
import { irregularCode } from "./regular_file.ts";

/** The file that says who holds the lock. */
export const lockName = "lock";

const mostHolderBytes = 32;

/**
 * Locks a directory, without waiting.
 *
 * @param path The directory.
 * @throws {LockedError} If it is locked, by this process or another.
 * @throws {IoError} If it cannot be opened, or something that is no file is called `lock`.
 */
export function lockDirectory(path: string): DirectoryLock {
  return named(path, () => {
    // Opening a pipe would wait for whoever writes to it.
    if (!Deno.statSync(path).isDirectory) throw new IoError({ code: "ENOTDIR", operation: "lock", path });
    const directory = Deno.openSync(path, { read: true });
    try {
      if (!directory.tryLockSync(true)) throw new LockedError(`Cannot lock "${path}": ${holder(path)}`);
      named(`${path}/${lockName}`, () => writeHolder(`${path}/${lockName}`));
      return new HeldLock(path, directory);
    } catch (error) {
      directory.close();
      throw error;
    }
  });
}

class HeldLock implements DirectoryLock {
  readonly #path: string;
  readonly #directory: Deno.FsFile;
  #released = false;

  constructor(path: string, directory: Deno.FsFile) {
    this.#path = path;
    this.#directory = directory;
  }

  async holds(): Promise<boolean> {
    try {
      const there = await Deno.stat(this.#path);
      if (this.#released) return false;
      const held = this.#directory.statSync();
      return there.ino === held.ino && there.dev === held.dev;
    } catch (cause) {
      const error = classify(cause, { operation: "find", path: this.#path });
      if (error instanceof IoError && (error.code === "ENOENT" || error.code === "ENOTDIR")) return false;
      throw error;
    }
  }

  release(): Promise<void> {
    if (!this.#released) this.#directory.close();
    this.#released = true;
    return Promise.resolve();
  }
}

/** Says who holds the lock, in a file of our own. */
function writeHolder(path: string): void {
  const found = lstat(path);
  const code = found === undefined || found.isSymlink ? undefined : irregularCode(found);
  if (code !== undefined) throw new IoError({ code, operation: "lock", path });
  if (found !== undefined) Deno.removeSync(path);
  Deno.writeTextFileSync(path, `${Deno.pid}\n`, { mode: 0o600, createNew: true });
}

function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function holder(directory: string): string {
  const pid = Number.parseInt(readHolder(`${directory}/${lockName}`) ?? "", 10);
  return Number.isSafeInteger(pid) ? `it is open in process ${pid}` : "it is open elsewhere";
}

function readHolder(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch {
    return undefined; // Who holds the lock is a courtesy: whoever cannot be asked is "elsewhere".
  }
  try {
    if (!fstatSync(fd).isFile()) return undefined;
    const bytes = new Uint8Array(mostHolderBytes);
    return new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes, 0, mostHolderBytes, 0)));
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function named<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw error instanceof LockedError ? error : classify(error, { operation: "lock", path });
  }
}
