/**
 * A lock on a directory or a file of a simulated disk, which every engine on that disk respects.
 *
 * @module
 */

import { IoError, LockedError } from "../../base/mod.ts";
import type { LeaseKind, PathLock } from "../../io/mod.ts";
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

  readonly #kind: LeaseKind;

  /** Locks what a path leads to, or throws a `LockedError`. */
  constructor(disk: SimDisk, path: string, kind: LeaseKind) {
    this.#disk = disk;
    this.#path = path;
    this.#node = disk.node(path, "lock");
    this.#kind = kind;
    const held = disk.locked.get(this.#node) ?? 0;
    if (kind === "alone" ? held > 0 : held === Infinity) {
      throw new LockedError(`Cannot lock "${path}": it is open elsewhere`);
    }
    disk.locked.set(this.#node, kind === "alone" ? Infinity : held + 1);
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
    const held = this.#disk.locked.get(this.#node) ?? 0;
    if (this.#isHeld && (this.#kind === "alone" || held === 1)) this.#disk.locked.delete(this.#node);
    else if (this.#isHeld) this.#disk.locked.set(this.#node, held - 1);
    this.#isHeld = false;
    return Promise.resolve();
  }
}
