/**
 * Names on disk: rename, remove, make, list, and make durable. Every real engine uses these, and they go through
 * the runtime's own calls, so that `--allow-read` and `--allow-write` are enforced by the runtime itself.
 *
 * Any number may run at once.
 *
 * @module
 */

import { open } from "node:fs/promises";
import { IoError } from "../base/mod.ts";
import { classify } from "./errno.ts";

async function named<T>(operation: string, path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw classify(error, { operation, path });
  }
}

/** Renames a file, replacing what stands at `to`. */
export function renameFile(from: string, to: string): Promise<void> {
  return named("rename", from, () => Deno.rename(from, to));
}

/** Removes a file, or a directory that is empty: the runtime makes no difference between them. */
export function removeFile(path: string): Promise<void> {
  return named("remove", path, () => Deno.remove(path));
}

/** Makes a directory with mode 0700, with its parents; one that exists is left as it is. */
export function makeDirectory(path: string): Promise<void> {
  return named("make directory", path, () => Deno.mkdir(path, { recursive: true, mode: 0o700 }));
}

/** The names in a directory, in no order. */
export function listDirectory(path: string): Promise<string[]> {
  return named("list", path, async () => {
    const names: string[] = [];
    for await (const entry of Deno.readDir(path)) names.push(entry.name);
    return names;
  });
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
