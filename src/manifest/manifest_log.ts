/**
 * The files of a manifest: the newest one, which is appended to, and those before it.
 *
 * M4  The newest version counts, damaged or not. It gets its name only once it is durable; the file before it then says
 *     in a last frame that it is superseded, and stays until the next version is durable.
 * M6  A new file is made when edits outweigh the snapshot, and when nobody closed the last one: the end of that may be
 *     what a failed sync left in memory alone. While the disk has no room for it, the old file is gone on with.
 *     That an old file cannot be removed is no failure: what counts is durable.
 * M7  Once a newer file may be there, durable or not, the old one is not appended to: only a newer one still helps.
 *
 * One call at a time.
 *
 * @module
 */

import { IoError, isFullDisk, LimitError } from "../base/mod.ts";
import { ManifestFile, type ManifestHome } from "./manifest_file.ts";
import { manifestName } from "./names.ts";
import type { ManifestContents } from "./read_manifest.ts";
import type { StoreState } from "./state.ts";

const nothing = new Uint8Array(0);

/** The files of a manifest. */
export class ManifestLog {
  readonly #home: ManifestHome;
  #file: ManifestFile;
  /** Versions whose files go once the next version is durable (M4). */
  #old: readonly number[];
  /** The newest version of which there may be a file (M7). */
  #lastVersion: number;
  /** Whether a new file comes before the next edits (M6). */
  #startsAnew = false;
  #isTouched = false;

  private constructor(home: ManifestHome, file: ManifestFile, old: readonly number[]) {
    this.#home = home;
    this.#file = file;
    this.#old = old;
    this.#lastVersion = file.version;
  }

  /** Makes the first file. */
  static async create(home: ManifestHome, state: StoreState): Promise<ManifestLog> {
    const log = new ManifestLog(home, await ManifestFile.create(home, state), []);
    log.#isTouched = true;
    return log;
  }

  /**
   * Goes on after what was read, and removes what is older than the file before it.
   *
   * @param home Where.
   * @param contents What was read.
   * @param older The versions below it that are there, ascending.
   */
  static async reopen(home: ManifestHome, contents: ManifestContents, older: number[]): Promise<ManifestLog> {
    const log = new ManifestLog(home, ManifestFile.reopen(home, contents), older.slice(-1));
    log.#startsAnew = !contents.isClosed;
    log.#old = [...await removeAll(home, older.slice(0, -1)), ...older.slice(-1)];
    return log;
  }

  /** The version of the newest file. */
  get version(): number {
    return this.#file.version;
  }

  /**
   * Appends edits: when it resolves, they are durable.
   *
   * @param body The edits.
   * @param state What exists without them, with which a new file starts.
   */
  async append(body: Uint8Array, state: StoreState): Promise<void> {
    this.#isTouched = true;
    const isInDoubt = this.#lastVersion > this.#file.version;
    if (this.#startsAnew || isInDoubt || this.#file.isFull(body.length)) await this.#startFile(state);
    await this.#file.append("edits", body);
  }

  /** Says in the file that it was closed cleanly, if anything was written. One that has no room for that does without. */
  async close(): Promise<void> {
    if (!this.#isTouched) return;
    try {
      await this.#file.append("closed", nothing);
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
    }
  }

  async #startFile(state: StoreState): Promise<void> {
    const version = this.#lastVersion + 1;
    const before = this.#file;
    try {
      this.#file = await ManifestFile.create(this.#home, { ...state, version });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if ((await this.#home.root.list()).includes(manifestName(version))) this.#lastVersion = version;
      if (this.#lastVersion > before.version) throw error;
      this.#startsAnew = false;
      return before.bear();
    }
    const gone = [...this.#old];
    for (let doubtful = before.version + 1; doubtful < version; doubtful++) gone.push(doubtful);
    this.#startsAnew = false;
    this.#lastVersion = version;
    this.#old = [before.version];
    await before.append("superseded", nothing).catch(passOver);
    this.#old = [...await removeAll(this.#home, gone), before.version];
  }
}

/** Removes old files; returns the versions of those that stay because the system fails, to be removed with the next. */
async function removeAll(home: ManifestHome, versions: readonly number[]): Promise<number[]> {
  const left: number[] = [];
  for (const version of versions) {
    try {
      await home.root.remove(manifestName(version));
    } catch (error) {
      // In a directory that is not ours any more nothing may be written either.
      if (!(error instanceof IoError) || error.code === "ESTALE") throw error;
      left.push(version);
    }
  }
  return left;
}

/** What leaves the files as they are: no room on the disk, or for a frame more in a file. */
function isRefusal(error: unknown): boolean {
  return isFullDisk(error) || error instanceof LimitError;
}

function passOver(error: unknown): void {
  if (!isRefusal(error)) throw error;
}
