/**
 * What is no file: a directory, a pipe, a socket, a device. None of them is ever opened as one.
 *
 * @module
 */

import { hasCode, IoError } from "../../base/mod.ts";
import type { IoFile, OpenOptions } from "../engine.ts";
import { attempting } from "./errno.ts";
import type { FileKind, Files } from "./files.ts";

/** The errno name for opening what is no regular file; `undefined` if it is one, or nobody knows. */
export function irregularCode(kind: FileKind | undefined): string | undefined {
  if (kind === undefined || kind.isFile) return undefined;
  return kind.isDirectory ? "EISDIR" : "ENXIO";
}

/** The status of what stands at a path, links not followed; `undefined` if nothing does, or it cannot be asked. */
export function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Opens a regular file.
 *
 * @throws {IoError} If the system refuses, or it is no regular file.
 */
export async function openRegular<File extends IoFile>(
  files: Files<File>,
  path: string,
  options: OpenOptions,
): Promise<File> {
  const attempt = { operation: options.create ? "create" : "open", path };
  if (path.includes("\0")) throw new IoError({ code: "EINVAL", ...attempt });
  try {
    const file = await attempting(attempt, () => files.open(path, options));
    const code = irregularCode(files.kind(file) ?? lstat(path));
    if (code === undefined) return file;
    files.close(file);
    throw new IoError({ code, ...attempt });
  } catch (error) {
    // The kernel may refuse direct IO with EINVAL before it is known to be no file.
    const code = hasCode(error, "EINVAL") ? irregularCode(lstat(path)) : undefined;
    throw code === undefined ? error : new IoError({ code, ...attempt });
  }
}
