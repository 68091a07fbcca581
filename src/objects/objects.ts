/**
 * All objects of a store, and the small files beside them.
 *
 * ```
 *   <directory>/manifest-…                     root files
 *   <directory>/<timeline>/<object>            one file for each object, named as its id says
 * ```
 *
 * @module
 */

import { assert, blockBytes, type Health, IoError, maxOpenLayerFiles } from "../base/mod.ts";
import {
  BufferPool,
  type DirectoryLock,
  type Host,
  type Io,
  type IoFile,
  readSequentially,
} from "../io/mod.ts";
import type { ObjectsMetrics, ReadCounters } from "./metrics.ts";
import { NameGuard } from "./name_guard.ts";
import type { WriteContext } from "./write/object_file.ts";
import { type ObjectId, parseObjectId, parseTimelineName, timelineName } from "./object_id.ts";
import { ObjectWriter } from "./write/object_writer.ts";
import { OpenFiles } from "./read/open_files.ts";
import { PageCache } from "./read/page_cache.ts";
import { PageFlights } from "./read/page_read.ts";
import { RootFiles } from "./root_files.ts";
import type { ReadContext } from "./read/run_reader.ts";
import { type ObjectExtent, type PageLayout, StoredObject } from "./stored_object.ts";

const MiB = 1024 * 1024;
const poolBytes = 16 * MiB;
/** No device reads less at once. */
const leastAlignment = 512;

/** What the objects of a store are made of. */
export interface ObjectsOptions {
  /** The outside world. */
  readonly host: Host;
  /** How IO is done in the directory. */
  readonly io: Pick<Io, "readDirect" | "writeDirect" | "report">;
  /** The store's directory, which exists. */
  readonly directory: string;
  /** The bytes of pages that the cache may hold. */
  readonly cacheBytes: number;
  /** The lock on the directory, which is asked before names change; none if nothing is written. */
  readonly lock?: DirectoryLock | undefined;
  /** The size of one buffer of a writer, a multiple of 4096. @default {1048576} */
  readonly bufferBytes?: number | undefined;
  /** Files that stay open for reading. @default {384} */
  readonly openFiles?: number | undefined;
}

/** How an object is written. */
export interface WriterOptions {
  /** Who is told what failed, and who says when a full disk is tried again. */
  readonly health: Health;
  /** Room to reserve from the start of the file, in bytes, for speed only. */
  readonly reserveBytes: number;
}

/** How a new object is written. */
export interface CreateOptions extends WriterOptions {
  /**
   * Called once the object's name is durable, such as to name it in the manifest; nothing is written before it
   * resolves. It is called again after a full disk.
   */
  readonly ready?: (() => Promise<void>) | undefined;
}

/** All objects of a store. */
export class Objects {
  /** The store's directory. */
  readonly directory: string;
  /** The outside world. */
  readonly host: Host;
  /** Small files in the store's directory, such as the manifest. */
  readonly root: RootFiles;
  /** What reads share. Belongs to this floor. */
  readonly reads: ReadContext;
  readonly #writes: WriteContext;
  readonly #names: NameGuard;
  readonly #writerPool: BufferPool;
  readonly #objects = new Map<ObjectId, StoredObject>();
  #made = 0;

  /** Does no IO. */
  constructor(options: ObjectsOptions) {
    const { host, io, directory, cacheBytes, lock, bufferBytes = MiB, openFiles = maxOpenLayerFiles } =
      options;
    const { engine, turns } = host;
    this.directory = directory;
    this.host = host;
    const files = new OpenFiles(engine, io.readDirect, openFiles);
    const names = new NameGuard(engine, lock);
    this.root = new RootFiles(engine, files, names, directory);
    this.reads = {
      engine,
      turns,
      pool: new BufferPool(engine, { bufferBytes: MiB, budgetBytes: poolBytes }),
      files,
      cache: new PageCache(cacheBytes),
      flights: new PageFlights(),
      alignment: Math.max(leastAlignment, io.report.offsetAlignment),
      counters: { valueReads: 0, valueReadBytes: 0, pageReads: 0 },
    };
    this.#names = names;
    this.#writes = { engine, direct: io.writeDirect, files, names };
    this.#writerPool = new BufferPool(engine, { bufferBytes, budgetBytes: poolBytes });
  }

  /** What reads did so far. */
  get counters(): Readonly<ReadCounters> {
    return this.reads.counters;
  }

  /** What reads did so far, and what is held now. */
  metrics(): ObjectsMetrics {
    const { counters, cache, pool, files } = this.reads;
    const { hits, misses, bytes } = cache.metrics();
    return {
      ...counters,
      cacheHits: hits,
      cacheMisses: misses,
      cacheBytes: bytes,
      bufferBytes: pool.heldBytes + this.#writerPool.heldBytes,
      openFiles: files.count,
    };
  }

  /**
   * An object, of which nothing is read yet.
   *
   * @param id Its id. Of one id there is one object.
   * @param layout Where its pages lie, if it has pages.
   */
  object(id: ObjectId, layout?: PageLayout): StoredObject {
    let object = this.#objects.get(id);
    if (object === undefined) {
      object = new StoredObject(this.directory, id, this.#made++);
      this.#objects.set(id, object);
    }
    if (layout !== undefined) object.adopt(layout);
    return object;
  }

