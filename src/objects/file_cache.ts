/**
 * Open files of immutable layers, and of segments being read, under a bound.
 *
 * A lease keeps its file open; files without a lease stay open until room is needed, the longest unused first.
 *
 * @module
 */

import { assert } from "../base/mod.ts";
import type { IoEngine, IoFile } from "../io/mod.ts";

interface Entry {
  readonly path: string;
  readonly opening: Promise<IoFile>;
  file: IoFile | undefined;
  leases: number;
  retired: boolean;
}

/** A promise not to close a file while somebody reads it. */
export class FileLease implements Disposable {
  /** The file. */
  readonly file: IoFile;
  readonly #release: () => void;
  #released = false;

  /** Made by {@linkcode FileCache} only. */
  constructor(file: IoFile, release: () => void) {
    this.file = file;
    this.#release = release;
  }

  /** Lets go of the file. */
  [Symbol.dispose](): void {
    if (this.#released) return;
    this.#released = true;
    this.#release();
  }
}

/** Files open for reading, at most `most` of them without a lease. */
export class FileCache {
  readonly #engine: IoEngine;
  readonly #direct: boolean;
  readonly #most: number;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new Set<Promise<void>>();

  /**
   * Makes an empty cache.
   *
   * @param engine What opens files.
   * @param direct Whether reads bypass the page cache.
   * @param most How many files stay open.
   */
  constructor(engine: IoEngine, direct: boolean, most: number) {
    this.#engine = engine;
    this.#direct = direct;
    this.#most = most;
  }

  /** Leases a file, opening it if need be. */
  async acquire(path: string): Promise<FileLease> {
    const entry = this.#entries.get(path) ?? this.#open(path);
    entry.leases++;
    try {
      entry.file ??= await entry.opening;
    } catch (error) {
      entry.leases--;
      if (this.#entries.get(path) === entry) this.#entries.delete(path);
      throw error;
    }
    this.#touch(entry);
    return new FileLease(entry.file, () => this.#release(entry));
  }

  #open(path: string): Entry {
    const opening = this.#engine.open(path, { access: "read", direct: this.#direct });
    const entry: Entry = { path, opening, file: undefined, leases: 0, retired: false };
    this.#entries.set(path, entry);
    return entry;
  }

  #touch(entry: Entry): void {
    if (entry.retired) return;
    this.#entries.delete(entry.path);
    this.#entries.set(entry.path, entry);
    this.#trim();
  }

  /** Closes files without a lease, the longest unused first, while more than allowed are open. */
  #trim(): void {
    if (this.#entries.size <= this.#most) return;
    for (const other of this.#entries.values()) {
      if (other.leases > 0 || other.file === undefined) continue;
      this.#retire(other);
      if (this.#entries.size <= this.#most) return;
    }
  }

  #release(entry: Entry): void {
    assert(entry.leases > 0, "a lease is released once");
    entry.leases--;
    if (entry.leases > 0) return;
    if (entry.retired) this.#close(entry);
    else this.#trim();
  }

  #retire(entry: Entry): void {
    if (entry.retired) return;
    entry.retired = true;
    if (this.#entries.get(entry.path) === entry) this.#entries.delete(entry.path);
    if (entry.leases === 0) this.#close(entry);
  }

  #close(entry: Entry): void {
    if (entry.file === undefined) return;
    // Nobody waits for it, and a file that was only read loses nothing if closing it fails.
    const closing: Promise<void> = this.#engine.close(entry.file).catch(() => {}).finally(() =>
      this.#closing.delete(closing)
    );
    this.#closing.add(closing);
  }

  /** Closes every file as soon as its last lease is gone, and waits for those that have none. */
  async closeAll(): Promise<void> {
    for (const entry of [...this.#entries.values()]) {
      if (entry.file === undefined) entry.file = await entry.opening.catch(() => undefined);
      this.#retire(entry);
    }
    await Promise.all(this.#closing);
  }
}
