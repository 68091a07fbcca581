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

import { assert, blockBytes, hasCode, type Latency } from "../base/mod.ts";
import { type Host, readSequentially, type SequentialReadOptions } from "../io/mod.ts";
import { ObjectsContext, type ObjectsOptions } from "./context.ts";
import { Leases } from "./leases.ts";
import type { ObjectsMemory, ObjectsMetrics } from "./metrics.ts";
import { type ObjectId, parseObjectId, parseTimelineName, timelineName } from "./object_id.ts";
import { PinnedObject } from "./read/pinned_object.ts";
import { RootFiles } from "./root_files.ts";
import { type ObjectExtent, type PageLayout, StoredObject } from "./stored_object.ts";
import type { CreateOptions, WriterOptions } from "./write/object_file.ts";
import { ObjectWriter } from "./write/object_writer.ts";

/** All objects of a store. */
export class Objects {
  /** The store's directory. */
  readonly directory: string;
  /** The outside world. */
  readonly host: Host;
  /** Small files in the store's directory, such as the manifest. */
  readonly root: RootFiles;
  /** What readers and the writer in other processes hold. */
  readonly leases: Leases;
  /** What this floor shares. Belongs to it. */
  readonly context: ObjectsContext;
  readonly #objects = new Map<ObjectId, StoredObject>();
  #made = 0;

  /** Does no IO. */
  constructor(options: ObjectsOptions) {
    this.directory = options.directory;
    this.host = options.host;
    this.context = new ObjectsContext(options);
    this.root = new RootFiles(this.context);
    this.leases = new Leases(this.context);
  }

  /** What reads did so far, and what is held now. */
  metrics(): ObjectsMetrics {
    const { counters, cache, readPool, writePool, files } = this.context;
    return {
      ...counters,
      cacheHits: cache.counters.pageHits,
      cacheMisses: cache.counters.pageMisses,
      cacheValueHits: cache.counters.rangeHits,
      cacheValueMisses: cache.counters.rangeMisses,
      cacheBytes: cache.pageByteLength + cache.rangeByteLength,
      cacheValueBytes: cache.rangeByteLength,
      bufferBytes: readPool.heldBytes + writePool.heldBytes,
      openFiles: files.count,
    };
  }

  /** The memory of buffers and of the cache. */
  memory(): ObjectsMemory {
    const { cache, readPool, writePool } = this.context;
    return {
      writeBufferBytes: writePool.heldBytes,
      writeBufferTakenBytes: writePool.takenBytes,
      readBufferBytes: readPool.heldBytes,
      readBufferTakenBytes: readPool.takenBytes,
      readBufferBudgetBytes: readPool.budgetBytes,
      cachePageBytes: cache.pageByteLength,
      cacheRecordBytes: cache.rangeByteLength,
      cacheBudgetBytes: cache.byteLength,
    };
  }

  /** How long batches of reads took lately. */
  readLatency(): Latency {
    return this.context.reads.latency(this.host.clock.monotonic());
  }

  /**
   * An object, of which nothing is read yet. A finished segment that is given a layout becomes an object with pages;
   * nothing is copied.
   *
   * @param id Its id. Of one id there is one object.
   * @param layout Where its pages lie, if it has pages.
   */
  object(id: ObjectId, layout?: PageLayout): StoredObject {
    const object = this.#objects.get(id) ?? new StoredObject(this.directory, id, this.#made++);
    this.#objects.set(id, object);
    if (layout !== undefined) object.layout = layout;
    return object;
  }

  /**
   * Makes an object. Bytes can be appended at once; they wait in buffers until its file stands.
   *
   * @param id Its id; the directory of its timeline stands.
   * @param options See {@linkcode CreateOptions}.
   */
  create(id: ObjectId, options: CreateOptions): ObjectWriter {
    return this.#write(id, options);
  }

  /**
   * Goes on with an object that exists. Its file stays as it is until something is appended.
   *
   * @param id Its id.
   * @param position Where to go on, a multiple of 4096. Bytes before it are durable and stay.
   * @param options See {@linkcode WriterOptions}.
   */
  reopen(id: ObjectId, position: number, options: WriterOptions): ObjectWriter {
    return this.#write(id, options, position);
  }

