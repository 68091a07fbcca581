/** Empties the page cache, so that a cold read is cold for those who read through it. */

import { runChild } from "./child.ts";

const dropPath = "/proc/sys/vm/drop_caches";

/**
 * Writes back what is dirty below `directory`, and drops clean pages.
 *
 * @param directory A directory on the file system of the bench.
 * @returns Whether the cache was dropped; only root may.
 */
export async function dropCaches(directory: string): Promise<boolean> {
  await runChild(["sync", "-f", directory]);
  try {
    await Deno.writeTextFile(dropPath, "1", { create: false });
    return true;
  } catch {
    return false;
  }
}
