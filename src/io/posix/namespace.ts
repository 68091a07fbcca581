/**
 * Names on disk that outlive a crash. Every real engine uses these, and they go through the runtime's own calls, so
 * that `--allow-read` and `--allow-write` are enforced by the runtime itself.
 *
 * Any number may run at once.
 *
 * @module
 */

import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode } from "../../base/mod.ts";
import { attempting } from "./errno.ts";

/** The directory that a path names something in. */
export function directoryOf(path: string): string {
  return dirname(path);
}

/**
 * Makes a directory with mode 0700, with its parents; one that exists is left as it is. Names are made durable from
 * the top down, each before the next is made, so that what a crash leaves is durable but for its last name: that is
 * why the name of a directory that is there already is made durable too.
 *
 * @param path An absolute path.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: 0o700 }).catch(async (error) => {
      if (!(error instanceof Deno.errors.NotFound) || dirname(path) === path) throw error;
      await makeDirectory(dirname(path));
      // Once more and not again: a parent such as /proc is there, and takes no directory for ever.
      await Deno.mkdir(path, { mode: 0o700 });
    });
  } catch (error) {
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
    const isForbidden = error instanceof Deno.errors.NotCapable || hasCode(error, "EACCES", "EPERM");
    if (!isForbidden) throw error;
    await syncDirectory(path);
  }
}

/**
 * Makes the names in a directory durable.
 *
 * Windows has no such call, and some file systems answer `EINVAL` because they need none; both count as done.
 */
export async function syncDirectory(path: string): Promise<void> {
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
