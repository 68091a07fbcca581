/**
 * Names on disk: rename, remove, make, list, resolve, and make durable. Every real engine uses these, and they go
 * through the runtime's own calls, so that `--allow-read` and `--allow-write` are enforced by the runtime itself.
 *
 * Any number may run at once.
 *
 * @module
 */

import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { IoError } from "../../base/mod.ts";
import { classify } from "./errno.ts";

async function named<T>(operation: string, path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw classify(error, { operation, path });
  }
}

/** The directory that a path names something in. */
export function directoryOf(path: string): string {
  return dirname(path);
}

/** Renames a file, replacing what stands at `to`. */
export function renameFile(from: string, to: string): Promise<void> {
  return named("rename", from, () => Deno.rename(from, to));
}

/** Removes a file, or a directory that is empty: the runtime makes no difference between them. */
export function removeFile(path: string): Promise<void> {
  return named("remove", path, () => Deno.remove(path));
}

/**
 * Makes a directory with mode 0700, with its parents; one that exists is left as it is. Names are made durable from
 * the top down, each before the next is made, so that what a crash leaves is durable but for its last name: that is
 * why the name of a directory that is there already is made durable too.
 */
export async function makeDirectory(path: string): Promise<void> {
  await named("make directory", path, () => makeWithParents(resolve(path)));
}

async function makeWithParents(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && dirname(path) !== path) {
      await makeWithParents(dirname(path));
      return await makeWithParents(path);
    }
    if (!(error instanceof Deno.errors.AlreadyExists) || !(await Deno.stat(path)).isDirectory) throw error;
  }
  await syncName(path);
}

/**
 * Makes the name of a directory durable. Where its parent may not be read, the directory itself is synced, which on
 * file systems with a journal takes the name with it.
 */
async function syncName(path: string): Promise<void> {
  try {
    await syncDirectory(dirname(path));
  } catch (error) {
    const isForbidden = error instanceof Deno.errors.NotCapable ||
      error instanceof IoError && (error.code === "EACCES" || error.code === "EPERM");
    if (!isForbidden) throw error;
    await syncDirectory(path);
  }
}

/** The names in a directory, in no order. */
export function listDirectory(path: string): Promise<string[]> {
  return named("list", path, async () => {
    const names: string[] = [];
    for await (const entry of Deno.readDir(path)) names.push(entry.name);
    return names;
  });
}

/** The absolute path of what exists, links resolved. */
export function resolvePath(path: string): Promise<string> {
  return named("resolve", path, () => Deno.realPath(path));
}

/**
 * Makes the names in a directory durable.
 *
 * Windows has no such call, and some file systems answer `EINVAL` because they need none; both count as done.
 */
export async function syncDirectory(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  try {
    await named("sync directory", path, () => syncHandle(path));
  } catch (error) {
    if (!(error instanceof IoError && error.code === "EINVAL")) throw error;
  }
}

async function syncHandle(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
