/**
 * A log: records of bytes in the order in which they were appended, each at an offset, in segments.
 *
 * ```
 *   append ─► open segment ──full──► sealed in the background ──retain, truncateBefore──► removed
 *      └ readable at once: from memory, then from the file        readers inside one finish it
 * ```
 *
 * An offset is one less than the LSN of its record: LSNs begin at 1, offsets at 0.
 *
 * @module
 */

import {
  appliedAt,
  checkFlag,
  checkNames,
  LimitError,
  maxBatchBytes,
  maxValueBytes,
  pathOf,
  ReadOnlyError,
  typeName,
} from "../base/mod.ts";
import { type Host, type IoEngine, type IoReport, systemHost } from "../io/mod.ts";
import type { LogContext } from "./log_context.ts";
import { OffsetError } from "./offset_error.ts";
import { type OpenLog, openLog } from "./open_log.ts";
import { checkLogOptions, checkOffset, type LogAppendOptions, type LogOptions } from "./options.ts";
import { FollowedLog } from "./read/followed_log.ts";
import { LogRead } from "./read/log_read.ts";
import { boundsOf, type LogSource, offsetAtTime } from "./read/log_source.ts";
import { LogStreams } from "./read/log_stream.ts";
import type { LogEntry } from "./read/payload_walk.ts";
import { type LogReadOptions, planRead } from "./read/plan_read.ts";
import { infoOf, type SegmentInfo } from "./segment_info.ts";
import { LogWriter } from "./write/log_writer.ts";

/** Bytes that a sink takes before it says that it is full. */
const queuedBytes = 1024 * 1024;

let openWith: (host: (engine: IoEngine) => Host, path: string | URL, options: LogOptions) => Promise<Log>;

/**
 * A durable log of records, which is appended to, read from any offset, and followed.
 *
 * @example Append, sync and read
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Log } from "@varve/varve/log";
 *
 * await using log = await Log.open(await Deno.makeTempDir());
 * const encoder = new TextEncoder(), decoder = new TextDecoder();
 * await log.append([encoder.encode("one"), encoder.encode("two")], { sync: true });
 * assertEquals([log.firstOffset, log.nextOffset, log.durableOffset], [0, 2, 2]);
 * const texts: string[] = [];
 * for await (const { offset, payload } of log.readable()) texts.push(`${offset} ${decoder.decode(payload)}`);
 * assertEquals(texts, ["0 one", "1 two"]);
 * ```
 */
export class Log implements AsyncDisposable {
  readonly #open: OpenLog;
  readonly #context: LogContext;
  readonly #source: LogSource;
  /** Who writes it; `undefined` if it is read only. */
  readonly #writer: LogWriter | undefined;
  readonly #streams: LogStreams;
  /** Dates that are being looked up. */
  readonly #lookups = new Set<Promise<number>>();
  #closing: Promise<void> | undefined;

  static {
    openWith = async (hostOf, path, options) => {
      const directory = pathOf("open log", path).replace(/(?<=.)\/+$/, "");
      const settings = checkLogOptions(options);
      return await openLog(directory, settings, options, hostOf, async (open) => {
        const { context } = open;
        if (settings.readOnly) return new Log(open, await FollowedLog.open(context), undefined);
        const writer = await LogWriter.open(context);
        return new Log(open, writer, writer);
      });
    };
  }

  private constructor(open: OpenLog, source: LogSource, writer: LogWriter | undefined) {
    this.#open = open;
    this.#context = open.context;
    this.#source = source;
    this.#writer = writer;
    this.#streams = new LogStreams(open.context.host.turns);
  }

  /**
   * Opens a log, or makes one.
   *
   * @param path Its directory, as a path or a `file:` URL.
   * @param options See {@linkcode LogOptions}.
   * @returns The log. It must be closed.
   * @throws {TypeError} If an option is unknown or of a wrong type.
   * @throws {RangeError} If an option has a value that cannot be.
   * @throws {LockedError} If it is open for writing already, in this process or another.
   * @throws {VarveError} If the directory holds something else.
   * @throws {CorruptionError} If records that were once durable are damaged or missing.
   * @throws {Deno.errors.NotFound} If there is no log, and none may be made: whoever only reads tries again until its
   * producer has made it.
   * @throws {DirectIoError} If `strict` is set and the IO that was asked for cannot be had.
   */
  static async open(path: string | URL, options: LogOptions = {}): Promise<Log> {
    return await openWith(systemHost, path, options);
  }

  /** The absolute path of its directory. */
  get path(): string {
    return this.#context.objects.directory;
  }

  /** How IO is done: what was asked for and what was obtained. */
  get io(): IoReport {
    return this.#open.io.report;
  }

