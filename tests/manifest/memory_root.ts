/** Files in memory below the manifest, which fail and wait on command. */

import { assert, blockBytes, IoError, LimitError, type Turns } from "../../src/base/mod.ts";
import { Manifest, type ManifestHome } from "../../src/manifest/mod.ts";

/** What a directory holds. */
export type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** An operation that changes something: at least one of these fails or waits. */
type Operation = "append" | "putIfAbsent" | "remove" | "settle";

/** Never waits. */
export const noTurns: Turns = {
  due: () => false,
  turn: () => Promise.resolve(),
  awaiting() {},
  answered() {},
};

/** Files in memory. */
export class MemoryRoot {
  readonly files: Map<string, Uint8Array<ArrayBuffer>>;
  /** What was done, such as `append manifest-000000000001 8192+4096`. */
  log: string[] = [];
  /** The operation that failed last. */
  failed: string | undefined;
  /** Called before an operation is done; while it waits, the operation does; it may throw. */
  before: (operation: Operation | "list" | "read", name: string) => void | Promise<void> = () => {};
  /** What a failing write leaves of its bytes, over what was there. */
  leave: (old: Uint8Array, bytes: Uint8Array) => Uint8Array = (old) => old;
  #operations = 0;
  #failing: { at: number; code: string; forEver: boolean; done: boolean } | undefined;

  /** Starts from files; they are not changed. */
  constructor(files: Files = new Map()) {
    this.files = new Map(Array.from(files, ([name, bytes]) => [name, bytes.slice()]));
  }

  /** Where it is, for a manifest. */
  get home(): ManifestHome {
    return { directory: "/store", host: { turns: noTurns }, root: this };
  }

  /** Opens its manifest, which must be there. */
  async open(readOnly = false): Promise<Manifest> {
    const manifest = await Manifest.open(this.home, { readOnly });
    assert(manifest !== undefined, "there is a manifest");
    return manifest;
  }

  /** The names of all files, in order. */
  get names(): string[] {
    return Array.from(this.files.keys()).sort();
  }

  /**
   * Lets the nth operation from now that changes something fail.
   *
   * @param code Why.
   * @param options Whether all later ones fail as well; whether what fails is done nevertheless.
   */
  fail(nth: number, code: string, options: { forEver?: boolean; done?: boolean } = {}): void {
    this.#failing = { at: this.#operations + nth, code, forEver: false, done: false, ...options };
  }

  /** Whether the operation that was to fail has come. */
  get hasFailed(): boolean {
    return this.#failing !== undefined && this.#operations >= this.#failing.at;
  }

  /** Lets nothing fail any more. */
  mend(): void {
    this.#failing = undefined;
  }

  list(): Promise<string[]> {
    return this.#do("list", "", () => this.names.reverse());
  }

  read(name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#do("read", name, () => {
      const bytes = this.files.get(name);
      if (bytes !== undefined && bytes.length > maxBytes) {
        throw new LimitError("", { limit: maxBytes, found: bytes.length });
      }
      return bytes?.slice();
    });
  }

  putIfAbsent(name: string, bytes: Uint8Array): Promise<void> {
    if (this.files.has(name)) return Promise.reject(new Deno.errors.AlreadyExists(name));
    return this.#change("putIfAbsent", name, name, () => this.files.set(name, bytes.slice()), () => {});
  }

  append(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    assert(offset % blockBytes === 0 && bytes.length % blockBytes === 0 && bytes.length > 0, "whole blocks");
    const file = this.files.get(name);
    assert(file !== undefined && offset <= file.length, `${name} is there, up to ${offset}`);
    const writeAll = (content: Uint8Array) => {
      const old = this.files.get(name)!;
      const longer = new Uint8Array(Math.max(old.length, offset + content.length));
      longer.set(old);
      longer.set(content, offset);
      this.files.set(name, longer);
    };
    const fit = () => {
      const old = new Uint8Array(bytes.length);
      old.set(this.files.get(name)!.subarray(offset, offset + bytes.length));
      return old;
    };
    const words = `${name} ${offset}+${bytes.length}`;
    return this.#change(
      "append",
      name,
      words,
      () => writeAll(bytes),
      () => writeAll(this.leave(fit(), bytes)),
    );
  }

  settle(name: string): Promise<void> {
    assert(this.files.has(name), `${name} is there`);
    return this.#change("settle", name, name, () => {}, () => {});
  }

  remove(name: string): Promise<void> {
    return this.#change("remove", name, name, () => {
      this.files.delete(name);
    }, () => {});
  }

  /** Closes nothing. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #do<T>(operation: "list" | "read", name: string, work: () => T): Promise<T> {
    await this.before(operation, name);
    return work();
  }

  async #change(
    operation: Operation,
    name: string,
    words: string,
    work: () => void,
    half: () => void,
  ): Promise<void> {
    const number = ++this.#operations;
    this.log.push(`${operation} ${words}`);
    await this.before(operation, name);
    const failing = this.#failing;
    if (failing === undefined || number < failing.at || number > failing.at && !failing.forEver) {
      return work();
    }
    this.failed = operation;
    if (failing.done) work();
    else half();
    throw new IoError({ code: failing.code, operation, path: name });
  }
}
