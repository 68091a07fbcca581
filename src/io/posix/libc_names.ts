/**
 * The names of an engine on the C library. In a directory that it has locked, a name is made, renamed, removed, listed
 * and made durable through the descriptor of that directory, wherever its path leads by then; any other name goes
 * through the runtime's own calls.
 *
 * A name takes a synchronous call, which is short; only a sync waits for a disk, and does so on the runtime's pool. One
 * that fails is repeated on this thread, to learn why.
 *
 * @module
 */

import { isAbsolute, resolve } from "node:path";
import { hasCode, IoError, isOutOfDescriptors } from "../../base/mod.ts";
import type { LockTicket, PathLock } from "../engine.ts";
import { decodeDirents, direntsBytes, getdents64 } from "./dirents.ts";
import { type Attempt, unknownCode } from "./errno.ts";
import type { NamePlace } from "./held_directories.ts";
import { cString, currentDirectory, type LibcSymbols } from "./libc.ts";
import { type LibcFiles, openFlag, requireGrant } from "./libc_files.ts";
import { directoryMode, type Names, runtimeNames } from "./namespace.ts";
import { joinPath, lockPath } from "./path_lock.ts";
import { type Inode, statxInode } from "./statx.ts";

/** AT_REMOVEDIR of `unlinkat`. */
const removeDirectory = 0x200;

/** Words of a `struct statvfs`, with some to spare: block size, fragment size, fragments, free ones, those for all. */
const statvfsWords = 32;

/** See the top of the file. */
export class LibcNames implements Names {
  readonly #files: LibcFiles;

  /** Names of the directories that `files` holds. */
  constructor(files: LibcFiles) {
    this.#files = files;
  }

