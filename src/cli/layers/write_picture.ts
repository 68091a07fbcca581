/** Where a picture is written to. */

import { dirname } from "node:path";
import { systemReason } from "../system_reason.ts";
import type { Output } from "../terminal/output.ts";

/** Stands for standard output. */
const standardOutput = "-";

/**
 * Writes a picture to a file, over what is there, or to standard output.
 *
 * @param path The file, or `-` for standard output.
 * @param storePath The store's directory, in which nothing but the store writes.
 * @param picture What to write.
 * @param output Standard output.
 */
export async function writePicture(
  path: string,
  storePath: string,
  picture: string,
  output: Output,
): Promise<void> {
  if (path === standardOutput) return await output.write(picture);
  try {
    if (await isUnder(path, storePath)) throw new Error("it lies in the store");
    await Deno.writeTextFile(path, picture);
  } catch (error) {
    throw new Error(`Cannot write ${path}: ${systemReason(error)}`, { cause: error });
  }
}

/** Whether a file, which need not be there yet, lies in a directory; links are followed. */
async function isUnder(path: string, directory: string): Promise<boolean> {
  const real = await Deno.realPath(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return Deno.realPath(dirname(path));
    throw error;
  });
  return `${real}/`.startsWith(`${await Deno.realPath(directory)}/`);
}
