/** Objects over files in memory, whose operations a test holds, counts and fails. */

import { assertEquals } from "@std/assert";
import { CorruptionError, type Health, IoError, pageBytes } from "../../src/base/mod.ts";
import {
  type IoFile,
  type OpenOptions,
  type PathLock,
  systemHost,
  type Transfer,
  type WriteOptions,
} from "../../src/io/mod.ts";
import {
  type ObjectId,
  objectId,
  Objects,
  type ObjectsOptions,
  type PageLayout,
  type StoredObject,
} from "../../src/objects/mod.ts";
import { drain, ListedFaults, type Operation, SimDisk, SimEngine } from "../../src/sim/mod.ts";

/** A block of the file system. */
export const block = 4096;
/** Where the store lies. */
export const directory = "/store";
/** The timeline of {@linkcode idOf}. */
export const timeline = 0xabc;

/** Where its objects are. */
export const timelineDirectory: string = `${directory}/${timeline.toString(16).padStart(16, "0")}`;

/** The id of object `sequence`. */
export function idOf(sequence: number, kind: "seg" | "delta" | "image" = "seg"): ObjectId {
  return objectId({ timeline, firstLsn: sequence, sequence, generation: 1, kind });
}

/** A gate that is open, or holds whoever comes until it is opened. */
export class Gate {
  #closed: PromiseWithResolvers<void> | undefined;

  close(): void {
    this.#closed ??= Promise.withResolvers<void>();
  }

  open(): void {
    this.#closed?.resolve();
    this.#closed = undefined;
  }

  async pass(): Promise<void> {
    await this.#closed?.promise;
  }
}

/** An engine that also holds reads and openings, records reads, and has few descriptors. */
export class ObjectsEngine extends SimEngine {
  readonly opening: Gate = new Gate();
  readonly reading: Gate = new Gate();
  readonly syncing: Gate = new Gate();
  /** Files that may be open at once. */
  mostFiles: number = Infinity;
  /** The most that were. */
  peakFiles = 0;
  /** Transfers that were read, such as `7 0+8192`: object, offset and length. */
  readonly reads: string[] = [];
  /** Says with which code the next operation other than a read fails, if it does. */
  failIf: (operation: Operation) => string | undefined = () => undefined;
  /** Descriptors that are taken. */
  #taken = 0;

  readonly #listed: ListedFaults;

  constructor(disk: SimDisk, faults: ListedFaults) {
    super({ disk, faults });
    this.#listed = faults;
  }

  override async open(path: string, options: OpenOptions): Promise<IoFile> {
    await this.opening.pass();
    if (this.#taken >= this.mostFiles) throw new IoError({ code: "EMFILE", operation: "open", path });
    this.#taken++;
    this.peakFiles = Math.max(this.peakFiles, this.#taken);
    this.#mayFail("open");
    return await super.open(path, options).catch((error) => {
      this.#taken--;
      throw error;
    });
  }

  override async close(file: IoFile): Promise<void> {
    await super.close(file);
    this.#taken--;
  }

  override async read(batch: readonly Transfer[]): Promise<void> {
    for (const { file, offset, bytes } of batch) {
      const sequence = Number.parseInt(/-([0-9a-f]{8})-/.exec(file.path)?.[1] ?? "0", 16);
      this.reads.push(`${sequence} ${offset}+${bytes.length}`);
    }
    await this.reading.pass();
    await super.read(batch);
  }

  override async write(batch: readonly Transfer[], options?: WriteOptions): Promise<void> {
    this.#mayFail("write");
    await super.write(batch, options);
  }

  override async datasync(file: IoFile): Promise<void> {
    this.#mayFail("datasync");
    await super.datasync(file);
    await this.syncing.pass();
  }

  override async sync(file: IoFile): Promise<void> {
    this.#mayFail("sync");
    await super.sync(file);
  }

  override async truncate(file: IoFile, length: number): Promise<void> {
    this.#mayFail("truncate");
    await super.truncate(file, length);
  }

  override async allocate(file: IoFile, length: number): Promise<boolean> {
    this.#mayFail("allocate");
    return await super.allocate(file, length);
  }

  override async syncDirectory(path: string): Promise<void> {
    this.#mayFail("syncDirectory");
    await super.syncDirectory(path);
  }

  #mayFail(operation: Operation): void {
    const code = this.failIf(operation);
    if (code !== undefined) this.#listed.failNext(operation, code);
  }

  /** Takes what was read so far. */
  takeReads(): string[] {
    return this.reads.splice(0);
  }
}

/** IO past the page cache in both directions. */
export const directIo: ObjectsOptions["io"] = {
  readDirect: true,
  writeDirect: true,
  report: {
    mode: "direct-rw",
    engine: "sim",
    requestedMode: "direct-rw",
    requestedEngine: "sim",
    memoryAlignment: block,
    offsetAlignment: block,
    notes: [],
  },
};

/** Objects and what is under them. */
export class ObjectsFixture {
  readonly disk: SimDisk;
  readonly faults: ListedFaults = new ListedFaults();
  readonly engine: ObjectsEngine;
  readonly objects: Objects;

