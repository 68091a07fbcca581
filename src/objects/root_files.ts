/**
 * Small files in the store's directory itself, such as the manifest.
 *
 * Any number of calls may run at once on different names; calls that write one name are awaited in turn by their caller.
 *
 * @module
 */

import { assert, blockBytes, IoError, LimitError } from "../base/mod.ts";
import type { IoEngine, IoFile, Transfer } from "../io/mod.ts";
import type { NameGuard } from "./name_guard.ts";
import type { OpenFiles } from "./read/open_files.ts";

/** Where a file stands until it is whole: a leftover of a crash, which the next one replaces. */
const asideName = "pending";

/** Whether a name in the store's directory may be left of a file that was being made when a process was killed. */
export function isAsideName(name: string): boolean {
  return name === asideName;
}

/** Small files in the store's directory. */
export class RootFiles {
  readonly #engine: IoEngine;
  readonly #files: OpenFiles;
  readonly #names: NameGuard;
  readonly #directory: string;
  /** The file that was appended to last, which is mostly the one that is appended to next. */
  #appending: { readonly name: string; readonly file: Promise<IoFile> } | undefined;
  /** One file is written aside at a time. */
  #aside: Promise<void> = Promise.resolve();

  /** Made by {@linkcode Objects} only. */
  constructor(engine: IoEngine, files: OpenFiles, names: NameGuard, directory: string) {
    this.#engine = engine;
    this.#files = files;
    this.#names = names;
    this.#directory = directory;
  }

  /** The names in the directory, in no order, directories among them; not what a crash left of writing aside. */
  async list(): Promise<string[]> {
    const names = await this.#files.spare(() => this.#engine.list(this.#directory));
    return names.filter((name) => !isAsideName(name));
  }

  /**
   * Reads a whole file.
   *
   * @param name Its name.
   * @param maxBytes The most bytes it may have.
   * @returns What it holds, or `undefined` if there is none.
   * @throws {LimitError} If it is longer, before memory is taken for it.
   */
  async read(name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = this.#pathOf(name);
    const file = await this.#files.open(path, { access: "read", direct: false }).catch(undefinedIfMissing);
    if (file === undefined) return undefined;
    try {
      const length = await this.#engine.size(file);
      if (length > maxBytes) {
        throw new LimitError(`Cannot read "${path}": it is ${length} bytes`, {
          limit: maxBytes,
          found: length,
        });
      }
      return await this.#readFile(file, length);
    } finally {
      await this.#engine.close(file);
    }
  }

  /**
   * Makes a file: it has its name only once it is whole and durable.
   *
   * @param name Its name.
   * @param bytes What it holds.
   * @throws {Deno.errors.AlreadyExists} If there is one of this name.
   */
  putIfAbsent(name: string, bytes: Uint8Array): Promise<void> {
    const put = this.#aside.then(() => this.#put(name, bytes));
    this.#aside = put.catch(() => {});
    return put;
  }

  /**
   * Writes whole blocks into a file that exists, at its end or within it, in one write: when it resolves, the bytes and
   * the length of the file are durable.
   *
   * @param name Its name.
   * @param offset Where, a multiple of 4096.
   * @param bytes What, a multiple of 4096 bytes.
   */
  async append(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    assert(offset % blockBytes === 0 && bytes.length % blockBytes === 0, "whole blocks are appended");
    await this.#write(await this.#openToAppend(name), offset, bytes, true);
  }

  /** Makes a file and its name durable, so that what was read of it is what will be there. */
  async settle(name: string): Promise<void> {
    const file = await this.#files.open(this.#pathOf(name), { access: "write", direct: false });
    try {
      await this.#engine.sync(file);
    } finally {
      await this.#engine.close(file);
    }
    await this.#syncNames();
  }

  /** Removes a file; one that is not there is removed already. */
  async remove(name: string): Promise<void> {
    if (this.#appending?.name === name) await this.close();
    await this.#names.remove(this.#pathOf(name));
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    const file = await this.#appending?.file.catch(() => undefined);
    this.#appending = undefined;
    if (file !== undefined) await this.#engine.close(file);
  }

  async #put(name: string, bytes: Uint8Array): Promise<void> {
    if ((await this.list()).includes(name)) {
      throw new Deno.errors.AlreadyExists(`Cannot make "${this.#pathOf(name)}": it exists`);
    }
    const aside = this.#pathOf(asideName);
    await this.#names.remove(aside);
    await this.#names.check("create", aside);
    const file = await this.#files.open(aside, { access: "write", direct: false, create: true });
    try {
      await this.#write(file, 0, bytes, false);
      await this.#engine.sync(file);
    } finally {
      await this.#engine.close(file);
    }
    await this.#names.check("rename", aside);
    await this.#engine.rename(aside, this.#pathOf(name));
    await this.#syncNames();
  }

  #syncNames(): Promise<void> {
    return this.#files.spare(() => this.#engine.syncDirectory(this.#directory));
  }

  async #openToAppend(name: string): Promise<IoFile> {
    if (this.#appending?.name !== name) {
      await this.close();
      const file = this.#files.open(this.#pathOf(name), { access: "write", direct: false });
      this.#appending = { name, file };
    }
    try {
      return await this.#appending.file;
    } catch (error) {
      this.#appending = undefined;
      throw error;
    }
  }

  async #readFile(file: IoFile, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    if (length === 0) return bytes;
    const transfer: Transfer = { file, offset: 0, bytes, done: 0, error: undefined };
    await this.#engine.read([transfer]);
    if (transfer.error !== undefined) throw transfer.error;
    return bytes.subarray(0, transfer.done);
  }

  async #write(file: IoFile, offset: number, bytes: Uint8Array, durable: boolean): Promise<void> {
    if (bytes.length === 0) return;
    const transfer: Transfer = { file, offset, bytes, done: 0, error: undefined };
    await this.#engine.write([transfer], { durable });
    if (transfer.error !== undefined) throw transfer.error;
  }

  #pathOf(name: string): string {
    assert(!name.includes("/"), "a root file stands in the directory itself");
    return `${this.#directory}/${name}`;
  }
}

function undefinedIfMissing(error: unknown): undefined {
  if (!(error instanceof IoError && error.code === "ENOENT")) throw error;
}
