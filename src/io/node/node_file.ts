/**
 * One file of the engine `node`: its descriptors, each lent to one transfer at a time.
 *
 * The runtime serves the asynchronous calls of one descriptor one after the other, and slowly at that if they
 * wait inside it: 4 KiB direct reads at depth 16 measured 2.6 k/s on one descriptor that sixteen shared. So
 * transfers wait here, and the file is opened again while they do.
 *
 * ```
 *   transfer ──► an idle descriptor ──► else one opened by path ──► else wait for whoever is first done
 * ```
 *
 * The file may have been renamed or replaced since it was opened: a descriptor opened by path is used only
 * if it leads to the same inode.
 *
 * @module
 */

import { closeSync, fstatSync, openSync } from "node:fs";
import type { IoFile } from "../engine.ts";

/** Descriptors that the files of one engine may have beyond their first. */
export interface DescriptorBudget {
  /** How many more may be opened. */
  left: number;
}

/** A file of `node:fs`. */
export class NodeFile implements IoFile {
  /** The path it was opened with. */
  readonly path: string;
  /** Whether its transfers bypass the page cache. */
  readonly direct: boolean;
  /** A descriptor that is open as long as the file is. */
  readonly fd: number;
  readonly #flags: number;
  readonly #budget: DescriptorBudget;
  readonly #all: number[];
  readonly #idle: number[];
  readonly #waiting: ((fd: number) => void)[] = [];
  #leadsElsewhere = false;

  /**
   * Takes over the first descriptor of a file.
   *
   * @param fd The descriptor.
   * @param file Its path, and whether it is direct.
   * @param flags The flags to open further ones with, none that make a file.
   * @param budget What all files of the engine share.
   */
  constructor(fd: number, file: IoFile, flags: number, budget: DescriptorBudget) {
    this.path = file.path;
    this.direct = file.direct;
    this.fd = fd;
    this.#all = [fd];
    this.#idle = [fd];
    this.#flags = flags;
    this.#budget = budget;
  }

  /** Lends a descriptor to `call` alone. */
  async lend<T>(call: (fd: number) => Promise<T>): Promise<T> {
    const fd = this.#idle.pop() ?? this.#grow() ?? await this.#wait();
    try {
      return await call(fd);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(fd);
      else next(fd);
    }
  }

  /** Closes every descriptor, of which none may be lent. Whoever wants one after that is given none that exists. */
  close(): void {
    for (const fd of this.#all) closeSync(fd);
    this.#budget.left += this.#all.length - 1;
    this.#idle.fill(-1);
    this.#leadsElsewhere = true;
  }

  #wait(): Promise<number> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Opens the path, if it still leads to this file. Otherwise the descriptors there are must do. */
  #grow(): number | undefined {
    if (this.#leadsElsewhere || this.#budget.left === 0) return undefined;
    try {
      const fd = openSync(this.path, this.#flags);
      if (isSameFile(fd, this.fd)) {
        this.#budget.left--;
        this.#all.push(fd);
        return fd;
      }
      closeSync(fd);
    } catch {
      // It leads nowhere.
    }
    this.#leadsElsewhere = true;
    return undefined;
  }
}

function isSameFile(a: number, b: number): boolean {
  const [first, second] = [fstatSync(a, { bigint: true }), fstatSync(b, { bigint: true })];
  return first.ino === second.ino && first.dev === second.dev;
}
