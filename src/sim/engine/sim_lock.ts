/**
 * A lock on a directory or a file of a simulated disk, which every engine on that disk respects.
 *
 * @module
 */

import { IoError, LockedError } from "../../base/mod.ts";
import type { PathLock } from "../../io/mod.ts";
import type { SimNode } from "../disk/sim_directory.ts";
import type { SimDisk } from "../disk/sim_disk.ts";

/** A lock on what a path leads to. */
export class SimLock implements PathLock {
  readonly #disk: SimDisk;
  readonly #path: string;
  readonly #node: SimNode;
  #isHeld = true;

  /** See {@linkcode PathLock.follows}. */
  readonly follows = false;

  /** Locks what a path leads to, or throws a `LockedError`. */
  constructor(disk: SimDisk, path: string) {
    this.#disk = disk;
    this.#path = path;
    this.#node = disk.node(path, "lock");
    if (disk.locked.has(this.#node)) throw new LockedError(`Cannot lock "${path}": it is open elsewhere`);
    disk.locked.add(this.#node);
  }

  /** See {@linkcode PathLock.holds}. */
  holds(): Promise<boolean> {
    return Promise.try(() => {
      if (!this.#isHeld) return false;
      try {
        return this.#disk.node(this.#path, "find") === this.#node;
      } catch (error) {
        if (error instanceof IoError) return false;
        throw error;
      }
    });
  }

  /** See {@linkcode PathLock.release}. */
  release(): Promise<void> {
    if (this.#isHeld) this.#disk.locked.delete(this.#node);
    this.#isHeld = false;
    return Promise.resolve();
  }
}
