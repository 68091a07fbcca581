/**
 * Names on disk that outlive a crash: the seam between an engine of the operating system and what makes and removes
 * them, and the runtime's own calls, by which `--allow-read` and `--allow-write` are enforced by the runtime itself.
 *
 * Any number may run at once.
 *
 * @module
 */

import { open, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode, IoError } from "../../base/mod.ts";
import type { LockTicket, PathLock } from "../engine.ts";
import { attempting } from "./errno.ts";
import { joinPath, lockPath } from "./path_lock.ts";

/** The mode of a directory that is made. */
export const directoryMode = 0o700;

/** The names of an engine. What it throws may be any error of the system's, unless it is said. */
export interface Names {
  /** Renames a file, replacing what stands at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a directory that is empty. */
  remove(path: string): Promise<void>;
  /** Makes one directory. Rejects with an `IoError`, `EEXIST` if something is there and `ENOENT` without a parent. */
  makeDirectory(path: string): Promise<void>;
  /** Whether what stands at a path is a directory, links followed. */
  isDirectory(path: string): Promise<boolean>;
  /** The names in a directory, in no order. Rejects with `ENOTDIR` if a link stands there. */
  list(path: string): Promise<string[]>;
  /** See `freeBytes` of the engine. */
  freeBytes(path: string): Promise<number | undefined>;
  /** Makes the names in a directory durable. Rejects with an `IoError`. */
  syncDirectory(path: string): Promise<void>;
  /** See `lock` of the engine. */
  lock(path: string): Promise<PathLock>;
  /** See `join` of the engine. */
  join(path: string, ticket: LockTicket): Promise<PathLock>;
}

/** Names through the runtime's own calls, by path. */
export const runtimeNames: Names = {
  rename: (from, to) => Deno.rename(from, to),
  // The runtime makes no difference between a file and a directory that is empty.
  remove: (path) => Deno.remove(path),
  makeDirectory: (path) =>
    attempting({ operation: "make directory", path }, () => Deno.mkdir(path, { mode: directoryMode })),
  isDirectory: async (path) => (await Deno.stat(path)).isDirectory,
  list: async (path) => {
    const { isDirectory } = await Deno.lstat(path);
    if (!isDirectory) throw new IoError({ code: "ENOTDIR", operation: "list", path });
    return await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  },
  freeBytes,
  syncDirectory,
  lock: lockPath,
  join: (path, ticket) => Promise.resolve(joinPath(path, ticket)),
};

/** What the runtime tells only to whom `--allow-sys=statfs` was granted; others are not told, and need not ask for it. */
async function freeBytes(path: string): Promise<number | undefined> {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "statfs" });
  if (state !== "granted") return undefined;
  const { bavail, bsize, blocks } = await statfs(path);
  return blocks === 0 ? undefined : bavail * bsize;
}

/** The directory that a path names something in. */
export function directoryOf(path: string): string {
  return dirname(path);
}

/**
 * Makes a directory, with its parents; one that exists is left as it is. Names are made durable from the top down, each
 * before the next is made, so that what a crash leaves is durable but for its last name: that is why the name of a
 * directory that is there already is made durable too.
 *
 * @param names What makes one.
 * @param path An absolute path.
 */
export async function makeDirectories(names: Names, path: string): Promise<void> {
  try {
    await makeUnlessThere(names, path);
  } catch (error) {
    if (!hasCode(error, "ENOENT") || dirname(path) === path) throw error;
    await makeDirectories(names, dirname(path));
    // A parent that is gone again is not made once more: it may be one that is held, and was removed for good.
    await makeUnlessThere(names, path);
  }
  await syncName(names, path);
}

async function makeUnlessThere(names: Names, path: string): Promise<void> {
  try {
    await names.makeDirectory(path);
  } catch (error) {
    if (!hasCode(error, "EEXIST") || !(await names.isDirectory(path))) throw error;
  }
}

/**
 * Makes the name of a directory durable. Where its parent may not be read, the directory itself is synced, which on
 * file systems with a journal takes the name with it.
 */
async function syncName(names: Names, path: string): Promise<void> {
  try {
    await names.syncDirectory(dirname(path));
  } catch (error) {
    const isForbidden = error instanceof Deno.errors.NotCapable || hasCode(error, "EACCES", "EPERM");
    if (!isForbidden) throw error;
    await names.syncDirectory(path);
  }
}

/**
 * Makes the names in a directory durable.
 *
 * Windows has no such call, and some file systems answer `EINVAL` because they need none; both count as done.
 */
async function syncDirectory(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  try {
    await attempting({ operation: "sync directory", path }, async () => {
      await using handle = await open(path, "r");
      await handle.sync();
    });
  } catch (error) {
    if (!hasCode(error, "EINVAL")) throw error;
  }
}
