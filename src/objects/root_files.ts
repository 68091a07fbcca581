/**
 * Small files in the store's directory itself, such as the manifest.
 *
 * Any number of calls may run at once on different names, but that one file is appended to at a time; calls that write
 * one name are awaited in turn by their caller.
 *
 * @module
 */

import { assert, blockBytes, hasCode, LimitError } from "../base/mod.ts";
import { type IoFile, type OpenOptions, readOnce, writeOnce } from "../io/mod.ts";
import type { ObjectsContext } from "./context.ts";

/** Where a file stands until it is whole: a leftover of a crash, which the next one replaces. */
const asideName = "pending";

/** Whether a name in the store's directory may be left of a file that was being made when a process was killed. */
export function isAsideName(name: string): boolean {
  return name === asideName;
}

/** Small files in the store's directory. */
export class RootFiles {
  readonly #context: ObjectsContext;
  /** The file that was appended to last, which is mostly the one that is appended to next. */
  #appending: { readonly name: string; readonly file: IoFile } | undefined;
  /** One file is written aside at a time. */
  #aside: Promise<void> = Promise.resolve();

  /** Made by {@linkcode Objects} only. */
  constructor(context: ObjectsContext) {
    this.#context = context;
  }

  /** The names in the directory, in no order, directories among them; not what a crash left of writing aside. */
  async list(): Promise<string[]> {
    return (await this.#listAll()).filter((name) => !isAsideName(name));
  }

  /**
   * Reads a whole file.
   *
   * @param name Its name.
   * @param maxBytes The most bytes it may have.
   * @returns What it holds, or `undefined` if there is none.
   * @throws {LimitError} If it is longer, before memory is taken for it.
   */
  read(name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { host: { engine }, files } = this.#context;
    const reading = files.closing(this.#open(name, { access: "read" }), async (file) => {
      const length = await engine.size(file);
      if (length > maxBytes) {
        throw new LimitError(`Cannot read "${file.path}": it is ${length} bytes`, {
          limit: maxBytes,
          found: length,
        });
      }
      const bytes = new Uint8Array(length);
      return length === 0 ? bytes : bytes.subarray(0, await readOnce(engine, file, 0, bytes));
    });
    return reading.catch((error) => hasCode(error, "ENOENT") ? undefined : Promise.reject(error));
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

  /**
   * Writes a file from its start on, in one write, and makes it if there is none. It is not synced, and what is behind
   * the bytes stays: a crash may leave any part of it.
   *
   * @param name Its name.
   * @param bytes What.
   */
  async overwrite(name: string, bytes: Uint8Array): Promise<void> {
    const { files } = this.#context;
    await files.closing(this.#openOrCreate(name), (file) => this.#write(file, 0, bytes, false));
  }

  /** Makes a file and its name durable, so that what was read of it is what will be there. */
  async settle(name: string): Promise<void> {
    const { host: { engine }, directory, files } = this.#context;
    await files.closing(this.#open(name, { access: "write" }), (file) => engine.sync(file));
    await files.spare(() => engine.syncDirectory(directory));
  }

  /** Removes a file; one that is not there is removed already. */
  async remove(name: string): Promise<void> {
    if (this.#appending?.name === name) await this.close();
    await this.#context.remove(this.#pathOf(name));
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    const file = this.#appending?.file;
    this.#appending = undefined;
    if (file !== undefined) await this.#context.host.engine.close(file);
  }

  async #put(name: string, bytes: Uint8Array): Promise<void> {
    const { host: { engine }, directory, files } = this.#context;
    const path = this.#pathOf(name), aside = this.#pathOf(asideName);
    const names = await this.#listAll();
    if (names.includes(name)) throw new Deno.errors.AlreadyExists(`Cannot make "${path}": it exists`);
    if (names.includes(asideName)) await this.#context.remove(aside);
    await this.#context.checkNames("create", aside);
    await files.closing(this.#open(asideName, { access: "write", create: true }), async (file) => {
      await this.#write(file, 0, bytes, false);
      await engine.sync(file);
    });
    await this.#context.checkNames("rename", aside);
    await engine.rename(aside, path);
    await files.spare(() => engine.syncDirectory(directory));
  }

  #listAll(): Promise<string[]> {
    const { host: { engine }, directory, files } = this.#context;
    return files.spare(() => engine.list(directory));
  }

  async #openOrCreate(name: string): Promise<IoFile> {
    const path = this.#pathOf(name), options = { access: "write", direct: false } as const;
    try {
      return await this.#context.openOwn(path, options);
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
    await this.#context.checkNames("create", path);
    return await this.#open(name, { access: "write", create: true });
  }

  async #openToAppend(name: string): Promise<IoFile> {
    if (this.#appending?.name === name) return this.#appending.file;
    await this.close();
    const file = await this.#context.openOwn(this.#pathOf(name), { access: "write", direct: false });
    this.#appending = { name, file };
    return file;
  }

  async #write(file: IoFile, offset: number, bytes: Uint8Array, durable: boolean): Promise<void> {
    if (bytes.length > 0) await writeOnce(this.#context.host.engine, file, offset, bytes, { durable });
  }

  #open(name: string, options: Pick<OpenOptions, "access" | "create">): Promise<IoFile> {
    return this.#context.files.open(this.#pathOf(name), { direct: false, ...options });
  }

  #pathOf(name: string): string {
    assert(!name.includes("/"), "a root file stands in the directory itself");
    return `${this.#context.directory}/${name}`;
  }
}