  get #symbols(): LibcSymbols {
    return this.#files.libc.symbols;
  }

  /** See {@linkcode Names.rename}. */
  async rename(from: string, to: string): Promise<void> {
    const { held } = this.#files;
    if (!held.locate(from) && !held.locate(to)) return await runtimeNames.rename(from, to);
    requireGrant("read", from);
    requireGrant("write", from);
    requireGrant("write", to);
    const [old, next] = [held.place(from), held.place(to)];
    const [oldName, nextName] = [cString(old.name), cString(next.name)];
    const call = () => this.#symbols.renameat(old.at, oldName, next.at, nextName);
    this.#files.call({ operation: "rename", path: from }, call);
  }

  /** See {@linkcode Names.remove}. */
  async remove(path: string): Promise<void> {
    const place = this.#files.held.locate(path);
    if (place === undefined) return await runtimeNames.remove(path);
    requireGrant("write", path);
    const attempt = { operation: "remove", path }, name = cString(place.name);
    let at;
    try {
      // A descriptor of its own: that of the lock may be given up, and be another directory's, before the call is made.
      at = this.#openDirectory({ at: place.at, name: "." }, attempt, openFlag.pathOnly);
    } catch (error) {
      // Where there is none left, that of the lock will do in this turn.
      if (!isOutOfDescriptors(error as Error)) throw error;
      return this.#unlink(place.at, name, attempt);
    }
    try {
      // The system gives the room of a file back in the call, which takes it 10 ms and more for 64 MiB.
      if (await this.#symbols.unlinkatAsync(at, name, 0) === 0) return;
      // The errno of the pool's thread is lost. It is called again to learn why; that it succeeds then is as good.
      this.#unlink(at, name, attempt);
    } finally {
      this.#symbols.close(at);
    }
  }

  /** Removes a file, or a directory that is empty. */
  #unlink(at: number, name: Uint8Array<ArrayBuffer>, attempt: Attempt): void {
    const unlink = (flags: number) =>
      this.#files.call(attempt, () => this.#symbols.unlinkat(at, name, flags));
    try {
      unlink(0);
    } catch (error) {
      if (!hasCode(error, "EISDIR")) throw error;
      unlink(removeDirectory);
    }
  }

  /** See {@linkcode Names.makeDirectory}. */
  async makeDirectory(path: string): Promise<void> {
    const place = this.#files.held.locate(path);
    if (place === undefined) return await runtimeNames.makeDirectory(path);
    requireGrant("write", path);
    const name = cString(place.name);
    const make = () => this.#symbols.mkdirat(place.at, name, directoryMode);
    this.#files.call({ operation: "make directory", path }, make);
  }

  /** See {@linkcode Names.isDirectory}. */
  async isDirectory(path: string): Promise<boolean> {
    const place = this.#files.held.locate(path);
    if (place === undefined) return await runtimeNames.isDirectory(path);
    requireGrant("read", path);
    try {
      this.#symbols.close(this.#openDirectory(place, { operation: "find", path }, openFlag.pathOnly));
      return true;
    } catch (error) {
      if (hasCode(error, "ENOTDIR")) return false;
      throw error;
    }
  }

  /** See {@linkcode Names.list}. */
  async list(path: string): Promise<string[]> {
    const place = this.#files.held.locateDirectory(path);
    const { readEntries } = this.#symbols;
    if (place === undefined || readEntries === null) return await runtimeNames.list(path);
    requireGrant("read", path);
    const attempt = { operation: "list", path };
    const fd = this.#openDirectory(place, attempt, openFlag.noFollow);
    try {
      const records = new Uint8Array(direntsBytes);
      const read = () => readEntries(getdents64, fd, records, BigInt(records.length));
      const names: string[] = [];
      for (let count; (count = this.#files.call(attempt, read)) > 0;) {
        names.push(...decodeDirents(records.subarray(0, count)));
      }
      return names;
    } finally {
      this.#symbols.close(fd);
    }
  }

  /** See {@linkcode Names.freeBytes}. */
  async freeBytes(path: string): Promise<number | undefined> {
    const { fstatvfs } = this.#symbols;
    if (!fstatvfs) return await runtimeNames.freeBytes(path);
    requireGrant("read", path);
    const { held } = this.#files, attempt = { operation: "measure", path };
    const place = held.locateDirectory(path) ?? { at: currentDirectory, name: path };
    const fd = this.#openDirectory(place, attempt, openFlag.pathOnly);
    try {
      const result = new BigUint64Array(statvfsWords);
      this.#files.call(attempt, () => fstatvfs(fd, new Uint8Array(result.buffer)));
      const [, fragmentBytes, fragments, , available] = result;
      // What has no size, as some file systems of programs, does not say.
      return fragments === 0n ? undefined : Number(fragmentBytes * available);
    } finally {
      this.#symbols.close(fd);
    }
  }

  /** See {@linkcode Names.syncDirectory}. */
  async syncDirectory(path: string): Promise<void> {
    const place = this.#files.held.locateDirectory(path);
    if (place === undefined) return await runtimeNames.syncDirectory(path);
    requireGrant("read", path);
    const attempt = { operation: "sync directory", path };
    const fd = this.#openDirectory(place, attempt);
    try {
      if (await this.#symbols.fsyncAsync(fd) === 0) return;
      // It is repeated only to learn why: that the repetition succeeds says nothing of what the first call lost.
      this.#files.call(attempt, () => this.#symbols.fsync(fd));
      throw new IoError({ code: unknownCode, ...attempt });
    } catch (error) {
      // Some file systems answer so because they need no sync of a directory.
      if (!hasCode(error, "EINVAL")) throw error;
    } finally {
      this.#symbols.close(fd);
    }
  }

  /** See {@linkcode Names.lock}. */
  async lock(path: string): Promise<PathLock> {
    const lock = await lockPath(path);
    try {
      const inode = lock.inode();
      const fd = isAbsolute(path) ? this.#openLocked(path, inode) : undefined;
      return this.#holding(path, lock, fd, { ...inode, descriptor: fd });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** See {@linkcode Names.join}. */
  // deno-lint-ignore require-await
  async join(path: string, ticket: LockTicket): Promise<PathLock> {
    const { descriptor } = ticket, lock = joinPath(path, ticket), attempt = { operation: "lock", path };
    if (descriptor === undefined) return lock;
    requireGrant("read", path);
    // A descriptor of its own, so that names are found there until this thread ends.
    const fd = this.#unlessOther(
      this.#openDirectory({ at: descriptor, name: "." }, attempt),
      attempt,
      ticket,
    );
    return this.#holding(path, lock, fd, ticket);
  }

  /** A lock on what is held open besides, if it is. */
  #holding(path: string, lock: PathLock, fd: number | undefined, ticket: LockTicket): PathLock {
    const giveUp = fd === undefined ? undefined : this.#files.held.hold(resolve(path), fd);
    return {
      ticket,
      follows: giveUp !== undefined,
      holds: () => lock.holds(),
      release: () => {
        giveUp?.();
        return lock.release();
      },
    };
  }

  /** Opens what is locked, if it is a directory and the system tells one from another. */
  #openLocked(path: string, inode: Inode): number | undefined {
    const attempt = { operation: "lock", path };
    const fd = this.#openIfDirectory(path, attempt);
    return fd === undefined ? undefined : this.#unlessOther(fd, attempt, inode);
  }

  /** A descriptor, which must be that of `inode`; closed, and `undefined`, where the system does not tell. */
  #unlessOther(fd: number, attempt: Attempt, inode: Inode): number | undefined {
    const found = statxInode(this.#files.libc, fd);
    if (found?.ino === inode.ino && found.dev === inode.dev) return fd;
    this.#symbols.close(fd);
    if (found === undefined) return undefined;
    throw new IoError({ code: "ESTALE", ...attempt });
  }

  #openIfDirectory(path: string, attempt: Attempt): number | undefined {
    try {
      return this.#openDirectory({ at: currentDirectory, name: path }, attempt);
    } catch (error) {
      if (hasCode(error, "ENOTDIR")) return undefined;
      throw error;
    }
  }

  #openDirectory({ at, name }: NamePlace, attempt: Attempt, flags: number = 0): number {
    const text = cString(name), all = flags | openFlag.directory | openFlag.closeOnExec;
    return this.#files.call(attempt, () => this.#symbols.openat(at, text, all, 0));
  }
}
