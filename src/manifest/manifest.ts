/**
 * The only commit point: a manifest is written aside, synced, renamed, and the directory is synced.
 *
 * Edits that come while one is being written are written together in the next. The newest manifest counts; since
 * one gets its name only after it is durable, a newest manifest that does not check is damage and never a torn write.
 *
 * G1  Versions grow by one; a file is named by a durable manifest before anything in it is acknowledged.
 * G2  The manifest before the newest is kept until the next one is durable.
 *
 * @module
 */

import {
  CorruptionError,
  IoError,
  isFullDisk,
  LimitError,
  maxManifestBytes,
  PoisonedError,
  VarveError,
} from "../base/mod.ts";
import type { IoEngine, Transfer } from "../io/mod.ts";
import {
  decodeManifest,
  encodeManifest,
  manifestName,
  type ManifestState,
  parseManifestName,
} from "./format.ts";

const pendingName = "manifest-pending";

/** Changes the state in place; an edit may be applied once only. */
export type ManifestEdit = (state: ManifestState) => void;

interface Waiter {
  readonly edit: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What exists, and the one way to change it. */
export class Manifest {
  readonly #engine: IoEngine;
  readonly #directory: string;
  readonly #state: ManifestState;
  /** Versions whose files are to be removed once the next manifest is durable (G2). */
  readonly #old: number[];
  #waiters: Waiter[] = [];
  #edits = 0;
  #writing: Promise<void> | undefined;
  #failure: unknown;

  private constructor(engine: IoEngine, directory: string, state: ManifestState, old: number[]) {
    this.#engine = engine;
    this.#directory = directory;
    this.#state = state;
    this.#old = old;
  }

  /** What exists; it must not be written but by {@linkcode edit}. */
  get state(): Readonly<ManifestState> {
    return this.#state;
  }

  /**
   * Makes the first manifest of a store.
   *
   * @param engine What writes.
   * @param directory The store's directory.
   * @param state What exists; its version is 0.
   */
  static async create(engine: IoEngine, directory: string, state: ManifestState): Promise<Manifest> {
    const manifest = new Manifest(engine, directory, state, []);
    await manifest.edit(() => {});
    return manifest;
  }

  /**
   * Reads the newest manifest.
   *
   * @param engine What reads.
   * @param directory The store's directory.
   * @returns The manifest, or `undefined` if there is none.
   * @throws {CorruptionError} If the newest manifest does not check.
   */
  static async load(engine: IoEngine, directory: string): Promise<Manifest | undefined> {
    const versions = (await engine.list(directory)).map(parseManifestName).filter((v) => v !== undefined);
    if (versions.length === 0) return undefined;
    const version = Math.max(...versions);
    const path = `${directory}/${manifestName(version)}`;
    const state = decodeManifest(await readWhole(engine, path));
    if (typeof state !== "string" && state.version === version) {
      return new Manifest(engine, directory, state, versions.filter((other) => other < version));
    }
    const found = typeof state === "string" ? state : `version ${state.version}`;
    throw new CorruptionError({ path, offset: 0, expected: `manifest version ${version}`, found });
  }

  /** Syncs the newest manifest and its directory, so that what was read is what will be there. */
  async settle(): Promise<void> {
    const path = `${this.#directory}/${manifestName(this.#state.version)}`;
    const file = await this.#engine.open(path, { access: "write", direct: false });
    try {
      await this.#engine.sync(file);
    } finally {
      await this.#engine.close(file);
    }
    await this.#engine.syncDirectory(this.#directory);
  }

  /**
   * Applies an edit at once and resolves when a durable manifest has it.
   *
   * After a full disk the edit stays applied in memory, and the next edit writes it too.
   *
   * @param edit Changes the state.
   */
  edit(edit: ManifestEdit): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#poisoned());
    edit(this.#state);
    const number = ++this.#edits;
    return new Promise((resolve, reject) => {
      this.#waiters.push({ edit: number, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    // Edits of the same turn are written together.
    await Promise.resolve();
    while (this.#waiters.length > 0) {
      const upTo = this.#edits;
      let error: unknown;
      try {
        await this.#writeOnce();
      } catch (caught) {
        error = caught;
        if (!isFullDisk(caught)) this.#failure = caught;
      }
      const settled = this.#waiters.filter((waiter) => waiter.edit <= upTo || this.#failure !== undefined);
      this.#waiters = this.#waiters.filter((waiter) => !settled.includes(waiter));
      for (const waiter of settled) error === undefined ? waiter.resolve() : waiter.reject(error);
    }
    this.#writing = undefined;
  }

  async #writeOnce(): Promise<void> {
    const version = this.#state.version + 1;
    const bytes = encodeManifest({ ...this.#state, version });
    if (bytes.length > maxManifestBytes) throw new LimitError(`Cannot write manifest: ${bytes.length} bytes`);
    const pending = `${this.#directory}/${pendingName}`;
    await this.#removeIfThere(pending);
    await this.#writeFile(pending, bytes);
    await this.#engine.rename(pending, `${this.#directory}/${manifestName(version)}`);
    await this.#engine.syncDirectory(this.#directory);
    this.#state.version = version;
    await this.#removeOld(version);
  }

  /** Removes what stands before the manifest before the newest, leftovers of a crash included (G2). */
  async #removeOld(version: number): Promise<void> {
    this.#old.push(version);
    const gone = this.#old.filter((other) => other < version - 1);
    for (const other of gone) {
      await this.#removeIfThere(`${this.#directory}/${manifestName(other)}`);
      this.#old.splice(this.#old.indexOf(other), 1);
    }
  }

  async #writeFile(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.#engine.open(path, { access: "write", direct: false, create: true });
    try {
      const transfer: Transfer = { file, offset: 0, bytes, done: 0, error: undefined };
      await this.#engine.write([transfer]);
      if (transfer.error !== undefined) throw transfer.error;
      await this.#engine.sync(file);
    } finally {
      await this.#engine.close(file);
    }
  }

  async #removeIfThere(path: string): Promise<void> {
    try {
      await this.#engine.remove(path);
    } catch (error) {
      if (!(error instanceof IoError && error.code === "ENOENT")) throw error;
    }
  }

  #poisoned(): PoisonedError {
    return new PoisonedError(`Cannot write manifest in "${this.#directory}": an earlier write failed`, {
      cause: this.#failure,
    });
  }
}

async function readWhole(engine: IoEngine, path: string): Promise<Uint8Array> {
  const file = await engine.open(path, { access: "read", direct: false });
  try {
    const length = await engine.size(file);
    if (length > maxManifestBytes) {
      throw new VarveError(`Cannot read manifest "${path}": it is ${length} bytes`);
    }
    const transfer: Transfer = { file, offset: 0, bytes: new Uint8Array(length), done: 0, error: undefined };
    if (length > 0) await engine.read([transfer]);
    if (transfer.error !== undefined) throw transfer.error;
    return transfer.bytes.subarray(0, transfer.done);
  } finally {
    await engine.close(file);
  }
}
