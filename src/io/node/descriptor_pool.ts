/**
 * The descriptors of one file of the engine `node`, each lent to one transfer at a time.
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

/** Descriptors that the files of one engine may have beyond their first. */
export interface DescriptorBudget {
  /** How many more may be opened. */
  left: number;
}

/** The descriptors of one file. */
export class DescriptorPool {
  readonly #path: string;
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
   * @param path The path to open further ones by.
   * @param flags The flags to open further ones with, none that make a file.
   * @param budget What all files of the engine share.
   */
  constructor(fd: number, path: string, flags: number, budget: DescriptorBudget) {
    this.#all = [fd];
    this.#idle = [fd];
    this.#path = path;
    this.#flags = flags;
    this.#budget = budget;
  }

  /** The first descriptor, which is open as long as the file is. */
  get first(): number {
    return this.#all[0];
  }

  /** Lends a descriptor to `call` alone. */
  async lend<T>(call: (fd: number) => Promise<T>): Promise<T> {
    const fd = this.#idle.pop() ?? this.#grow() ?? await this.#wait();
    try {
      return await call(fd);
    } finally {
      this.#giveBack(fd);
    }
  }

  /** Closes every descriptor, of which none may be lent. */
  close(): void {
    for (const fd of this.#all) closeSync(fd);
    this.#budget.left += this.#all.length - 1;
    this.#all.length = 1;
  }

  #wait(): Promise<number> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #giveBack(fd: number): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(fd);
    else next(fd);
  }

  #grow(): number | undefined {
    if (this.#leadsElsewhere || this.#budget.left === 0) return undefined;
    const fd = this.#reopen();
    this.#leadsElsewhere = fd === undefined;
    if (fd === undefined) return undefined;
    this.#budget.left--;
    this.#all.push(fd);
    return fd;
  }

  /** Opens the path, if it still leads to this file. Otherwise the descriptors there are must do. */
  #reopen(): number | undefined {
    let fd: number;
    try {
      fd = openSync(this.#path, this.#flags);
    } catch {
      return undefined;
    }
    if (isSameFile(fd, this.first)) return fd;
    closeSync(fd);
    return undefined;
  }
}

function isSameFile(a: number, b: number): boolean {
  const [first, second] = [fstatSync(a, { bigint: true }), fstatSync(b, { bigint: true })];
  return first.ino === second.ino && first.dev === second.dev;
}
