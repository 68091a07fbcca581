/**
 * Files that are open for reading, under a bound.
 *
 * A lease keeps the file of an object open while a batch of reads is in flight, and no longer. Files without a lease
 * stay open until room is needed, those that were not used lately first.
 *
 * F1  Whoever holds a lease never waits for a descriptor, so that leases end.
 * F2  When descriptors run out, those who hold no lease are served one after the other, and nobody else opens anything
 *     meanwhile, so that everybody is served.
 * F3  The file of an object that was removed is closed when its last lease ends, and so is every file once this is
 *     closed.
 *
 * @module
 */

import { assert, CorruptionError, IoError } from "../../base/mod.ts";
import type { IoEngine, IoFile, OpenOptions } from "../../io/mod.ts";
import type { StoredObject } from "../stored_object.ts";

/** Whether an error says that no file can be opened because too many are. */
export function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof IoError && (error.code === "EMFILE" || error.code === "ENFILE");
}

/** Files open for reading; those without a lease are at most so many as are allowed. */
export class OpenFiles {
  readonly #engine: IoEngine;
  readonly #direct: boolean;
  readonly #most: number;
  /** Those that are open, in the order in which they are looked at for closing. */
  readonly #open = new Set<StoredObject>();
  readonly #closing = new Set<Promise<void>>();
  #openings = 0;
  /** Leases and files that ended: whoever failed while one did tries again. */
  #freed = 0;
  #changes: (() => void)[] = [];
  /** When the last of those is served who wait for descriptors (F2). */
  #served: Promise<void> = Promise.resolve();
  #unserved = 0;
  #closed = false;