  /** The offset of the first record that is kept; the next offset if there is none. */
  get firstOffset(): number {
    return boundsOf(this.#source).firstOffset;
  }

  /** The offset of the record that is appended next. */
  get nextOffset(): number {
    return this.#source.lastLsn;
  }

  /** The offset behind the last record that is known to survive a crash and a loss of power. */
  get durableOffset(): number {
    return this.#source.durableLsn;
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new Deno.errors.BadResource(`Cannot use log "${this.path}": it is closed`);
  }

  #writable(action: string): LogWriter {
    this.#checkOpen();
    if (this.#writer !== undefined) return this.#writer;
    throw new ReadOnlyError(`Cannot ${action} log "${this.path}": it is open read only`);
  }

  /**
   * Appends one record, or several, each at an offset of its own.
   *
   * Payloads are copied and can be read before the call returns; the promise waits for room in the buffers, or with
   * `sync` until they are durable. Records of one call follow each other; after a crash the first of them may be there
   * without the last, unless they were synced.
   *
   * A rejection of which `appliedLsn` is a number tells that the records were appended all the same, the first at the
   * offset one less, and are not known to be durable: whoever repeats the call has them twice.
   *
   * @param payload 0 bytes to 64 MiB, or several such, 512 MiB together. Of none nothing is appended.
   * @param options See {@linkcode LogAppendOptions}.
   * @returns The offset of the first; of none the next offset.
   * @throws {TypeError} If a payload is no `Uint8Array`; nothing was appended.
   * @throws {LimitError} If one is too long, or more than 256 MiB wait to be written since earlier appends were not
   * awaited; nothing was appended.
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   * @throws {IoError} If the disk is full; what was appended before stays readable, and a later call tries again.
   * @throws {ReadOnlyError} If the log is read only.
   */
  append(
    payload: Uint8Array | readonly Uint8Array[],
    options: LogAppendOptions = noOptions,
  ): Promise<number> {
    try {
      const writer = this.#writable("append to");
      if (options !== noOptions) checkNames("append", options, ["sync"]);
      const sync = checkFlag("append", "sync", options.sync);
      const payloads = payload instanceof Uint8Array ? [payload] : payload;
      const lsn = writer.append(payloads, checkPayloads(payloads));
      const done = sync ? writer.sync() : writer.makeRoom();
      return done === undefined ? Promise.resolve(lsn - 1) : answer(done, lsn);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Makes every record durable that was appended before the call. Concurrent calls share one sync.
   *
   * @returns The offset behind the last record that is durable.
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   * @throws {IoError} If the disk is full, which a later call tries again.
   */
  async sync(): Promise<number> {
    const writer = this.#writable("sync");
    await writer.sync();
    return writer.durableLsn;
  }

  /**
   * A sink of payloads, with the back-pressure of {@linkcode append}. Closing it syncs.
   *
   * @param options Whether each chunk is durable before the next is taken.
   * @returns A stream of payloads, or of several at once.
   */
  writable(options: LogAppendOptions = {}): WritableStream<Uint8Array | readonly Uint8Array[]> {
    this.#writable("write to");
    checkNames("write", options, ["sync"]);
    checkFlag("write", "sync", options.sync);
    return new WritableStream<Uint8Array | readonly Uint8Array[]>({
      write: async (chunk) => {
        await this.append(chunk, options);
      },
      close: async () => {
        await this.sync();
      },
    }, { highWaterMark: queuedBytes, size: sizeOf });
  }

  /**
   * Records in the order of their offsets.
   *
   * With `follow` it goes on with what is appended, in the next turn of the event loop, without polling; a log that is
   * only read looks every 50 ms what its writer has written. What is not asked for stays in the log. A reader that is in a
   * segment which is given up reads it to its end, and ends with an {@linkcode OffsetError} behind it.
   *
   * @param options See {@linkcode LogReadOptions}.
   * @returns A stream, which can be cancelled. It ends with a `CorruptionError` where a record is damaged.
   * @throws {OffsetError} If an offset is before the first record or beyond the end.
   * @throws {TypeError} If an option is unknown or of a wrong type, or it follows and has an end.
   * @throws {RangeError} If an offset is no whole number ≥ 0, or the end stands before the start.
   */
  readable(options: LogReadOptions = {}): ReadableStream<LogEntry> {
    this.#checkOpen();
    const { from, to, signal } = planRead(options, boundsOf(this.#source));
    return this.#streams.streamOf(new LogRead(this.#context, this.#source, from + 1, to), signal);
  }

  /**
   * Gives up the records before an offset, for ever: nobody can read from there any more. Segments that hold none but
   * such are removed once nobody is in them.
   *
   * @param offset The offset of the first record that is kept, at most the next one.
   * @throws {OffsetError} If it is beyond the end.
   * @throws {RangeError} If it is no whole number ≥ 0.
   * @throws {IoError} If the disk is full.
   */
  async truncateBefore(offset: number): Promise<void> {
    const writer = this.#writable("truncate"), bounds = boundsOf(writer);
    if (checkOffset("truncate", "offset", offset) > bounds.nextOffset) {
      throw new OffsetError("truncate before", { offset, ...bounds });
    }
    if (offset > bounds.firstOffset) await writer.giveUpTo(offset);
  }

  /** The segments there are, oldest first. */
  segments(): SegmentInfo[] {
    return this.#source.all.map(infoOf);
  }

  /**
   * The offset to read from for what was appended at a date and later: every record before it was appended before that
   * date. It is exact to a second; up to a second of earlier records may come with it.
   *
   * @param date The date.
   * @returns An offset from the first to the next one.
   * @throws {TypeError} If it is no valid date.
   * @throws {CorruptionError} If a segment is damaged so that nobody can tell.
   */
  async offsetAt(date: Date): Promise<number> {
    this.#checkOpen();
    if (!(date instanceof Date) || Number.isNaN(date.getTime())) {
      const found = date instanceof Date ? "an invalid Date" : typeName(date);
      throw new TypeError(`Cannot look up a date: expected a valid Date, found ${found}`);
    }
    const lookup = offsetAtTime(this.#context, this.#source, date.getTime())
      .finally(() => this.#lookups.delete(lookup));
    this.#lookups.add(lookup);
    return await lookup;
  }

  /**
   * Ends reads, makes everything durable, and closes. Calling it again waits for the same close.
   *
   * Whoever reads or follows is rejected with a `Deno.errors.BadResource`, also in the middle of what is there.
   *
   * @throws {PoisonedError} If a write or a sync failed, now or before; it is closed all the same.
   * @throws {IoError} If the disk is full; it is closed all the same, and what was not synced may be lost.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    const { objects, manifest } = this.#context;
    const failures: unknown[] = [],
      attempt = (work: Promise<void>) => work.catch((error) => void failures.push(error));
    const reason = new Deno.errors.BadResource(`Cannot read log "${this.path}": it was closed`);
    await attempt(this.#streams.close(reason));
    // Who asked is told what fails.
    await Promise.allSettled(this.#lookups);
    if (this.#writer !== undefined) await attempt(this.#writer.close());
    await attempt(manifest.close());
    await attempt(objects.close());
    await attempt(this.#open.release());
    if (failures.length > 0) throw failures[0];
  }

  /** Closes the log, as {@linkcode close} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Opens a log on a host of one's own. */
export function openLogWith(
  hostOf: (engine: IoEngine) => Host,
  path: string | URL,
  options: LogOptions = {},
): Promise<Log> {
  return openWith(hostOf, path, options);
}

const noOptions: LogAppendOptions = {};

/** The offset of a record, once there is room or it is durable; a rejection says that it was appended. */
async function answer(done: Promise<void>, lsn: number): Promise<number> {
  try {
    await done;
    return lsn - 1;
  } catch (error) {
    throw appliedAt(error, lsn, `the first record was appended at offset ${lsn - 1}`);
  }
}

/** Checks payloads; returns how many bytes they have together. */
function checkPayloads(payloads: readonly Uint8Array[]): number {
  if (!Array.isArray(payloads)) {
    throw new TypeError(
      `Cannot append: expected a Uint8Array or an array of such, found ${typeName(payloads)}`,
    );
  }
  let bytes = 0;
  for (const payload of payloads) {
    if (!(payload instanceof Uint8Array)) {
      throw new TypeError(`Cannot append: expected a Uint8Array, found ${typeName(payload)}`);
    }
    const { length: found } = payload;
    if (found > maxValueBytes) {
      throw tooLong(`a payload of ${found} bytes`, maxValueBytes, found);
    }
    bytes += found;
  }
  if (bytes <= maxBatchBytes) return bytes;
  throw tooLong(`${bytes} bytes at once`, maxBatchBytes, bytes);
}

function tooLong(what: string, limit: number, found: number): LimitError {
  return new LimitError(`Cannot append ${what}: the limit is ${limit}`, { limit, found });
}

function sizeOf(chunk: unknown): number {
  if (chunk instanceof Uint8Array) return chunk.byteLength + 1;
  return Array.isArray(chunk) ? chunk.reduce((sum, one) => sum + sizeOf(one), 1) : 1;
}
