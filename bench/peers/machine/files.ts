/** Copies datasets, and says how large they are. */

import { errorLine, runChild } from "./child.ts";

/** Copies what a directory holds into an empty one, and makes it durable, so that nothing is written back later. */
export async function copyDirectory(from: string, to: string): Promise<void> {
  const outcome = await runChild(["cp", "-r", "--reflink=auto", `${from}/.`, to]);
  if (outcome.code !== 0) throw new Error(`Cannot copy "${from}": ${errorLine(outcome)}`);
  await runChild(["sync", "-f", to]);
}

/** The bytes of all files below a directory. */
export async function bytesBelow(directory: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    bytes += isDirectory ? await bytesBelow(path) : (await Deno.stat(path)).size;
  }
  return bytes;
}
