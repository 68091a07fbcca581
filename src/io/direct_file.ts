/**
 * A file that is appended to and read with direct IO, behind a double-buffered writer.
 *
 * ```
 *   append ─► buffers ─► file          readAt ─► file up to the buffers' start, then the buffers
 *   sync:  tail "rewrite": the unfinished block is written padded, and again when it has grown
 *          tail "pad":     zeros fill the block, and the next append starts in the next one
 * ```
 *
 * A crash leaves a file whose length is a multiple of 4096, or the preallocated length, with zeros behind its last
 * byte; `close` makes the length exact. Whoever must find the end after a crash keeps it in the contents.
 *
 * @module
 */

import { dirname } from "node:path";
import { blockBytes, type IoError, LimitError, ReadOnlyError, typeName } from "../base/mod.ts";
import { BufferPool } from "./buffer_pool.ts";
import { BufferedWriter } from "./buffered_writer.ts";
import type { IoEngine, IoFile, Transfer } from "./engine.ts";
import { type Io, type IoMode, type IoReport, openIo } from "./open_io.ts";
import { readSequentially } from "./sequential_reader.ts";

const MiB = 1024 * 1024;
const bufferBytes = MiB;
/** Bytes that wait to be written at which appends that did not wait are refused. */
const mostWaiting = 256 * MiB;

/** Options of {@linkcode DirectFile.open}. */
export interface DirectFileOptions {
  /** What bypasses the page cache: nothing, reads, or reads and writes. The default is `"direct-rw"`. */
  ioMode?: IoMode;
  /** What does the IO. The default is `"auto"`. */
  ioEngine?: "auto" | "uring" | "threads" | "node" | IoEngine;
  /** Whether it is an error not to obtain the mode, or the engine that was named. The default is `false`. */
  strict?: boolean;
  /** What a sync does with an unfinished block. The default is `"rewrite"`. */
  tail?: "rewrite" | "pad";
  /** Room to reserve, in bytes, so that writes do not extend the file. The default is none. */
  preallocateBytes?: number;
  /** Whether the file is made if there is none. The default is `true`. */
  create?: boolean;
  /** Whether nothing may be written. The default is `false`. */
  readOnly?: boolean;
}

/**
 * An append-only file with direct IO.
 *
 * @example Append, sync and read back
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { DirectFile } from "@varve/varve/direct";
 *
 * const path = `${await Deno.makeTempDir()}/file`;
 * await using file = await DirectFile.open(path);
 * await file.append(new TextEncoder().encode("hello "));
 * await file.append(new TextEncoder().encode("world"));
 * await file.sync();
 * assertEquals(file.durableLength, 11);
 * assertEquals(new TextDecoder().decode(await file.readAt(6, 5)), "world");
 * ```
 */