  /**
   * Starts without an open file.
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

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  /** Leases the file of an object if it is open. */
  tryLease({ own }: StoredObject): IoFile | undefined {
    if (own.file === undefined || this.#closed) return undefined;
    own.leases++;
    own.isUsed = true;
    return own.file;
  }

  /**
   * Leases the file of an object, opening it if need be. If there are no descriptors it rejects rather than wait (F1).
   *
   * @throws {CorruptionError} If there is no file.
   * @throws {IoError} If it cannot be opened; see {@linkcode isOutOfDescriptors}.
   */
  lease(object: StoredObject): Promise<IoFile> {
    const { own, path } = object;
    if (this.#unserved === 0 || own.file !== undefined) return this.#lease(object);
    return Promise.reject(new IoError({ code: "EMFILE", operation: "open", path }));
  }

  /**
   * As {@linkcode lease}, but if there are no descriptors it waits for other leases to end. Only for who holds none.
   *
   * @throws {IoError} If there are no descriptors, and no other lease either that could be waited for.
   */
  leaseInTurn(object: StoredObject): Promise<IoFile> {
    return this.#inTurn(() => this.#lease(object));
  }

  async #lease(object: StoredObject): Promise<IoFile> {
    const { own, path } = object;
    if (this.#closed) throw new Deno.errors.BadResource(`Cannot read "${path}": it is closed`);
    own.leases++;
    own.isUsed = true;
    try {
      if (own.file === undefined) await (own.opening ??= this.#openObject(object));
    } catch (error) {
      own.leases--;
      throw error;
    }
    assert(own.file !== undefined, "a file that is leased is open");
    return own.file;
  }

  /** Ends a lease. */
  release(object: StoredObject): void {
    const { own } = object;
    assert(own.leases > 0, "a lease ends once");
    if (--own.leases > 0) return;
    this.#freed++;
    if (own.isRemoved || this.#closed) this.#close(object);
    else this.#trim();
    this.#changed();
  }

  /** Opens a file that is not leased, such as one to write to; as {@linkcode spare}. */
  open(path: string, options: OpenOptions): Promise<IoFile> {
    return this.spare(() => this.#engine.open(path, options));
  }

  /**
   * Does work that needs a descriptor, if only for a moment, as listing a directory does. If there is none it closes
   * what nobody uses, and waits for leases to end. Only for who holds none (F1).
   */
  async spare<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#sparing(work);
    } catch (error) {
      if (!isOutOfDescriptors(error)) throw error;
      return await this.#inTurn(() => this.#sparing(work));
    }
  }

  /**
   * Opens the file of an object apart from its leases, for who keeps it open longer than a batch of reads takes. Whoever
   * opened it closes it.
   *
   * @throws {CorruptionError} If there is no file.
   */
  openApart({ path }: StoredObject, access: "read" | "write"): Promise<IoFile> {
    return this.open(path, { access, direct: access === "read" && this.#direct }).catch((error) => {
      throw orMissing(path, error);
    });
  }

  /** Closes the file of an object that is removed as soon as nobody uses it. */
  drop(object: StoredObject): void {
    object.own.isRemoved = true;
    if (object.own.leases === 0) this.#close(object);
  }

  /** Waits until no file is closing, so that the name of one that was dropped can be removed anywhere. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /** Waits for leases to end and closes every file. Nothing is leased after it. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const object of [...this.#open]) {
      if (object.own.leases === 0) this.#close(object);
    }
    for (let ended = this.#leaseEnded(); ended !== undefined; ended = this.#leaseEnded()) await ended;
    await this.settled();
  }

  /** Opens something when it is its turn, as often as it takes (F2). */
  async #inTurn<T>(open: () => Promise<T>): Promise<T> {
    const before = this.#served;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#served = promise;
    this.#unserved++;
    await before;
    try {
      for (;;) {
        const freed = this.#freed;
        try {
          return await open();
        } catch (error) {
          if (!isOutOfDescriptors(error)) throw error;
          const ended = this.#leaseEnded();
          if (ended === undefined && this.#freed === freed) throw error;
          await ended;
        }
      }
    } finally {
      this.#unserved--;
      resolve();
    }
  }

  /** Resolves when a lease ends, or a file that is opening is open or not; `undefined` if there is none to wait for. */
  #leaseEnded(): Promise<void> | undefined {
    const waits = this.#openings > 0 || this.#open.values().some(({ own }) => own.leases > 0);
    return waits ? new Promise((resolve) => this.#changes.push(resolve)) : undefined;
  }

  async #openObject(object: StoredObject): Promise<void> {
    const { own, path } = object;
    this.#openings++;
    try {
      own.file = await this.#sparing(() => this.#engine.open(path, { access: "read", direct: this.#direct }));
      this.#open.add(object);
    } catch (error) {
      throw orMissing(path, error);
    } finally {
      own.opening = undefined;
      this.#openings--;
      this.#changed();
    }
    this.#trim();
  }

  /** Does work; without descriptors it closes what nobody uses, as long as there is any. */
  async #sparing<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      const freed = this.#freed;
      try {
        return await work();
      } catch (error) {
        if (!isOutOfDescriptors(error)) throw error;
        for (const object of [...this.#open]) {
          if (object.own.leases === 0) this.#close(object);
        }
        if (this.#closing.size === 0 && this.#freed === freed) throw error;
        await this.settled();
      }
    }
  }

  /** Closes files without a lease while more than allowed are open, each at its second chance. */
  #trim(): void {
    if (this.#open.size <= this.#most) return;
    for (const object of this.#open) {
      const { own } = object;
      if (own.leases > 0) continue;
      if (own.isUsed) {
        own.isUsed = false;
        this.#open.delete(object);
        this.#open.add(object);
        continue;
      }
      this.#close(object);
      if (this.#open.size <= this.#most) return;
    }
  }

  #close(object: StoredObject): void {
    const { file } = object.own;
    if (file === undefined) return;
    object.own.file = undefined;
    this.#open.delete(object);
    // A file that was only read loses nothing if closing it fails.
    const closing: Promise<void> = this.#engine.close(file).catch(() => {}).finally(() => {
      this.#closing.delete(closing);
      this.#freed++;
    });
    this.#closing.add(closing);
  }

  #changed(): void {
    if (this.#changes.length === 0) return;
    for (const resolve of this.#changes.splice(0)) resolve();
  }
}

/** What is named in the manifest and not there is damage. */
function orMissing(path: string, error: unknown): unknown {
  if (!(error instanceof IoError && error.code === "ENOENT")) return error;
  const expected = "a file that the manifest names";
  return new CorruptionError({ path, offset: 0, expected, found: "no file", cause: error });
}
