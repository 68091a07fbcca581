/** Every mode on every engine that the machine offers, and stores in directories that go away. */

import { type IoMode, Store, type StoreOptions } from "../../mod.ts";
import { systemClock } from "../../src/base/mod.ts";
import { openIo } from "../../src/io/mod.ts";
import { openStoreWith } from "../../src/store/store.ts";

/** One way to do IO. */
export interface Subject {
  /** Engine and mode, for the names of tests. */
  readonly name: string;
  /** What bypasses the page cache. */
  readonly ioMode: IoMode;
  /** What does the IO. */
  readonly ioEngine: "uring" | "threads" | "node";
  /** Why this machine does not have it. */
  readonly skip: string | undefined;
}

const engines = ["uring", "threads", "node"] as const;
const modes = ["buffered", "direct", "direct-rw"] as const;

/** Every mode on every engine, also those that the machine does not have. */
export const subjects: readonly Subject[] = await probeAll();

async function probeAll(): Promise<Subject[]> {
  const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
  const found: Subject[] = [];
  try {
    for (const ioEngine of engines) {
      for (const ioMode of modes) {
        const skip = await reasonAgainst(directory, ioEngine, ioMode);
        found.push({ name: `${ioEngine}, ${ioMode}`, ioEngine, ioMode, skip });
      }
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  return found;
}

async function reasonAgainst(
  directory: string,
  ioEngine: Subject["ioEngine"],
  ioMode: IoMode,
): Promise<string | undefined> {
  try {
    const io = await openIo(directory, { ioEngine, ioMode, strict: true });
    await io.engine.shutdown();
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}

/** A directory for one store, and whoever opened it. */
export class Place implements AsyncDisposable {
  /** The store's directory. */
  readonly path: string;
  readonly #options: StoreOptions;
  readonly #open = new Set<Store>();

  /** Takes a directory, and options that every store in it is opened with. Layers stay as they come unless one says. */
  constructor(path: string, options: StoreOptions = {}) {
    this.path = path;
    this.#options = { upkeep: "manual", ...options };
  }

  /** Makes an empty directory. */
  static async make(options: StoreOptions = {}): Promise<Place> {
    return new Place(await Deno.makeTempDir({ prefix: "varve_test_" }), options);
  }

  /** Opens the store. It is closed in the end, unless that was done. */
  async open(options: StoreOptions = {}): Promise<Store> {
    const store = await Store.open(this.path, { ...this.#options, ...options });
    this.#open.add(store);
    return store;
  }

  /** Opens it as {@linkcode Place.open} does, by a clock that stands still: batches have no mark of another second in front. */
  async openInOneSecond(): Promise<Store> {
    const clock = { now: () => 1e12, monotonic: () => systemClock.monotonic() };
    const store = await openStoreWith(clock, this.path, this.#options);
    this.#open.add(store);
    return store;
  }

  /** Closes a store. */
  async close(store: Store): Promise<void> {
    this.#open.delete(store);
    await store.close();
  }

  /** A place below this one, which is not there until a store is made in it, and goes away with this one. */
  within(name: string): Place {
    return new Place(`${this.path}/${name}`, this.#options);
  }

  /** A copy of the directory as it is now: what is left when the process dies, since the system keeps what it took. */
  async copy(): Promise<Place> {
    const copy = await Place.make(this.#options);
    await Deno.remove(copy.path);
    copyDirectory(this.path, copy.path);
    return copy;
  }

  /** The paths of files below the directory whose path matches, sorted. */
  files(pattern: RegExp = /./): string[] {
    return listFiles(this.path).filter((path) => pattern.test(path));
  }

  /** Closes what is open and removes the directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#open) await store.close().catch(() => {});
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Copies a directory to a path where nothing is. */
export function copyDirectory(from: string, to: string): void {
  Deno.mkdirSync(to, { mode: 0o700 });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (!isDirectory) {
      Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
    } else {
      copyDirectory(`${from}/${name}`, `${to}/${name}`);
    }
  }
}

function listFiles(directory: string): string[] {
  const entries = [...Deno.readDirSync(directory)];
  return entries.flatMap(({ name, isDirectory }) =>
    isDirectory ? listFiles(`${directory}/${name}`) : [`${directory}/${name}`]
  ).sort();
}

/** Declares a test on every engine in every mode; those that are absent are shown as ignored, with the reason. */
export function testEach(
  name: string,
  body: (place: Place, subject: Subject) => Promise<void>,
  options: StoreOptions = {},
): void {
  for (const subject of subjects) {
    const { ioMode, ioEngine, skip } = subject;
    Deno.test({
      name: `${name} (${subject.name})${skip === undefined ? "" : ` — absent: ${skip}`}`,
      ignore: skip !== undefined,
      fn: async () => {
        await using place = await Place.make({ ioMode, ioEngine, strict: true, ...options });
        await body(place, subject);
      },
    });
  }
}

/** Declares a test on whatever engine and mode is chosen by default. */
export function test(name: string, body: (place: Place) => Promise<void>, options: StoreOptions = {}): void {
  Deno.test(name, async () => {
    await using place = await Place.make(options);
    await body(place);
  });
}
