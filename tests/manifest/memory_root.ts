/** Files in memory below the manifest, which fail, wait and crash on command. */

import { assert, blockBytes, IoError, LimitError, type Turns } from "../../src/base/mod.ts";
import { Manifest, type ManifestHome } from "../../src/manifest/mod.ts";
import type { Random } from "../random.ts";

/** What a directory holds. */
export type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** An operation that changes something: at least one of these fails, waits or is cut short by a crash. */
type Operation = "append" | "putIfAbsent" | "remove" | "settle";

/** Never waits. */
export const noTurns: Turns = {
  due: () => false,
  turn: () => Promise.resolve(),
  awaiting() {},
  answered() {},
};

const sectorBytes = 512;

/** Files in memory. */
export class MemoryRoot {
  readonly files: Map<string, Uint8Array<ArrayBuffer>>;
  /** What was done, such as `append manifest-000000000001 8192+4096`. */
  log: string[] = [];
  /** The operation that failed last. */
  failed: string | undefined;
  /** Called before an operation is done; while it waits, the operation does; it may throw. */
  before: (operation: Operation | "list" | "read", name: string) => void | Promise<void> = () => {};
  /** What a failing or crashing write leaves of its bytes, over what was there. */
  leave: (old: Uint8Array, bytes: Uint8Array) => Uint8Array = (old) => old;
  #operations = 0;
  /** Files that were removed, and when the machine goes down may be there again. */
  readonly #removed = new Map<string, Uint8Array<ArrayBuffer>>();
  #failing: { at: number; code: string; forEver: boolean; done: boolean } | undefined;
  #crash: { at: number; random: Random; states: Files[] } | undefined;

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

  /**
   * Lets the machine go down in the nth operation from now: all operations fail from then on.
   *
   * @returns Filled with what may be found then.
   */
  crash(nth: number, random: Random): Files[] {
    const states: Files[] = [];
    this.#crash = { at: this.#operations + nth, random, states };
    return states;
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
      const bytes = this.files.get(name);
      if (bytes !== undefined) this.#removed.set(name, bytes);
      this.files.delete(name);
    }, () => {});
  }

  /** Closes nothing. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #do<T>(operation: "list" | "read", name: string, work: () => T): Promise<T> {
    await this.before(operation, name);
    if (this.#isDown) throw new IoError({ code: "EIO", operation, path: name });
    return work();
  }

  get #isDown(): boolean {
    return this.#crash !== undefined && this.#operations >= this.#crash.at;
  }

  async #change(
    operation: Operation,
    name: string,
    words: string,
    work: () => void,
    half: () => void,
  ): Promise<void> {
    const isDown = this.#isDown;
    const number = ++this.#operations;
    this.log.push(`${operation} ${words}`);
    await this.before(operation, name);
    if (this.#isDown) {
      if (!isDown) this.#enumerate(operation, work, half);
      throw new IoError({ code: "EIO", operation, path: name });
    }
    const failing = this.#failing;
    if (failing === undefined || number < failing.at || number > failing.at && !failing.forEver) {
      return work();
    }
    this.failed = operation;
    if (failing.done) work();
    else half();
    throw new IoError({ code: failing.code, operation, path: name });
  }

  /** What may be found when the machine goes down in an operation. */
  #enumerate(operation: Operation, work: () => void, half: () => void): void {
    const { random, states } = this.#crash!;
    const before = new Map(this.files);
    const note = (change: () => void) => {
      change();
      states.push(new Map(this.files));
      if (this.#removed.size > 0) states.push(new Map([...this.#removed, ...this.files]));
      this.files.clear();
      for (const [name, bytes] of before) this.files.set(name, bytes);
    };
    note(() => {});
    note(work);
    if (operation !== "append") return;
    for (const left of tornWrites(random)) {
      this.leave = left;
      note(half);
    }
  }
}

/** Ways in which a write may be torn: what was there, with some of its sectors written. */
function* tornWrites(random: Random): Generator<(old: Uint8Array, bytes: Uint8Array) => Uint8Array> {
  const torn =
    (isWritten: (sector: number, count: number) => boolean) => (old: Uint8Array, bytes: Uint8Array) => {
      const found = old.slice();
      const count = bytes.length / sectorBytes;
      for (let i = 0; i < count; i++) {
        if (!isWritten(i, count)) continue;
        found.set(bytes.subarray(i * sectorBytes, (i + 1) * sectorBytes), i * sectorBytes);
      }
      return found;
    };
  yield torn((sector) => sector === 0);
  yield torn((sector) => sector !== 0);
  yield torn((sector, count) => sector !== count - 1);
  yield torn((sector, count) => sector > 0 && sector < count - 1);
  yield torn((sector, count) => sector < count / 2);
  yield torn((sector, count) => sector >= count / 2);
  for (let i = 0; i < 4; i++) yield torn(() => random.once(2));
}
