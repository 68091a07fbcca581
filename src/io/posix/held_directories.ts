/**
 * Directories that are locked, each held open: what a path names under one of them is looked up in the directory itself
 * (`openat` and its like), so that it is found and made there even if the path leads elsewhere by now.
 *
 * ```
 *   locked as /a/store, descriptor 7        /a/store/01ab/file  ──►  7, "01ab/file"
 *                                           /a/other            ──►  working directory, "/a/other"
 * ```
 *
 * Where two directories are held under one path, since the first was moved away and the other locked in its place, nobody
 * can tell which of them is meant: the path decides, as if neither were held.
 *
 * @module
 */

import { currentDirectory } from "./libc.ts";

/** Where a name stands, as the calls of the C library that end in `at` take it. */
export interface NamePlace {
  /** The descriptor of a directory, or {@linkcode currentDirectory}. */
  readonly at: number;
  /** The path from there. */
  readonly name: string;
}

/** Directories that are held open. It owns their descriptors. */
export class HeldDirectories {
  readonly #close: (fd: number) => void;
  readonly #held = new Map<string, Set<number>>();

  /**
   * Holds none.
   *
   * @param close Closes a descriptor.
   */
  constructor(close: (fd: number) => void) {
    this.#close = close;
  }

  /**
   * Takes over the descriptor of a directory.
   *
   * @param path Its path, absolute and without `.`, `..` and a slash at its end.
   * @param fd The descriptor.
   * @returns Gives it up; doing so again, or after the end, does nothing.
   */
  hold(path: string, fd: number): () => void {
    const fds = this.#held.get(path) ?? new Set();
    this.#held.set(path, fds.add(fd));
    return () => {
      if (!fds.delete(fd)) return;
      if (fds.size === 0) this.#held.delete(path);
      this.#close(fd);
    };
  }

  /** Where the name at the end of a path stands, if that is in a directory that is held, at any depth. */
  locate(path: string): NamePlace | undefined {
    if (this.#held.size === 0) return undefined;
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const at = this.#only(path.slice(0, end));
      if (at !== undefined) return placeIn(at, path.slice(end + 1));
    }
    return undefined;
  }

  /** Where a directory is, if it is held or in one that is. */
  locateDirectory(path: string): NamePlace | undefined {
    const at = this.#only(path);
    return at === undefined ? this.locate(path) : { at, name: "." };
  }

  /** Where the name at the end of any path stands. */
  place(path: string): NamePlace {
    return this.locate(path) ?? { at: currentDirectory, name: path };
  }

  /** Gives up all of them. */
  end(): void {
    for (const fds of this.#held.values()) {
      for (const fd of fds) this.#close(fd);
      fds.clear();
    }
    this.#held.clear();
  }

  /** The descriptor of what is held under a path, if that is one directory. */
  #only(path: string): number | undefined {
    const fds = this.#held.get(path);
    if (fds?.size !== 1) return undefined;
    const [fd] = fds;
    return fd;
  }
}

/** A place in a directory; `undefined` for a path that may lead out of it, or that no call takes. */
function placeIn(at: number, name: string): NamePlace | undefined {
  const isPlain = !name.includes("\0") && !name.split("/").some((part) => ["", ".", ".."].includes(part));
  return isPlain ? { at, name } : undefined;
}
