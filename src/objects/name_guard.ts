/**
 * Making and removing names, only as long as the store's lock leads to the store's directory: after another process
 * moved the directory away and made a new one, nothing of ours may happen to that.
 *
 * @module
 */

import { IoError } from "../base/mod.ts";
import type { DirectoryLock, IoEngine } from "../io/mod.ts";

/** Whether an error says that there is no such name. */
export function isMissing(error: unknown): boolean {
  return error instanceof IoError && error.code === "ENOENT";
}

/** Who asks the lock before names change. */
export class NameGuard {
  readonly #engine: IoEngine;
  readonly #lock: DirectoryLock | undefined;

  /** Asks `lock`, if there is one. */
  constructor(engine: IoEngine, lock: DirectoryLock | undefined) {
    this.#engine = engine;
    this.#lock = lock;
  }

  /**
   * Checks that the directory is still ours.
   *
   * @throws {IoError} With `ESTALE`, if the path leads elsewhere by now.
   */
  async check(operation: string, path: string): Promise<void> {
    if (this.#lock === undefined || await this.#lock.holds()) return;
    throw new IoError({ code: "ESTALE", operation, path });
  }

  /** Removes a file; one that is not there is removed already. */
  async remove(path: string): Promise<void> {
    await this.check("remove", path);
    await this.#engine.remove(path).catch((error) => {
      if (!isMissing(error)) throw error;
    });
  }
}
