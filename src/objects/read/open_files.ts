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

import { assert, CorruptionError, hasCode, isOutOfDescriptors } from "../../base/mod.ts";
import type { IoEngine, IoFile, OpenOptions } from "../../io/mod.ts";
import type { ObjectState, StoredObject } from "../stored_object.ts";

/** The files of some objects, or why one cannot be opened. An object for which descriptors ran out is left out. */
export type Leases = Map<StoredObject, IoFile | Error>;

/** Files open for reading; those without a lease are at most so many as are allowed. */
export class OpenFiles {
  readonly #engine: IoEngine;
  readonly #direct: boolean;
  readonly #most: number;
  /** Those that are open or opening, in the order in which they are looked at for closing. */
  readonly #open = new Set<StoredObject>();
  #closings = 0;
  /** Leases and files that ended: whoever failed while one did tries again. */
  #ended = 0;
  #waiting: (() => void)[] = [];
  /** When the last of those is served who wait for descriptors (F2). */
  #served: Promise<unknown> = Promise.resolve();
  #unserved = 0;
  #isClosed = false;
  readonly #checkOurs: (path: string) => Promise<void>;
  readonly #checkRead: ((path: string) => Promise<void>) | undefined;

  /**
   * Starts without an open file.
   *
   * @param engine What opens files.
   * @param direct Whether reads bypass the page cache.
   * @param most How many files stay open.
   * @param checkOurs Rejects if a path leads into another directory than ours by now.
   * @param checkRead Rejects if what was opened to be read may be another directory's.
   */
  constructor(
    engine: IoEngine,
    direct: boolean,
    most: number,
    checkOurs: (path: string) => Promise<void> = () => Promise.resolve(),
    checkRead?: (path: string) => Promise<void>,
  ) {
    this.#engine = engine;
    this.#direct = direct;
    this.#most = most;
    this.#checkOurs = checkOurs;
    this.#checkRead = checkRead;
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  /**
   * Leases the files of objects, opening them if need be: of as many as there are descriptors for. If that is none it
   * waits for one of them, since it holds no lease then (F1). It never rejects.
   */
  async lease(objects: Iterable<StoredObject>): Promise<Leases> {
    const leases: Leases = new Map();
    const closed: StoredObject[] = [];
    for (const object of new Set(objects)) {
      const { own } = object;
      if (own.file === undefined || this.#isClosed) closed.push(object);
      else leases.set(object, use(own, own.file));
    }
    if (closed.length > 0) await this.#leaseClosed(closed, leases);
    return leases;
  }

  async #leaseClosed(objects: readonly StoredObject[], leases: Leases): Promise<void> {
    if (this.#unserved === 0) {
      await Promise.all(objects.map(async (object) => {
        const outcome = await this.#lease(object);
        if (!isOutOfDescriptors(outcome)) leases.set(object, outcome);
      }));
    }
    if (leases.size > 0) return;
    const outcome = await this.#inTurn(() => this.#lease(objects[0]));
    for (const object of isOutOfDescriptors(outcome) ? objects : [objects[0]]) leases.set(object, outcome);
  }

  async #lease(object: StoredObject): Promise<IoFile | Error> {
    const { own, path } = object;
    if (this.#isClosed) return refusal(path);
    // Before it is open, so that it is not closed in between.
    use(own, undefined);
    const outcome = own.file ?? await (own.opening ??= this.#openObject(object));
    if (outcome instanceof Error) own.leases--;
    return outcome;
  }

  /** Ends leases. */
  release(leases: Leases): void {
    for (const [object, file] of leases) {
      if (file instanceof Error) continue;
      const { own } = object;
      assert(own.leases > 0, "a lease ends once");
      if (--own.leases > 0) continue;
      this.#ended++;
      if (own.isRemoved || this.#isClosed) this.#close(object);
    }
    this.#trim();
    this.#wake();
  }

  /** Opens a file that is not leased, such as one to write to; as {@linkcode spare}. */
  open(path: string, options: OpenOptions): Promise<IoFile> {
    return this.spare(() => this.#openFile(path, options));
  }

  /**
   * Does work that needs a descriptor, if only for a moment, as listing a directory does. If there is none it closes
   * what nobody uses, and waits for leases to end. Only for who holds none (F1).
   */
  async spare<T>(work: () => Promise<T>): Promise<T> {
    const attempt = () => this.#attempt(work);
    let outcome = await attempt();
    if (isOutOfDescriptors(outcome)) outcome = await this.#inTurn(attempt);
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  /**
   * Opens the file of an object apart from its leases, for who keeps it open longer than a batch of reads takes. Whoever
   * opened it closes it.
   *
   * @throws {CorruptionError} If there is no file.
   */
  openApart({ path }: StoredObject, access: "read" | "write"): Promise<IoFile> {
    const options = { access, direct: access === "read" && this.#direct };
    return this.open(path, options).catch(async (error) =>
      Promise.reject(await this.#orMissing(path, error))
    );
  }

  /** Does something with a file that is being opened, and closes it. */
  async closing<T>(opening: Promise<IoFile>, work: (file: IoFile) => Promise<T>): Promise<T> {
    const file = await opening;
    return await work(file).finally(() => this.#engine.close(file));
  }

  /** Closes the file of an object that is removed as soon as nobody uses it. */
  async drop(object: StoredObject): Promise<void> {
    object.own.isRemoved = true;
    if (object.own.leases === 0) await this.#close(object);
  }

  /** Waits for leases to end and closes every file. Nothing is leased after it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closeIdle();
    while (this.#isBusy) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Does something that needs a descriptor when it is its turn, as often as it takes (F2). */
  #inTurn<T>(attempt: () => Promise<T | Error>): Promise<T | Error> {
    this.#unserved++;
    const served = this.#served.then(async () => {
      for (;;) {
        const ended = this.#ended;
        const outcome = await attempt();
        if (!isOutOfDescriptors(outcome) || !this.#isBusy && this.#ended === ended) {
          this.#unserved--;
          return outcome;
        }
        if (this.#ended === ended) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    });
    this.#served = served;
    return served;
  }

  /** Whether a lease or the closing of a file is to end. */
  get #isBusy(): boolean {
    return this.#closings > 0 || this.#open.values().some(({ own }) => own.leases > 0);
  }

  async #openObject(object: StoredObject): Promise<IoFile | Error> {
    const { own, path } = object;
    this.#open.add(object);
    this.#trim();
    const opened = await this.#attempt(() => this.#openToRead(path));
    const outcome = opened instanceof Error ? await this.#orMissing(path, opened) : opened;
    own.opening = undefined;
    if (!(outcome instanceof Error)) return own.file = outcome;
    this.#open.delete(object);
    this.#wake();
    return outcome;
  }

  #openToRead(path: string): Promise<IoFile> {
    const opening = this.#openFile(path, { access: "read", direct: this.#direct });
    return this.#checkRead === undefined ? opening : this.#checked(opening, path);
  }

  async #checked(opening: Promise<IoFile>, path: string): Promise<IoFile> {
    const file = await opening;
    try {
      await this.#checkRead?.(path);
      return file;
    } catch (error) {
      await this.#engine.close(file);
      throw error;
    }
  }

  /** What is named in the manifest and not there is damage, but not in a directory that took the place of ours. */
  async #orMissing(path: string, cause: Error): Promise<Error> {
    if (!hasCode(cause, "ENOENT")) return cause;
    const expected = "a file that the manifest names";
    const damage = new CorruptionError({ path, offset: 0, expected, found: "no file", cause });
    return await this.#checkOurs(path).then(() => damage, (error) => error);
  }

  #openFile(path: string, options: OpenOptions): Promise<IoFile> {
    return this.#isClosed ? Promise.reject(refusal(path)) : this.#engine.open(path, options);
  }

  /** Does work; without descriptors it closes what nobody uses, so that there are some later. */
  async #attempt<T>(work: () => Promise<T>): Promise<T | Error> {
    const outcome = await work().catch((error: Error) => error);
    if (isOutOfDescriptors(outcome)) this.#closeIdle();
    return outcome;
  }

  /** Closes files without a lease while more than allowed are open, each at its second chance. */
  #trim(): void {
    for (const object of this.#open) {
      if (this.#open.size <= this.#most) return;
      const { own } = object;
      if (own.leases > 0) continue;
      this.#open.delete(object);
      if (own.isUsed) this.#open.add(object);
      else this.#close(object);
      own.isUsed = false;
    }
  }

  #closeIdle(): void {
    for (const object of this.#open) if (object.own.leases === 0) this.#close(object);
  }

  /** Closes a file. It never rejects: one that was only read loses nothing if closing it fails. */
  async #close(object: StoredObject): Promise<void> {
    const { file } = object.own;
    if (file === undefined) return;
    object.own.file = undefined;
    this.#open.delete(object);
    this.#closings++;
    await this.#engine.close(file).catch(() => {});
    this.#closings--;
    this.#ended++;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function use<T>(own: ObjectState, file: T): T {
  own.leases++;
  own.isUsed = true;
  return file;
}

function refusal(path: string): Error {
  return new Deno.errors.BadResource(`Cannot open "${path}": it is closed`);
}
