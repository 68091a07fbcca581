/**
 * Locks on a directory or a file itself.
 *
 * The operating system holds it as long as that is open, so that a crash frees it, and unlinking the file `lock` of a
 * directory lets nobody in: that file only says who holds the lock. What stands in its place may be anything: links are
 * never followed, nothing but a regular file is read, and of that a few bytes.
 *
 * @module
 */

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { hasCode, IoError, LockedError } from "../../base/mod.ts";
import type { LeaseKind, LockTicket, PathLock } from "../engine.ts";
import { attempting } from "./errno.ts";
import { irregularCode } from "./regular_file.ts";
import type { Inode } from "./statx.ts";

const mostHolderBytes = 32;

/** A lock that tells what it is on. */
export interface InodeLock extends PathLock {
  /** The directory or file that is locked; throws after the release. */
  inode(): Inode;
}

/**
 * Locks a directory or a file, without waiting.
 *
 * @param path The directory or file.
 * @throws {LockedError} If it is locked, by this process or another.
 * @throws {IoError} If it is neither, cannot be opened, or something that is no file is called `lock` in a directory.
 */
export async function lockPath(path: string): Promise<InodeLock> {
  const { lock, isDirectory } = await tryLock(path, "alone"), holderPath = `${path}/lock`;
  if (lock === undefined) throw lockedError(path, isDirectory ? await holder(holderPath) : undefined);
  try {
    if (isDirectory) await attempting({ operation: "lock", path: holderPath }, () => writeHolder(holderPath));
    return lock;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** See `lease` of the engine. */
export async function leasePath(path: string, kind: LeaseKind): Promise<PathLock> {
  const { lock } = await tryLock(path, kind);
  if (lock === undefined) throw lockedError(path);
  return lock;
}

function lockedError(path: string, where = "it is open elsewhere"): LockedError {
  return new LockedError(`Cannot lock "${path}": ${where}`);
}

/** Locks a directory or a file, and says which it is; the lock is missing if somebody else holds it. */
async function tryLock(
  path: string,
  kind: LeaseKind,
): Promise<{ lock: InodeLock | undefined; isDirectory: boolean }> {
  const { isDirectory, isFile } = await Deno.stat(path);
  // Opening a pipe would wait for whoever writes to it.
  if (!isDirectory && !isFile) throw new IoError({ code: "ENXIO", operation: "lock", path });
  const locked = await Deno.open(path, { read: true });
  try {
    const isLocked = await locked.tryLock(kind === "alone");
    if (!isLocked) locked.close();
    return { lock: isLocked ? new HeldLock(path, locked) : undefined, isDirectory };
  } catch (error) {
    locked.close();
    throw error;
  }
}

/** See `join` of the engine: what is named is found by its path. */
export function joinPath(path: string, { ino, dev }: LockTicket): PathLock {
  let released = false;
  return {
    follows: false,
    holds: async () => !released && await leadsTo(path, () => ({ ino, dev })) && !released,
    release: () => {
      released = true;
      return Promise.resolve();
    },
  };
}

/** Whether a path leads to a directory or file. */
async function leadsTo(path: string, inode: () => Inode): Promise<boolean> {
  const attempt = { operation: "find", path };
  try {
    const there = await attempting(attempt, () => Deno.stat(path));
    const { ino, dev } = await attempting(attempt, inode);
    return Number(there.ino) === ino && there.dev === dev;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

class HeldLock implements InodeLock {
  /** See {@linkcode PathLock.follows}. */
  readonly follows = false;
  readonly #path: string;
  readonly #locked: Deno.FsFile;
  #released = false;

  constructor(path: string, locked: Deno.FsFile) {
    this.#path = path;
    this.#locked = locked;
  }

  inode(): Inode {
    const { ino, dev } = this.#locked.statSync();
    return { ino: Number(ino), dev };
  }

  get ticket(): LockTicket {
    return this.inode();
  }

  async holds(): Promise<boolean> {
    // After the release there is nothing to ask any more.
    const none = { ino: -1, dev: -1 };
    return await leadsTo(this.#path, () => this.#released ? none : this.inode());
  }

  release(): Promise<void> {
    if (!this.#released) this.#locked.close();
    this.#released = true;
    return Promise.resolve();
  }
}

/** Says who holds the lock, in a file of our own. */
async function writeHolder(path: string): Promise<void> {
  const found = await Deno.lstat(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const code = !found || found.isSymlink ? undefined : irregularCode(found);
  if (code !== undefined) throw new IoError({ code, operation: "lock", path });
  if (found) await Deno.remove(path);
  await Deno.writeTextFile(path, `${Deno.pid}\n`, { mode: 0o600, createNew: true });
}

/** Who holds the lock is a courtesy: whoever cannot be asked is "elsewhere". */
async function holder(path: string): Promise<string> {
  const pid = Number.parseInt(await readHolder(path).catch(() => ""), 10);
  return Number.isSafeInteger(pid) ? `it is open in process ${pid}` : "it is open elsewhere";
}

async function readHolder(path: string): Promise<string> {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  await using handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!(await handle.stat()).isFile()) return "";
  const { buffer, bytesRead } = await handle.read(new Uint8Array(mostHolderBytes), 0, mostHolderBytes, 0);
  return new TextDecoder().decode(buffer.subarray(0, bytesRead));
}
