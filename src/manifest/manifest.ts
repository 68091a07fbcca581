/**
 * The manifest: what exists, and the only commit point of a store. A commit is durable first and published after.
 *
 * ```
 *   commit ─► queue ─► apply ─► frame, durable ─► published ─► resolved       (all that wait share one frame)
 *                        ▲
 *                        └ before it, where edits outweigh the snapshot: a new file, version + 1
 * ```
 *
 * M3  `state` is what the newest durable frame says. Commits are published in the order in which they were asked for:
 *     one that cannot be written takes those with it that wait behind it.
 * M5  After a shortage it goes on; after any other failure nothing is written any more.
 *
 * Any number of commits may be asked for at once.
 *
 * @module
 */

import { CorruptionError, Health, ReadOnlyError } from "../base/mod.ts";
import { apply, editsOf } from "./apply.ts";
import type { ManifestEnd } from "./check_manifest.ts";
import { codeEdit } from "./codec.ts";
import { Coder } from "./coder.ts";
import type { Edit } from "./edit.ts";
import { isRefusal, ManifestLog } from "./manifest_log.ts";
import { findManifest, type ManifestHome } from "./read_manifest.ts";
import type { StoreState } from "./state.ts";

/** How a manifest is opened. */
export interface ManifestOptions {
  /** Whether nothing may be written. @default {false} */
  readOnly?: boolean | undefined;
}

interface Commit extends PromiseWithResolvers<StoreState> {
  readonly edits: readonly Edit[];
}

/** What exists, and the one way to change it. */
export class Manifest {
  readonly #directory: string;
  readonly #health: Health;
  /** `undefined` if it is read only. */
  readonly #log: ManifestLog | undefined;
  #state: StoreState;
  /** Where what was read ended. */
  #readEnd: number;
  readonly #queue: Commit[] = [];
  #writing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(directory: string, state: StoreState, log: ManifestLog | undefined, readEnd: number) {
    this.#directory = directory;
    this.#health = new Health(`manifest of "${directory}"`);
    this.#state = state;
    this.#log = log;
    this.#readEnd = readEnd;
  }

  /** What exists, as the last durable commit left it. */
  get state(): StoreState {
    return this.#state;
  }

  /** How far it was written; `undefined` if it is read only. */
  get end(): ManifestEnd | undefined {
    return this.#log && { version: this.#log.version, offset: this.#log.end };
  }

  /**
   * Makes the first manifest of a store: when it resolves, it is durable.
   *
   * @param home Where; any `Objects` will do.
   * @param state What exists, and the version of the manifest: 1.
   * @throws {Deno.errors.AlreadyExists} If there is one.
   * @throws {AssertionError} If what exists cannot be.
   */
  static async create(home: ManifestHome, state: StoreState): Promise<Manifest> {
    const edits = state.timelines.map((timeline): Edit => ({ type: "addTimeline", timeline }));
    apply({ ...state, timelines: [], dropped: [] }, edits);
    const log = await ManifestLog.create(home, state);
    return new Manifest(home.directory, state, log, log.end);
  }

  /**
   * Reads the newest manifest. What it returns is durable, unless it is read only.
   *
   * @param home Where; any `Objects` will do.
   * @param options Whether it may be written.
   * @returns The manifest, or `undefined` if there is none.
   * @throws {CorruptionError} If the newest manifest is damaged.
   * @throws {VarveError} If it is of another version of the format.
   */
  static async open(home: ManifestHome, options: ManifestOptions = {}): Promise<Manifest | undefined> {
    const found = await findManifest(home, options.readOnly ?? false);
    if (found === undefined) return undefined;
    const { contents, older } = found;
    const log = options.readOnly ? undefined : await ManifestLog.reopen(home, contents, older);
    return new Manifest(home.directory, contents.state, log, contents.end.offset);
  }

  /**
   * Reads anew what exists, where another process writes it.
   *
   * @param home Where it was opened.
   * @param learn Is told what exists, in the turn in which it is so.
   * @returns Whether anything was written since it was read last.
   * @throws {CorruptionError} If the newest manifest is damaged, or there is none any more.
   */
  async refresh(home: ManifestHome, learn: (state: StoreState) => void): Promise<boolean> {
    const found = await findManifest(home, true);
    if (found === undefined) {
      throw new CorruptionError({ path: this.#directory, offset: 0, expected: "a manifest", found: "none" });
    }
    const { state, end } = found.contents;
    if (state.version === this.#state.version && end.offset === this.#readEnd) return false;
    this.#state = state;
    this.#readEnd = end.offset;
    learn(state);
    return true;
  }

  /**
   * Makes edits durable, all of them or none, then publishes them.
   *
   * A commit that rejects is not applied. Unless a later one succeeds, it may still be found at the next opening, as
   * any write whose end nobody saw: so what it names must not be removed meanwhile.
   *
   * @param edits What changes; it must not be changed any more.
   * @returns What exists then.
   * @throws {IoError} If the disk is full: whoever waits is rejected, in turn, and may ask again.
   * @throws {PoisonedError} If anything else failed, now or earlier.
   * @throws {AssertionError} If an edit does not fit, which is a bug of whoever made it; no other commit is touched.
   * @throws {LimitError} If the manifest would be larger than may be.
   * @throws {ReadOnlyError} If it was opened to be read only.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  async commit(edits: Edit | readonly Edit[]): Promise<StoreState> {
    const log = this.#log;
    if (log === undefined) {
      throw new ReadOnlyError(`Cannot write manifest of "${this.#directory}": it is read only`);
    }
    this.#health.check();
    const commit = { edits: editsOf(edits), ...Promise.withResolvers<StoreState>() };
    this.#queue.push(commit);
    this.#writing ??= this.#writeAll(log);
    return await commit.promise;
  }

  /**
   * Waits for what was asked for, then says in the file that it was closed cleanly, so that damage of its end is not
   * taken for a torn write. What failed before has been told, and is no failure of closing.
   *
   * @throws {IoError} If that cannot be written; it is closed nevertheless.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#health.close();
    await this.#writing;
    try {
      if (this.#health.cause === undefined) await this.#log?.close();
    } finally {
      this.#health.closed();
    }
  }

  async #writeAll(log: ManifestLog): Promise<void> {
    // Commits of the same turn are written together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const commits = this.#queue.splice(0);
      try {
        await this.#write(log, commits);
      } catch (error) {
        const reason = isRefusal(error) ? error : this.#health.fail(error as Error);
        for (const { reject } of [...commits, ...this.#queue.splice(0)]) reject(reason);
      }
    }
    this.#writing = undefined;
  }

  /** Writes commits in one frame, but for those that do not fit, and publishes them (M3). */
  async #write(log: ManifestLog, commits: readonly Commit[]): Promise<void> {
    const body = Coder.writer(), fitting: Commit[] = [];
    let next = this.#state;
    for (const commit of commits) {
      const { position } = body;
      try {
        const after = apply(next, commit.edits);
        for (const edit of commit.edits) codeEdit(body, edit);
        next = after;
        fitting.push(commit);
      } catch (error) {
        body.position = position;
        commit.reject(error);
      }
    }
    if (body.position > 0) await log.append(body.written, this.#state);
    this.#state = { ...next, version: log.version };
    for (const { resolve } of fitting) resolve(this.#state);
  }
}