  #write(id: ObjectId, options: CreateOptions, position?: number): ObjectWriter {
    const object = this.object(id);
    assert(!object.isWriting, "an object has one writer");
    return new ObjectWriter(this.context, object, options, position);
  }

  /** Removes an object, closes its file, and drops what is cached of it. One that is not there is removed already. */
  async remove(id: ObjectId): Promise<void> {
    const object = this.object(id);
    assert(!object.isWriting, "an object that is being written is not removed");
    this.#objects.delete(id);
    this.context.cache.drop(object.own.cached);
    await this.context.files.drop(object);
    await this.context.remove(object.path);
  }

  /** The ids of the objects of a timeline that are on disk, in no order; none if its directory is missing. */
  async list(timeline: number): Promise<ObjectId[]> {
    const directory = timelineName(timeline);
    const path = `${this.directory}/${directory}`;
    const listing = this.context.files.spare(() => this.host.engine.list(path));
    const names = await listing.catch((error) => hasCode(error, "ENOENT") ? [] : Promise.reject(error));
    return names.map((name) => `${directory}/${name}`)
      .filter((id): id is ObjectId => parseObjectId(id) !== undefined);
  }

  /** The timelines that have a directory, in no order. */
  async listTimelines(): Promise<number[]> {
    return (await this.root.list()).map(parseTimelineName).filter((timeline) => timeline !== undefined);
  }

  /** How many bytes its file system has room for; `undefined` if nobody can tell. */
  async freeBytes(): Promise<number | undefined> {
    return await this.context.files.spare(async () => await this.host.engine.freeBytes?.(this.directory));
  }

  /** Makes the directory of a timeline, durably. */
  async prepare(timeline: number): Promise<void> {
    const path = `${this.directory}/${timelineName(timeline)}`;
    await this.context.checkNames("make directory", path);
    await this.context.files.spare(() => this.host.engine.makeDirectory(path));
  }

  /**
   * How long an object is, and where in it anything was written.
   *
   * @throws {CorruptionError} If it has no file.
   */
  async extent(object: StoredObject): Promise<ObjectExtent> {
    const { host: { engine }, files } = this.context;
    const open = () => files.openApart(object, "read");
    return {
      byteLength: await files.closing(open(), (file) => engine.size(file)),
      nextData: (offset) => files.closing(open(), (file) => engine.nextData(file, offset)),
    };
  }

  /**
   * Reads an object in order.
   *
   * @param object The object, which nobody writes.
   * @param range Where to start, a multiple of 4096, and where to end at the latest.
   * @yields Bytes, which are valid until the next are asked for. It ends early where the object does.
   */
  async *stream(object: StoredObject, range: SequentialReadOptions): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    assert(!object.isWriting && range.start % blockBytes === 0, "what is streamed stands, from a block on");
    const { host: { engine }, readPool, files } = this.context;
    const file = await files.openApart(object, "read");
    try {
      yield* readSequentially(engine, readPool, file, range);
    } finally {
      await engine.close(file);
    }
  }

  /**
   * Opens the file of an object for as long as somebody reads it, also once it was removed.
   *
   * @throws {CorruptionError} If it has no file.
   */
  async pin(object: StoredObject): Promise<PinnedObject> {
    const { host: { engine }, readPool, files } = this.context;
    return new PinnedObject(engine, readPool, await files.openApart(object, "read"));
  }

  /** Makes what stands in an object durable, before what was read of it is trusted; who only reads may do so too. */
  async datasync(object: StoredObject, access: "read" | "write" = "write"): Promise<void> {
    const { files } = this.context;
    await files.closing(files.openApart(object, access), (file) => this.host.engine.datasync(file));
  }

  /** Waits for reads in flight, closes every file and gives up leases. Writers are finished or aborted before. */
  async close(): Promise<void> {
    try {
      await this.root.close();
    } finally {
      await this.context.files.close().finally(() => this.leases.release());
    }
  }
}
