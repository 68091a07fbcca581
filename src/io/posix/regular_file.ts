/**
 * What is no file: a directory, a pipe, a socket, a device. None of them is ever opened as one.
 *
 * @module
 */

/** What a file's status tells about its kind. */
export interface FileKind {
  /** Whether it is a regular file. */
  readonly isFile: boolean;
  /** Whether it is a directory. */
  readonly isDirectory: boolean;
}

/** The errno name for opening what is no regular file; `undefined` if it is one. */
export function irregularCode(kind: FileKind): string | undefined {
  if (kind.isFile) return undefined;
  return kind.isDirectory ? "EISDIR" : "ENXIO";
}

/**
 * The errno name for what stands at a path, if it is no regular file. The kernel may refuse direct IO on it with
 * `EINVAL`, as it does where a file system has none, before it is known to be none.
 */
export function irregularCodeAt(path: string): string | undefined {
  try {
    return irregularCode(Deno.lstatSync(path));
  } catch {
    return undefined; // The error that made us ask is the one to report.
  }
}
