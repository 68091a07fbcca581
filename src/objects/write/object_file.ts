/**
 * The file of an object that is being written: how it comes to be, what is done with it, and that it is closed in the
 * end.
 *
 * ```
 *                                 ┌─► room reserved ─────────────┐
 *   start ─► lock asked ─► opened ─┴─► name durable ─► ready() ───┴─► may be written to
 *      each step waits while the disk is full;  close ends it between two steps, and closes what was opened
 * ```
 *
 * N1  Nothing is written to a new file before its name is durable and `ready` has resolved.
 * N2  A name that could not be made durable poisons: that a later sync succeeds would prove nothing.
 *
 * @module
 */

import { type Health, isOutOfDescriptors, isShortage, PoisonedError } from "../../base/mod.ts";
import { directoryOf, type IoFile } from "../../io/mod.ts";
import type { ObjectsContext } from "../context.ts";

/** How an object is written. */
export interface WriterOptions {
  /** Who is told what failed, and who says when a full disk is tried again. */
  readonly health: Health;
  /** Room to reserve from the start of the file, in bytes, for speed only. */
  readonly reserveBytes: number;
  /** Bytes that stay in memory for readers once they are written. By default there are none. */
  readonly kept?: (() => number) | undefined;
}

/** How a new object is written. */
export interface CreateOptions extends WriterOptions {
  /**
   * Called once the object's name is durable, such as to name it in the manifest; nothing is written before it
   * resolves. It is called again after a full disk.
   */
  readonly ready?: (() => Promise<void>) | undefined;
}

/** The file of an object that is being written. */
export class ObjectFile {
  /** Resolves when it may be written to; rejects if it never may be. Nobody need await it. */
  readonly made: Promise<IoFile>;
  /** As {@linkcode made}, but it never settles if the file is closed before it was made: that is no failure. */
  readonly writable: Promise<IoFile>;
  readonly #context: ObjectsContext;
  readonly #path: string;
  readonly #isNew: boolean;
  readonly #options: CreateOptions;
  readonly #making: PromiseWithResolvers<IoFile> = Promise.withResolvers<IoFile>();
  /** Rejects when it is closed. */
  readonly #end: PromiseWithResolvers<never> = Promise.withResolvers<never>();
  readonly #begun = new Set<Promise<unknown>>();
  #isStarted = false;
  #isClosing = false;
  #file: IoFile | undefined;
  #reserved = 0;

  /** Does nothing yet. */
  constructor(context: ObjectsContext, path: string, isNew: boolean, options: CreateOptions) {
    this.#context = context;
    this.#path = path;
    this.#isNew = isNew;
    this.#options = options;
    this.made = this.#making.promise;
    this.writable = this.made.catch((error) => {
      // That it was closed is no failure, nor is a disk that is full when it is being closed.
      if (error instanceof Deno.errors.BadResource || isShortage(error)) return new Promise(() => {});
      throw error;
    });
    this.#end.promise.catch(() => {});
  }

  /** Up to where room is reserved for direct writes; 0 while it is not, or where it cannot be. */
  get reserved(): number {
    return this.#reserved;
  }

  /** Starts to make it or to open it, once. */
  start(): void {
    if (!this.#isStarted) this.#making.resolve(this.#make());
    this.#isStarted = true;
  }

  /**
   * Does work on the file, anew after each full disk.
   *
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  patiently<T>(work: () => Promise<T>): Promise<T> {
    return this.#options.health.patiently(() => this.#once(work), this.#end.promise);
  }

  /**
   * Does a sync, once: if it fails it poisons, and one that went well while another one failed is not trusted either.
   *
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  async sync(sync: () => Promise<void>): Promise<void> {
    this.checkTrusted();
    try {
      await this.#once(sync);
    } catch (cause) {
      // Without a descriptor the sync has not begun.
      if (cause instanceof Deno.errors.BadResource || isOutOfDescriptors(cause)) throw cause;
      const message = `Cannot write to "${this.#path}": a sync failed: ${(cause as Error).message}`;
      throw this.#options.health.fail(new PoisonedError(message, { cause }));
    }
    this.checkTrusted();
  }

  /** Throws if anything but room on the disk was lacking before. */
  checkTrusted(): void {
    const { health } = this.#options;
    if (health.cause !== undefined && !isShortage(health.cause)) throw health.refusal();
  }

  /** Lets nothing begin any more, waits for what has begun and for `writing`, and closes the file. */
  async close(writing: Promise<void>): Promise<void> {
    this.#isClosing = true;
    while (this.#begun.size > 0) await Promise.allSettled(this.#begun);
    await writing;
    const refusal = this.#refusal();
    this.#end.reject(refusal);
    this.#making.reject(refusal);
    if (this.#file !== undefined) await this.#context.host.engine.close(this.#file);
  }

  async #once<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosing) throw this.#refusal();
    const begun: Promise<T> = work().finally(() => this.#begun.delete(begun));
    this.#begun.add(begun);
    return await begun;
  }

  #refusal(): Error {
    const { cause } = this.#options.health;
    if (cause !== undefined && !isShortage(cause)) return this.#options.health.refusal();
    return new Deno.errors.BadResource(`Cannot write "${this.#path}": it was closed`);
  }

  async #make(): Promise<IoFile> {
    const file = await this.patiently(() => this.#open());
    // Side by side, since whoever appends waits for both once its buffers are full.
    await Promise.all([this.patiently(() => this.#reserve(file)), this.#name()]);
    return file;
  }

  async #name(): Promise<void> {
    if (this.#isNew) await this.patiently(() => this.#nameDurably());
    await this.patiently(async () => await this.#options.ready?.());
  }

  async #open(): Promise<IoFile> {
    const { writeDirect: direct } = this.#context;
    if (this.#isNew) await this.#context.checkNames("create", this.#path);
    // Should it be given up meanwhile, it is closed all the same.
    const options = { access: "write", direct, create: this.#isNew } as const;
    return this.#file = await this.#context.openOwn(this.#path, options);
  }

  #nameDurably(): Promise<void> {
    const { host: { engine }, files } = this.#context;
    return this.sync(() => files.spare(() => engine.syncDirectory(directoryOf(this.#path))));
  }

  /** On a disk with less room than that, writes find out themselves. */
  async #reserve(file: IoFile): Promise<void> {
    const { engine } = this.#context.host;
    const { reserveBytes } = this.#options;
    if (reserveBytes === 0) return;
    const length = this.#isNew ? 0 : await engine.size(file);
    const isReserved = await engine.allocate(file, reserveBytes).catch(async (error) => {
      if (!isShortage(error)) throw error;
      await engine.truncate(file, length);
      return false;
    });
    if (isReserved && file.direct) this.#reserved = reserveBytes;
  }
}
