/**
 * A file that is appended to and read with direct IO, behind a double-buffered writer.
 *
 * ```
 *   append ─► buffers ─► file          readAt ─► file up to the buffers' start, then the buffers
 *   sync:  tail "rewrite": the unfinished block is written padded, and again when it has grown
 *          tail "pad":     zeros fill the block, and the next append starts in the next one
 *
 *   a crash leaves   ██████ durable ██████│▒▒ any of: what was appended behind, zeros, what the disk held before ▒▒│
 *                                         └ the owner's to know      the length: of whole blocks, or reserved ──────┘
 * ```
 *
 * Y2  Whatever fails, and whenever the machine stops: bytes before a `durableLength` that was seen are as they were
 *     appended, and the file is at least so long.
 *
 * What stands behind it says nothing of itself: a file of bytes has no framing. So whoever must find the end after a
 * crash keeps it, in the contents or elsewhere, and gives it as `length` when it opens the file again; `close` makes the
 * length exact.
 *
 * @module
 */

import { blockBytes, hasCode, Health, LimitError, pathOf, ReadOnlyError, typeName } from "../base/mod.ts";
import { BufferedWriter, BufferPool, type Io, type IoReport } from "../io/mod.ts";
import { BlockReader } from "./block_reader.ts";
import { byteStream } from "./byte_stream.ts";
import { type OpenedFile, openFile } from "./open_file.ts";
import { type ByteRange, checkOptions, checkRange, checkWhole, type DirectFileOptions } from "./options.ts";
import { Preallocation } from "./preallocation.ts";
import { SyncedWriter } from "./synced_writer.ts";

const MiB = 1024 * 1024;
/** Bytes that wait to be written at which appends that did not wait are refused. */
const mostWaiting = 256 * MiB;
/** Bytes that a sink takes before it says that it is full. */
const queuedBytes = 4 * MiB;