  /**
   * Makes an object. Bytes can be appended at once; they wait in buffers until its file stands.
   *
   * @param id Its id; the directory of its timeline stands.
   * @param options See {@linkcode CreateOptions}.
   */
  create(id: ObjectId, options: CreateOptions): ObjectWriter {
    return this.#write(id, 0, options, this.#directoryOf(id));
  }

  /**
   * Goes on with an object that exists. Its file stays as it is until something is appended.
   *
   * @param id Its id.
   * @param position Where to go on, a multiple of 4096. Bytes before it are durable and stay.
   * @param options See {@linkcode WriterOptions}.
   */
  reopen(id: ObjectId, position: number, options: WriterOptions): ObjectWriter {
    return this.#write(id, position, options, undefined);
  }

  #write(id: ObjectId, position: number, options: CreateOptions, newIn: string | undefined): ObjectWriter {
    const object = this.object(id);
    assert(!object.isWriting, "an object has one writer");
    const { health, reserveBytes, ready } = options;
    const { path } = object;
    return new ObjectWriter(this.#writes, this.#writerPool, object, position, {
      path,
      newIn,
      reserveBytes,
      ready,
      health,
    });
  }

  /**
   * Turns a finished segment into an object with pages. Nothing is copied.
   *
   * @param object The segment.
   * @param layout Where its pages lie.
   * @returns The object with pages.
   */
  adopt(object: StoredObject, layout: PageLayout): StoredObject {
    object.adopt(layout);
    return object;
  }

  /** Removes an object, closes its file, and drops its pages. One that is not there is removed already. */
  async remove(id: ObjectId): Promise<void> {
    const object = this.object(id);
    assert(!object.isWriting, "an object that is being written is not removed");
    this.#objects.delete(id);
    this.reads.cache.drop(object.own.pages);
    this.reads.files.drop(object);
    await this.reads.files.settled();
    await this.#names.remove(object.path);
  }

  /** The ids of the objects of a timeline that are on disk, in no order; none if its directory is missing. */
  async list(timeline: number): Promise<ObjectId[]> {
    const directory = timelineName(timeline);
    const path = `${this.directory}/${directory}`;
    const names = await this.reads.files.spare(() => this.host.engine.list(path)).catch(noneIfMissing);
    return names.map((name) => `${directory}/${name}`).filter(isObjectId);
  }

  /** The timelines that have a directory, in no order. */
  async listTimelines(): Promise<number[]> {
    return (await this.root.list()).map(parseTimelineName).filter((timeline) => timeline !== undefined);
  }

  /** Makes the directory of a timeline, durably. */
  async prepare(timeline: number): Promise<void> {
    const path = `${this.directory}/${timelineName(timeline)}`;
    await this.#names.check("make directory", path);
    await this.reads.files.spare(() => this.host.engine.makeDirectory(path));
  }

  /**
   * How long an object is, and where in it anything was written.
   *
   * @throws {CorruptionError} If it has no file.
   */
  async extent(object: StoredObject): Promise<ObjectExtent> {
    const { engine } = this.host;
    const byteLength = await this.#withFile(object, (file) => engine.size(file));
    return {
      byteLength,
      nextData: (offset) => this.#withFile(object, (file) => engine.nextData(file, offset)),
    };
  }

  /**
   * Reads an object in order.
   *
   * @param object The object, which nobody writes.
   * @param range Where to start, a multiple of 4096, and where to end at the latest.
   * @yields Bytes, which are valid until the next are asked for. It ends early where the object does.
   */
  async *stream(
    object: StoredObject,
    range: { start: number; end: number },
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    assert(!object.isWriting && range.start % blockBytes === 0, "what is streamed stands, from a block on");
    const { engine, pool, files } = this.reads;
    const file = await files.openApart(object, "read");
    try {
      yield* readSequentially(engine, pool, file, range);
    } finally {
      await engine.close(file);
    }
  }

  /** Makes what stands in an object durable, before what was read of it is trusted. */
  async datasync(object: StoredObject): Promise<void> {
    const { engine, files } = this.reads;
    const file = await files.openApart(object, "write");
    try {
      await engine.datasync(file);
    } finally {
      await engine.close(file);
    }
  }

  /** Waits for reads in flight and closes every file. Writers are finished or aborted before. */
  async close(): Promise<void> {
    await this.root.close();
    await this.reads.files.close();
  }

  async #withFile<T>(object: StoredObject, use: (file: IoFile) => Promise<T>): Promise<T> {
    const { files } = this.reads;
    const file = await files.lease(object);
    try {
      return await use(file);
    } finally {
      files.release(object);
    }
  }

  #directoryOf(id: ObjectId): string {
    return `${this.directory}/${id.slice(0, id.indexOf("/"))}`;
  }
}

function isObjectId(text: string): text is ObjectId {
  return parseObjectId(text) !== undefined;
}

function noneIfMissing(error: unknown): string[] {
  if (error instanceof IoError && error.code === "ENOENT") return [];
  throw error;
}