  /** Makes objects; on their disk there are `directories` and no files. */
  constructor(
    options: Partial<ObjectsOptions> & { lock?: PathLock } = {},
    directories: readonly string[] = [timelineDirectory],
  ) {
    this.disk = new SimDisk(directories);
    this.engine = new ObjectsEngine(this.disk, this.faults);
    this.objects = new Objects({
      host: systemHost(this.engine),
      io: directIo,
      directory,
      cacheBytes: 64 * pageBytes,
      bufferBytes: 2 * block,
      ...options,
    });
  }

  /** The bytes of an object's file. */
  contents(id: ObjectId): Uint8Array<ArrayBuffer> {
    return this.disk.contents(`${directory}/${id}`);
  }

  /** Makes an object that holds `bytes`. */
  put(sequence: number, bytes: Uint8Array): StoredObject {
    const id = idOf(sequence);
    this.disk.put(`${directory}/${id}`, bytes);
    return this.objects.object(id);
  }

  /** Makes an object with so many pages, which `pageOf` tells apart, and a footer. */
  putPages(sequence: number, pages: number): StoredObject {
    const bytes = new Uint8Array(block + pages * pageBytes + block);
    for (let page = 0; page < pages; page++) bytes.set(pageOf(sequence, page), block + page * pageBytes);
    bytes.fill(sequence, bytes.length - block);
    const object = this.put(sequence, bytes);
    return this.objects.object(object.id, layoutOf(object.path, sequence, pages));
  }

  /** Closes everything, and checks that nothing is open or taken after it. */
  async close(): Promise<void> {
    await this.objects.close();
    assertEquals(this.engine.openFiles, 0, "no file stays open");
    assertEquals(this.objects.context.readPool.takenBytes, 0, "no buffer stays taken");
  }
}

/** What stands in a page of an object. */
export function pageOf(sequence: number, page: number): Uint8Array {
  return new Uint8Array(pageBytes).fill(1 + (sequence * 37 + page) % 255);
}

/** The layout of {@linkcode ObjectsFixture.putPages}. */
export function layoutOf(path: string, sequence: number, pages: number): PageLayout {
  const refuse = (offset: number, found: string) => {
    throw new CorruptionError({ path, offset, expected: "what was written", found });
  };
  return {
    byteLength: block + pages * pageBytes + block,
    offsetOf: (page) => block + page * pageBytes,
    checkPage: (page, bytes) => {
      const byte = pageOf(sequence, page)[0];
      if (bytes.length !== pageBytes || bytes.some((other) => other !== byte)) refuse(page, "another page");
    },
    checkFooter: (bytes) => {
      if (bytes.length !== block || bytes.some((other) => other !== sequence)) refuse(0, "another footer");
    },
  };
}

/** Lets everything settle that can. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await drain();
}

/** Fails a health as a disk does that has no room. */
export function fullDisk(health: Health): Error {
  return health.fail(new IoError({ code: "ENOSPC", operation: "write", path: "/elsewhere" }));
}