/**
 * An append-only file with direct IO.
 *
 * Its lengths are exact in bytes, though the disk takes whole blocks. What was appended can be read at once, wherever it
 * is; it survives a crash once `sync` has resolved, and `durableLength` says how much does. After a crash the file may be
 * longer than that, with anything behind it: record the length, and open the file with it.
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
  /** The lock, the files and the engine: given up in the opposite order, whatever fails. */
  readonly #held: AsyncDisposableStack;
  readonly #health: Health;
  readonly #reader: BlockReader;
  readonly #target: SyncedWriter | undefined;
  readonly #preallocation: Preallocation | undefined;
  readonly #initialLength: number;
  #closing: Promise<void> | undefined;

  private constructor(
    { path, io, reader, target, length, reserved, held }: OpenedFile,
    options: DirectFileOptions,
  ) {
    const { engine } = io, { tail = "rewrite", preallocateBytes: bytes = 0 } = options;
    const pool = new BufferPool(engine, { bufferBytes: MiB, budgetBytes: 16 * MiB });
    const health = new Health(`"${path}"`);
    this.#path = path;
    this.#io = io;
    this.#held = held;
    this.#health = health;
    this.#reader = new BlockReader(engine, pool, reader);
    this.#initialLength = length;
    if (target === undefined) return;
    const start = length - length % blockBytes;
    const writer = new BufferedWriter(engine, pool, target, { start, health });
    this.#target = new SyncedWriter({ engine, file: target, writer, health, tail, length });
    this.#preallocation = new Preallocation({ engine, file: target, health, bytes, reserved });
  }

  /**
   * Opens a file, at whose end appending goes on.
   *
   * @param path The file, as a path or a `file:` URL.
   * @param options See {@linkcode DirectFileOptions}.
   * @returns The file. It must be closed.
   * @throws {TypeError} If an option is unknown or of a wrong type.
   * @throws {RangeError} If an option has a value that cannot be.
   * @throws {LockedError} If it is open for writing already, in this process or another.
   * @throws {Deno.errors.NotFound} If its directory is missing, or if it is and may not be made.
   * @throws {CorruptionError} If it is shorter than the `length` that its owner recorded.
   * @throws {IoError} If it cannot be opened, or the room that is to be reserved is not there.
   * @throws {DirectIoError} If `strict` is set and the IO that was asked for cannot be had.
   */
  static async open(path: string | URL, options: DirectFileOptions = {}): Promise<DirectFile> {
    const file = pathOf("open file", path);
    checkOptions(file, options);
    try {
      return await DirectFile.#open(file, options);
    } catch (cause) {
      if (!hasCode(cause, "ENOENT")) throw cause;
      throw new Deno.errors.NotFound(`Cannot open "${file}": there is no "${cause.path}"`, { cause });
    }
  }

  static async #open(path: string, options: DirectFileOptions): Promise<DirectFile> {
    const opened = await openFile(path, options);
    await using held = opened.held;
    const file = new DirectFile({ ...opened, held: new AsyncDisposableStack() }, options);
    await file.#takeUpTail();
    file.#held.use(held.move());
    return file;
  }

  /** Takes an unfinished last block into the buffers. */
  async #takeUpTail(): Promise<void> {
    const head = this.#initialLength % blockBytes;
    if (this.#target === undefined || head === 0) return;
    this.#target.writer.append(await this.#reader.read(this.#initialLength - head, head));
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
    return this.#target === undefined ? this.#initialLength : this.#target.writer.position;
  }

  /** The bytes that are known to survive a crash and a loss of power. */
  get durableLength(): number {
    return this.#target?.durable ?? this.#initialLength;
  }

  /**
   * Appends bytes.
   *
   * They are copied and can be read before the call returns; the promise waits for room in the buffers.
   *
   * @param bytes What to append.
   * @returns The offset of the first byte.
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   * @throws {IoError} If the disk is full; bytes appended before stay readable, and a later call tries again.
   * @throws {LimitError} If more than 256 MiB wait to be written, since earlier appends were not awaited.
   * @throws {ReadOnlyError} If the file is read only.
   */
  append(bytes: Uint8Array): Promise<number> {
    try {
      const { writer } = this.#writable();
      this.#checkWaiting(writer);
      if (!(bytes instanceof Uint8Array)) {
        throw new TypeError(`Cannot append: expected a Uint8Array, found ${typeName(bytes)}`);
      }
      const offset = writer.append(bytes);
      this.#preallocation?.reached(writer.position);
      const room = writer.room();
      return room === undefined ? Promise.resolve(offset) : room.then(() => offset);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #writable(): SyncedWriter {
    this.#checkOpen();
    const target = this.#target;
    if (target === undefined) {
      throw new ReadOnlyError(`Cannot write to "${this.#path}": it is open read only`);
    }
    try {
      this.#health.check();
    } finally {
      this.#health.retry();
    }
    return target;
  }

  /** Refuses more where others did not wait; a sync is a wait for it. */
  #checkWaiting({ bufferedBytes: found }: BufferedWriter): void {
    if (found <= mostWaiting) return;
    const limit = mostWaiting,
      message = `Cannot append to "${this.#path}": ${found} bytes wait to be written`;
    throw new LimitError(message, { limit, found });
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
   * @throws {TypeError} If offset or length are not numbers.
   * @throws {RangeError} If they are not whole numbers ≥ 0.
   * @throws {IoError} If the file cannot be read.
   */
  async readAt(offset: number, length: number): Promise<Uint8Array> {
    this.#checkOpen();
    checkWhole(`read "${this.#path}"`, "offset", offset);
    checkWhole(`read "${this.#path}"`, "length", length);
    return await this.#read(offset, Math.min(length, Math.max(0, this.length - offset)));
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    const writer = this.#target?.writer;
    const memoryStart = writer === undefined ? Infinity : writer.memoryStart;
    const fromFile = Math.max(0, Math.min(length, memoryStart - offset));
    const result = new Uint8Array(length);
    // What is in memory is copied in this turn; the rest is in the file by then.
    if (fromFile < length) writer?.copyOut(offset + fromFile, result.subarray(fromFile));
    if (fromFile > 0) result.set(await this.#reader.read(offset, fromFile));
    return result;
  }

  /**
   * Makes everything that was appended before the call durable. Concurrent calls share one sync.
   *
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   * @throws {IoError} If the disk is full, which a later call tries again.
   */
  async sync(): Promise<void> {
    await this.#writable().sync();
  }

  /**
   * A sink of bytes, with the back-pressure of {@linkcode append}: it holds 4 MiB of chunks, or one that is larger, and
   * the buffers. Closing it syncs; aborting it leaves what was appended as it is.
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
    }, { highWaterMark: queuedBytes, size: (chunk) => chunk?.byteLength ?? 1 });
  }

  /**
   * The file's bytes, in chunks of at most 1 MiB.
   *
   * @param options The range; the default is all there is at the call.
   * @returns A stream, which can be cancelled.
   * @throws {TypeError} If an option is unknown or no number.
   * @throws {RangeError} If one is no whole number ≥ 0.
   */
  readable(options: ByteRange = {}): ReadableStream<Uint8Array> {
    this.#checkOpen();
    checkRange(this.#path, options);
    const end = Math.min(options.end ?? Infinity, this.length);
    return byteStream(options.start ?? 0, end, (offset, length) => this.readAt(offset, length));
  }

  /**
   * Writes what is left, makes the length exact, syncs and closes. Calling it again waits for the same close.
   *
   * @throws {PoisonedError} If a write or a sync failed, now or before; the file is closed all the same.
   * @throws {IoError} If the disk is full; the file is closed all the same, and what was not synced may be lost.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      this.#health.retry();
      this.#health.close();
      await this.#reader.idle();
      await this.#preallocation?.end();
      await this.#target?.finish();
    } finally {
      this.#health.closed();
      await this.#held.disposeAsync();
    }
  }

  /** Closes the file, as {@linkcode close} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