export class DirectFile implements AsyncDisposable {
  readonly #path: string;
  readonly #io: Io;
  readonly #pool: BufferPool;
  readonly #reader: IoFile;
  readonly #target: IoFile | undefined;
  readonly #writer: BufferedWriter | undefined;
  readonly #tail: "rewrite" | "pad";
  readonly #initialLength: number;
  #durable: number;
  #syncing: Promise<void> | undefined;
  #failure: Error | undefined;
  #reads = 0;
  #idle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    path: string,
    io: Io,
    pool: BufferPool,
    reader: IoFile,
    target: IoFile | undefined,
    length: number,
    tail: "rewrite" | "pad",
  ) {
    this.#path = path;
    this.#io = io;
    this.#pool = pool;
    this.#reader = reader;
    this.#target = target;
    this.#tail = tail;
    this.#initialLength = this.#durable = length;
    const start = length - length % blockBytes;
    if (target !== undefined) this.#writer = new BufferedWriter(io.engine, pool, target, { start });
  }

  /**
   * Opens a file, at whose end appending goes on.
   *
   * @param path The file.
   * @param options See {@linkcode DirectFileOptions}.
   * @returns The file. It must be closed.
   * @throws {IoError} If it cannot be opened.
   * @throws {DirectIoError} If `strict` is set and the IO that was asked for cannot be had.
   */
  static async open(path: string, options: DirectFileOptions = {}): Promise<DirectFile> {
    checkOptions(path, options);
    const readOnly = options.readOnly === true;
    const io = await openIo(dirname(path), { ...options, readOnly });
    const opened: IoFile[] = [];
    try {
      const target = readOnly ? undefined : await openTarget(io, path, options.create !== false);
      if (target !== undefined) opened.push(target);
      const reader = await io.engine.open(path, { access: "read", direct: io.readDirect });
      opened.push(reader);
      const length = await io.engine.size(reader);
      const pool = new BufferPool(io.engine, { bufferBytes, budgetBytes: 16 * MiB });
      const file = new DirectFile(path, io, pool, reader, target, length, options.tail ?? "rewrite");
      await file.#prepare(options.preallocateBytes ?? 0);
      return file;
    } catch (error) {
      for (const file of opened) await io.engine.close(file);
      if (io.ownsEngine) await io.engine.shutdown();
      throw error;
    }
  }

  /** Takes an unfinished last block into the buffers, and reserves room. */
  async #prepare(preallocateBytes: number): Promise<void> {
    if (this.#target === undefined || this.#writer === undefined) return;
    const head = this.#initialLength % blockBytes;
    if (head > 0) this.#writer.append(await this.#readFile(this.#initialLength - head, head));
    if (preallocateBytes > this.#initialLength) {
      await this.#io.engine.allocate(this.#target, preallocateBytes);
    }
  }

  /** The file's path. */
  get path(): string {
    return this.#path;
  }

  /** How IO is done: what was asked for and what was obtained. */
  get io(): IoReport {
    return this.#io.report;
  }

  /** The bytes that were appended, durable or not. */
  get length(): number {
    return this.#writer === undefined ? this.#initialLength : this.#writer.position;
  }

  /** The bytes that are known to survive a crash and a loss of power. */
  get durableLength(): number {
    return this.#durable;
  }

  /**
   * Appends bytes.
   *
   * They are copied and can be read before the call returns; the promise waits for room in the buffers.
   *
   * @param bytes What to append.
   * @returns The offset of the first byte.
   * @throws {PoisonedError} If a write failed, now or before.
   * @throws {IoError} If the disk is full; bytes appended before stay readable, and a later call tries again.
   * @throws {LimitError} If more than 256 MiB wait to be written, since earlier appends were not awaited.
   * @throws {ReadOnlyError} If the file is read only.
   */
  append(bytes: Uint8Array): Promise<number> {
    try {
      const writer = this.#writable();
      if (!(bytes instanceof Uint8Array)) {
        throw new TypeError(`Cannot append: expected a Uint8Array, found ${typeName(bytes)}`);
      }
      const offset = writer.append(bytes);
      const room = writer.room();
      return room === undefined ? Promise.resolve(offset) : room.then(() => offset);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #writable(): BufferedWriter {
    this.#checkOpen();
    const writer = this.#writer;
    if (writer === undefined) {
      throw new ReadOnlyError(`Cannot write to "${this.#path}": it is open read only`);
    }
    if (this.#failure !== undefined) throw this.#failure;
    const full: IoError | undefined = writer.full;
    if (full !== undefined) {
      writer.retry();
      throw full;
    }
    if (writer.bufferedBytes > mostWaiting) {
      throw new LimitError(
        `Cannot append to "${this.#path}": ${writer.bufferedBytes} bytes wait to be written`,
      );
    }
    return writer;
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) {
      throw new Deno.errors.BadResource(`Cannot use "${this.#path}": it is closed`);
    }
  }

  /**
   * Reads bytes.
   *
   * @param offset Where to start.
   * @param length How many; fewer come back at the end of the file.
   * @returns The bytes, which are the caller's for ever.
   * @throws {RangeError} If offset or length are not whole numbers ≥ 0.
   * @throws {IoError} If the file cannot be read.
   */
  async readAt(offset: number, length: number): Promise<Uint8Array> {
    this.#checkOpen();
    for (const number of [offset, length]) {
      if (!Number.isSafeInteger(number) || number < 0) {
        throw new RangeError(
          `Cannot read "${this.#path}": expected whole numbers, found ${offset} and ${length}`,
        );
      }
    }
    this.#reads++;
    try {
      return await this.#read(offset, Math.min(length, Math.max(0, this.length - offset)));
    } finally {
      if (--this.#reads === 0) this.#idle?.();
    }
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    const writer = this.#writer;
    const memoryStart = writer === undefined ? Infinity : writer.memoryStart;
    const fromFile = Math.max(0, Math.min(length, memoryStart - offset));
    const result = new Uint8Array(length);
    // What is in memory is copied in this turn; the rest is in the file by then.
    if (fromFile < length) writer?.copyOut(offset + fromFile, result.subarray(fromFile));
    if (fromFile > 0) result.set(await this.#readFile(offset, fromFile));
    return result;
  }

  async #readFile(offset: number, length: number): Promise<Uint8Array> {
    const start = offset - offset % blockBytes;
    const end = offset + length;
    if (end - start <= this.#pool.bufferBytes) return await this.#readOnce(start, offset, length);
    const result = new Uint8Array(length);
    let at = start;
    for await (const chunk of readSequentially(this.#io.engine, this.#pool, this.#reader, { start, end })) {
      const skip = Math.max(0, offset - at);
      result.set(chunk.subarray(skip), at + skip - offset);
      at += chunk.length;
    }
    return result.subarray(0, Math.max(0, at - offset));
  }

  async #readOnce(start: number, offset: number, length: number): Promise<Uint8Array> {
    const buffer = await this.#pool.take();
    try {
      const bytes = buffer.bytes.subarray(0, Math.ceil((offset + length - start) / blockBytes) * blockBytes);
      const transfer: Transfer = { file: this.#reader, offset: start, bytes, done: 0, error: undefined };
      await this.#io.engine.read([transfer]);
      if (transfer.error !== undefined) throw transfer.error;
      return bytes.slice(offset - start, Math.min(transfer.done, offset + length - start));
    } finally {
      buffer.release();
    }
  }

  /**
   * Makes everything that was appended before the call durable. Concurrent calls share one sync.
   *
   * @throws {PoisonedError} If a write failed, now or before.
   * @throws {IoError} If the sync failed, after which nothing is written any more, or the disk is full.
   */
  async sync(): Promise<void> {
    this.#writable();
    const target = this.length;
    while (this.#durable < target) {
      if (this.#failure !== undefined) throw this.#failure;
      this.#syncing ??= this.#syncOnce().finally(() => this.#syncing = undefined);
      await this.#syncing;
    }
  }

  async #syncOnce(): Promise<void> {
    const writer = this.#writer, target = this.#target;
    if (writer === undefined || target === undefined) return;
    if (this.#tail === "pad") writer.appendZeros((blockBytes - writer.position % blockBytes) % blockBytes);
    const length = writer.position;
    await writer.flushTail();
    try {
      await this.#io.engine.datasync(target);
    } catch (error) {
      this.#failure = error as Error;
      throw error;
    }
    if (length > this.#durable) this.#durable = length;
  }

  /**
   * A sink of bytes, with the back-pressure of {@linkcode append}. Closing it syncs.
   *
   * @returns A stream of chunks of any size.
   */
  writable(): WritableStream<Uint8Array> {
    this.#writable();
    return new WritableStream<Uint8Array>({
      write: async (chunk) => {
        await this.append(chunk);
      },
      close: () => this.sync(),
    }, { highWaterMark: 4 });
  }

  /**
   * The file's bytes, in chunks of at most 1 MiB.
   *
   * @param options The range; the default is all there is at the call.
   * @returns A stream, which can be cancelled.
   */
  readable(options: { start?: number; end?: number } = {}): ReadableStream<Uint8Array> {
    this.#checkOpen();
    let at = options.start ?? 0;
    const end = Math.min(options.end ?? Infinity, this.length);
    const next = () => {
      const length = Math.min(bufferBytes - at % blockBytes, end - at);
      const chunk = length > 0 ? this.readAt(at, length) : undefined;
      // A failure is reported when the chunk is pulled.
      chunk?.catch(() => {});
      at += Math.max(0, length);
      return chunk;
    };
    const ahead: (Promise<Uint8Array> | undefined)[] = [];
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        while (ahead.length < 3) ahead.push(next());
        const chunk = await ahead.shift();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: async () => {
        at = end;
        await Promise.allSettled(ahead.splice(0));
      },
    }, { highWaterMark: 0 });
  }

  /**
   * Writes what is left, makes the length exact, syncs and closes. Calling it again waits for the same close.
   *
   * @throws {PoisonedError} If a write failed, now or before; the file is closed all the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { engine } = this.#io;
    try {
      await this.#syncing?.catch(() => {});
      if (this.#reads > 0) await new Promise<void>((resolve) => this.#idle = resolve);
      if (this.#writer !== undefined && this.#target !== undefined) {
        await this.#finish(this.#writer, this.#target);
      }
    } finally {
      await engine.close(this.#reader);
      if (this.#target !== undefined) await engine.close(this.#target);
      if (this.#io.ownsEngine) await engine.shutdown();
    }
  }

  async #finish(writer: BufferedWriter, target: IoFile): Promise<void> {
    const length = writer.position;
    const changed = length !== this.#initialLength || await this.#io.engine.size(target) !== length;
    const failure = this.#failure ?? writer.failure;
    await writer.close({ tail: changed && failure === undefined ? "truncate" : "drop" });
    if (failure !== undefined) throw failure;
    if (!changed) return;
    await this.#io.engine.truncate(target, length);
    await this.#io.engine.sync(target);
    this.#durable = length;
  }

  /** Closes the file, as {@linkcode close} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function openTarget(io: Io, path: string, create: boolean): Promise<IoFile> {
  const options = { access: "write", direct: io.writeDirect } as const;
  try {
    return await io.engine.open(path, options);
  } catch (error) {
    if (!create || (error as { code?: unknown }).code !== "ENOENT") throw error;
    const file = await io.engine.open(path, { ...options, create: true });
    await io.engine.syncDirectory(dirname(path));
    return file;
  }
}

function checkOptions(path: string, options: DirectFileOptions): void {
  if (typeof path !== "string" || path === "") {
    throw new TypeError(
      `Cannot open file: expected a path, found ${path === "" ? "an empty one" : typeName(path)}`,
    );
  }
  if (options.tail !== undefined && options.tail !== "rewrite" && options.tail !== "pad") {
    throw new TypeError(`Cannot open "${path}": expected tail "rewrite" or "pad", found "${options.tail}"`);
  }
  const bytes = options.preallocateBytes ?? 0;
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw new RangeError(`Cannot open "${path}": expected preallocateBytes of 0 or more, found ${bytes}`);
  }
}
