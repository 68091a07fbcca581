/**
 * The file of an object that is being written: how it comes to be, and that it is closed in the end.
 *
 * ```
 *   start ─► lock asked ─► opened ─► room reserved ─► name durable ─► ready() ─► may be written to
 *      each step waits while the disk is full;  close ends it between two steps, and closes what was opened
 * ```
 *
 * N1  Nothing is written to a new file before its name is durable and `ready` has resolved.
 * N2  A name that could not be made durable poisons: that a later sync succeeds would prove nothing.
 *
 * @module
 */

import { type Health, isFullDisk, PoisonedError } from "../../base/mod.ts";
import type { IoEngine, IoFile } from "../../io/mod.ts";
import type { NameGuard } from "../name_guard.ts";
import { isOutOfDescriptors, type OpenFiles } from "../read/open_files.ts";
import type { Patience } from "./patience.ts";

/** What writing objects shares. */
export interface WriteContext {
  /** What writes. */
  readonly engine: IoEngine;
  /** Whether writes bypass the page cache. */
  readonly direct: boolean;
  /** Who makes room when descriptors run out. */
  readonly files: OpenFiles;
  /** Who is asked before a name is made. */
  readonly names: NameGuard;
}

/** Which file, and how it is opened. */
export interface ObjectFileOptions {
  /** Where it lies. */
  readonly path: string;
  /** If it is to be made: the directory that its name stands in. */
  readonly newIn: string | undefined;
  /** Room to reserve from the start of the file, in bytes, for speed only. */
  readonly reserveBytes: number;
  /** What must resolve before anything is written; done anew after a full disk. */
  readonly ready: (() => Promise<void>) | undefined;
  /** Who is told what failed. */
  readonly health: Health;
}

/** The file of an object that is being written. */
export class ObjectFile {
  /** Resolves when it may be written to; rejects if it never may be. Nobody need await it. */
  readonly made: Promise<IoFile>;
  /** As {@linkcode made}, but it never settles if the file is closed before it was made: that is no failure. */
  readonly writable: Promise<IoFile>;
  readonly #context: WriteContext;
  readonly #options: ObjectFileOptions;
  readonly #patience: Patience;
  readonly #made: PromiseWithResolvers<IoFile> = Promise.withResolvers<IoFile>();
  readonly #writable: PromiseWithResolvers<IoFile> = Promise.withResolvers<IoFile>();
  #file: IoFile | undefined;
  #making: Promise<void> | undefined;

  /** Does nothing yet. All work on the file is done with `patience`. */
  constructor(context: WriteContext, options: ObjectFileOptions, patience: Patience) {
    this.#context = context;
    this.#options = options;
    this.#patience = patience;
    this.made = this.#made.promise;
    this.writable = this.#writable.promise;
    this.made.catch(() => {});
    this.writable.catch(() => {});
  }

  /** Starts to make it or to open it, once. */
  start(): void {
    this.#making ??= this.#make();
  }

  /** Closes it, after `patience` gave up. */
  async close(): Promise<void> {
    await this.#making;
    this.#made.reject(new Deno.errors.BadResource(`Cannot write "${this.#options.path}": it was closed`));
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) await this.#context.engine.close(file);
  }

  async #make(): Promise<void> {
    try {
      const file = await this.#patience.untilDone(() => this.#open());
      await this.#patience.untilDone(() => this.#reserve(file));
      await this.#patience.untilDone(() => this.#nameDurably());
      await this.#patience.untilDone(async () => await this.#options.ready?.());
      this.#made.resolve(file);
      this.#writable.resolve(file);
    } catch (error) {
      this.#made.reject(error);
      // That it was closed is no failure, nor is a disk that is full when it is being closed.
      if (error instanceof Deno.errors.BadResource || isFullDisk(error)) return;
      this.#writable.reject(this.#options.health.fail(error as Error));
    }
  }

  async #open(): Promise<IoFile> {
    const { files, names, direct } = this.#context;
    const { path, newIn } = this.#options;
    if (newIn !== undefined) await names.check("create", path);
    // Kept at once: should it be given up meanwhile, it is closed all the same.
    return this.#file = await files.open(path, { access: "write", direct, create: newIn !== undefined });
  }

  /** On a disk with less room than that, writes find out themselves. */
  async #reserve(file: IoFile): Promise<void> {
    const { engine } = this.#context;
    const { reserveBytes, newIn } = this.#options;
    if (reserveBytes === 0) return;
    const length = newIn === undefined ? await engine.size(file) : 0;
    try {
      await engine.allocate(file, reserveBytes);
    } catch (error) {
      if (!isFullDisk(error)) throw error;
      await engine.truncate(file, length);
    }
  }

  /** Makes the name durable (N2). */
  async #nameDurably(): Promise<void> {
    const { newIn, path } = this.#options;
    if (newIn === undefined) return;
    const { engine, files } = this.#context;
    await files.spare(() => engine.syncDirectory(newIn)).catch((cause) => {
      // Without a descriptor the sync has not begun.
      throw isOutOfDescriptors(cause) ? cause : untrusted(path, cause);
    });
  }
}

/** The error after a sync that failed: it poisons even if the disk was only full. */
export function untrusted(path: string, cause: Error): PoisonedError {
  return new PoisonedError(`Cannot write to "${path}": a sync failed: ${cause.message}`, { cause });
}
