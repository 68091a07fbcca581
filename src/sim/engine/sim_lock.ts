/**
 * A lock on a directory or a file of a simulated disk, which every engine on that disk respects.
 *
 * @module
 */

import { IoError, LockedError } from "../../base/mod.ts";
import type { LeaseKind, LockTicket, PathLock } from "../../io/mod.ts";
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

  /** See {@linkcode PathLock.ticket}: a disk is one device, and what it leads to is known by its path. */
  readonly ticket: LockTicket = { ino: 0, dev: 0 };

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
    return Promise.try(() => this.#isHeld && leadsTo(this.#disk, this.#path, this.#node));
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

/** Goes along with a lock that another engine on the disk holds. */
export function joinLock(disk: SimDisk, path: string): PathLock {
  const node = disk.node(path, "lock");
  if (disk.locked.get(node) !== Infinity) throw new IoError({ code: "ESTALE", operation: "lock", path });
  return {
    follows: false,
    holds: () => Promise.try(() => leadsTo(disk, path, node)),
    release: () => Promise.resolve(),
  };
}

function leadsTo(disk: SimDisk, path: string, node: SimNode): boolean {
  try {
    return disk.node(path, "find") === node;
  } catch (error) {
    if (error instanceof IoError) return false;
    throw error;
  }
}
