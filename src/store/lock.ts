/**
 * One writer per store: an exclusive lock on the directory itself.
 *
 * The operating system holds it as long as the directory is open, so that a crash frees it, and unlinking the file
 * `lock` lets nobody in: that file only says who holds the lock.
 *
 * @module
 */

import { LockedError } from "../base/mod.ts";

/** The file that says who holds the lock. */
export const lockName = "lock";

/** The lock of a store, held. */
export class StoreLock implements Disposable {
  readonly #directory: Deno.FsFile;

  private constructor(directory: Deno.FsFile) {
    this.#directory = directory;
  }

  /**
   * Locks a directory, without waiting.
   *
   * @param path The directory.
   * @throws {LockedError} If it is locked, by this process or another.
   */
  static acquire(path: string): StoreLock {
    const directory = Deno.openSync(path, { read: true });
    try {
      if (!directory.tryLockSync(true)) throw new LockedError(`Cannot open store "${path}": ${holder(path)}`);
      writeHolder(`${path}/${lockName}`);
      return new StoreLock(directory);
    } catch (error) {
      directory.close();
      throw error;
    }
  }

  /** Unlocks the directory. */
  [Symbol.dispose](): void {
    this.#directory.close();
  }
}

/** Says who holds the lock, in a file of our own: what stands there may be a link to somewhere else. */
function writeHolder(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.writeTextFileSync(path, `${Deno.pid}\n`, { mode: 0o600, createNew: true });
}

function holder(path: string): string {
  try {
    const pid = Number.parseInt(Deno.readTextFileSync(`${path}/${lockName}`), 10);
    if (Number.isSafeInteger(pid)) return `it is open in process ${pid}`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return "it is open elsewhere";
}
