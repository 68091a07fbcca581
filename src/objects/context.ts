/**
 * What everything on this floor shares.
 *
 * @module
 */

import { hasCode, IoError, LatencyWindow, maxOpenLayerFiles } from "../base/mod.ts";
import { BufferPool, type Host, type Io, type IoFile, type OpenOptions, type PathLock } from "../io/mod.ts";
import { ObjectCache } from "./cache/object_cache.ts";
import type { ReadCounters } from "./metrics.ts";
import { OpenFiles } from "./read/open_files.ts";
import type { PageRead } from "./read/page_read.ts";

const MiB = 1024 * 1024;
const poolBytes = 16 * MiB;
/** What one batch of reads brings at the most, in bytes. */
export const readBufferBytes: number = MiB;
/** No device reads less at once. */
const leastAlignment = 512;

/** Buffers for IO of objects, each kind under a bound. */
export class ObjectBuffers {
  /** Buffers of one batch of reads each. */
  readonly readPool: BufferPool;
  /** Buffers of writers. */
  readonly writePool: BufferPool;

  /**
   * Makes none yet.
   *
   * @param engine What memory is taken from.
   * @param bufferBytes The size of one buffer of a writer, a multiple of 4096.
   */
  constructor(engine: Host["engine"], bufferBytes: number = MiB) {
    this.readPool = new BufferPool(engine, { bufferBytes: readBufferBytes, budgetBytes: poolBytes });
    this.writePool = new BufferPool(engine, { bufferBytes, budgetBytes: poolBytes });
  }
}

/** What the objects of a store are made of. */
export interface ObjectsOptions {
  /** The outside world. */
  readonly host: Host;
  /** How IO is done in the directory. */
  readonly io: Pick<Io, "readDirect" | "writeDirect" | "report">;
  /** The store's directory, which exists. */
  readonly directory: string;
  /** The bytes that the cache of pages and records may take. */
  readonly cacheBytes: number;
  /** The lock on the directory, which is asked before names change; none if nothing is written. */
  readonly lock?: PathLock | undefined;
  /** Buffers that others use too; left out, there are some for these objects alone. */
  readonly buffers?: ObjectBuffers | undefined;
  /** The size of one buffer of a writer, a multiple of 4096, where buffers are their own. @default {1048576} */
  readonly bufferBytes?: number | undefined;
  /** Files that stay open for reading. @default {384} */
  readonly openFiles?: number | undefined;
}

/** What everything on this floor shares. */
export class ObjectsContext {
  /** The outside world. */
  readonly host: Host;
  /** The store's directory. */
  readonly directory: string;
  /** Whether writes bypass the page cache. */
  readonly writeDirect: boolean;
  /** What offsets and lengths of reads are multiples of, in bytes. */
  readonly alignment: number;
  /** Buffers of one batch of reads each. */
  readonly readPool: BufferPool;
  /** Buffers of writers. */
  readonly writePool: BufferPool;
  /** Open files, and who makes room when descriptors run out. */
  readonly files: OpenFiles;
  /** Pages and small ranges in memory. */
  readonly cache: ObjectCache;
  /** Pages on their way, by {@linkcode pageKey}, so that one that several questions want at once is read once. */
  readonly flights: Map<number, PageRead> = new Map();
  /** Counts of what was done. */
  readonly counters: ReadCounters = { valueReads: 0, valueReadBytes: 0, pageReads: 0 };
  /** How long batches of reads take. */
  readonly reads: LatencyWindow = new LatencyWindow();
  readonly #lock: PathLock | undefined;

  /** Does no IO. */
  constructor(options: ObjectsOptions) {
    const { host, host: { engine }, io } = options;
    this.host = host;
    this.directory = options.directory;
    this.writeDirect = io.writeDirect;
    this.alignment = Math.max(leastAlignment, io.report.offsetAlignment);
    const { readPool, writePool } = options.buffers ?? new ObjectBuffers(engine, options.bufferBytes);
    this.readPool = readPool;
    this.writePool = writePool;
    const most = options.openFiles ?? maxOpenLayerFiles;
    this.files = new OpenFiles(
      engine,
      io.readDirect,
      most,
      (path) => this.checkNames("open", path),
      (path) => this.#checkRead(path),
    );
    this.cache = new ObjectCache(options.cacheBytes);
    this.#lock = options.lock;
  }

  /**
   * Checks, before a name is made or removed, that the directory is still ours: after another process moved it away and
   * made a new one, nothing of ours may happen to that.
   *
   * @throws {IoError} With `ESTALE`, if the path leads elsewhere by now.
   */
  async checkNames(operation: string, path: string): Promise<void> {
    if (this.#lock === undefined || await this.#lock.holds()) return;
    throw new IoError({ code: "ESTALE", operation, path });
  }

  /** Checks what was opened to be read: a path that leads elsewhere by now may have led there already. */
  async #checkRead(path: string): Promise<void> {
    if (this.#lock?.follows === false) await this.checkNames("open", path);
  }

  /** Opens a file to write to it: one that stands in another directory by now is not ours. */
  async openOwn(path: string, options: OpenOptions): Promise<IoFile> {
    const file = await this.files.open(path, options);
    try {
      await this.checkNames("open", path);
      return file;
    } catch (error) {
      await this.host.engine.close(file);
      throw error;
    }
  }

  /** Removes a file; one that is not there is removed already. */
  async remove(path: string): Promise<void> {
    await this.checkNames("remove", path);
    await this.host.engine.remove(path).catch((error) => {
      if (!hasCode(error, "ENOENT")) throw error;
    });
  }
}
