/**
 * The metrics of the process that writes a store, for other processes to see: a file in the store's directory, written
 * over again and again.
 *
 * ```
 *   ┌─────────────────────────────────────┬──────────────────────────────────────────────┬─────────────────────┐
 *   │ varve metrics 1 LLLLLLLL CCCCCCCC\n │ {"time":…,"milliseconds":…,"metrics":{…}}    │ spaces, to a block  │
 *   └─────────────────────────────────────┴──────────────────────────────────────────────┴─────────────────────┘
 *     34 bytes: length and CRC-32 of the JSON text, in hexadecimal digits
 * ```
 *
 * Nothing depends on it: it is not synced, what is torn is passed over, and what cannot be written is noted once and tried
 * again. Closing the store removes it, and so does the next opening that writes.
 *
 * @module
 */

import {
  blockBytes,
  type Clock,
  crc32,
  IoError,
  LimitError,
  maxMetricsBytes,
  type Timers,
} from "../base/mod.ts";
import type { Objects } from "../objects/mod.ts";
import { metricsName } from "../manifest/mod.ts";
import type { StoreMetrics } from "./metrics.ts";

/** What a process that writes a store told of itself. */
export interface PublishedMetrics {
  /** When, by its clock, in milliseconds since the epoch. */
  readonly time: number;
  /** How often it does, in milliseconds. */
  readonly milliseconds: number;
  /** What it told. */
  readonly metrics: StoreMetrics;
}

const headPattern = /^varve metrics 1 ([0-9a-f]{8}) ([0-9a-f]{8})\n$/;
const headBytes = 34;

/** Encodes metrics as the file has them. */
export function encodePublished(published: PublishedMetrics): Uint8Array<ArrayBuffer> {
  const words = JSON.stringify(published, (_, field) => field instanceof Error ? field.message : field);
  const body = new TextEncoder().encode(words), end = headBytes + body.length;
  const bytes = new Uint8Array(Math.ceil(end / blockBytes) * blockBytes).fill(0x20);
  new TextEncoder().encodeInto(`varve metrics 1 ${hex(body.length)} ${hex(crc32(body))}\n`, bytes);
  bytes.set(body, headBytes);
  return bytes;
}

function hex(number: number): string {
  return number.toString(16).padStart(8, "0");
}

/**
 * Decodes what a file has.
 *
 * @param bytes What it has.
 * @param like Metrics of the same kind: what is of another shape was not written by a store like this one.
 * @returns What was told; `undefined` if it is torn, or something else.
 */
export function decodePublished(bytes: Uint8Array, like: StoreMetrics): PublishedMetrics | undefined {
  const head = headPattern.exec(new TextDecoder().decode(bytes.subarray(0, headBytes)));
  if (head === null) return undefined;
  const [length, sum] = head.slice(1).map((digits) => parseInt(digits, 16));
  const body = bytes.subarray(headBytes, headBytes + length);
  if (body.length !== length || crc32(body) !== sum) return undefined;
  const published = parse(new TextDecoder().decode(body));
  return isLike(published, { time: 0, milliseconds: 0, metrics: like })
    ? published as PublishedMetrics
    : undefined;
}

/** What a text says in JSON; `undefined` if it is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value has the fields of another one, of the same types. */
function isLike(value: unknown, like: unknown): boolean {
  if (typeof like !== "object" || like === null) return typeof value === typeof like;
  if (Array.isArray(like) || typeof value !== "object" || value === null) return Array.isArray(value);
  const fields = value as Record<string, unknown>;
  return Object.entries(like).every(([name, field]) => field === undefined || isLike(fields[name], field));
}

/**
 * Reads what the process that writes a store told last.
 *
 * @param objects The store's objects.
 * @param like Metrics of the reader's own.
 * @returns What it told; `undefined` if it tells nothing, or just writes it, or something else stands there.
 */
export async function readPublished(
  objects: Objects,
  like: StoreMetrics,
): Promise<PublishedMetrics | undefined> {
  const reading = objects.root.read(metricsName, maxMetricsBytes);
  // Nothing is lost with it: a folder, a link or a long file in its place tells nothing.
  const bytes = await reading.catch((error) => isRefusal(error) ? undefined : Promise.reject(error));
  return bytes && decodePublished(bytes, like);
}

function isRefusal(error: unknown): boolean {
  return error instanceof IoError || error instanceof LimitError;
}

/** Refuses what no reader would take. */
function checked(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= maxMetricsBytes) return bytes;
  const limit = { limit: maxMetricsBytes, found: bytes.length };
  throw new LimitError(`Cannot publish metrics: they are ${bytes.length} bytes`, limit);
}

/** What a publisher asks and tells. */
export interface PublisherWorld {
  /** Time. */
  readonly clock: Clock;
  /** What calls it. */
  readonly timers: Timers;
  /** The metrics now. */
  readonly metrics: () => StoreMetrics;
  /** Is told, once, why metrics could not be written. */
  readonly note: (text: string) => void;
}

/** Writes metrics again and again, until it is closed. */
export class MetricsPublisher {
  readonly #objects: Objects;
  readonly #milliseconds: number;
  readonly #world: PublisherWorld;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #isWritten = false;
  #isNoted = false;
  #isClosed = false;

  /**
   * Writes nothing yet.
   *
   * @param objects The store's objects.
   * @param milliseconds The time from one writing to the next.
   * @param world What it asks and tells.
   */
  constructor(objects: Objects, milliseconds: number, world: PublisherWorld) {
    this.#objects = objects;
    this.#milliseconds = milliseconds;
    this.#world = world;
  }

  /** Begins: the first metrics are written at once. */
  start(): void {
    this.#writing = this.#write().then(() => {
      this.#writing = undefined;
      if (this.#isClosed) return;
      this.#cancel = this.#world.timers.after(this.#milliseconds, () => this.start());
    });
  }

  async #write(): Promise<void> {
    const { clock, metrics } = this.#world;
    try {
      const told = { time: clock.now(), milliseconds: this.#milliseconds, metrics: metrics() };
      await this.#objects.root.overwrite(metricsName, checked(encodePublished(told)));
      this.#isWritten = true;
    } catch (error) {
      this.#refused(error);
    }
  }

  /** Nothing depends on the file. */
  #refused(error: unknown): void {
    if (!isRefusal(error)) throw error;
    if (!this.#isNoted) this.#world.note(`Metrics are not published: ${(error as Error).message}`);
    this.#isNoted = true;
  }

  /** Ends, and removes what was written; what cannot be removed is so at the next opening. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#writing;
    if (!this.#isWritten) return;
    try {
      await this.#objects.root.remove(metricsName);
    } catch (error) {
      this.#refused(error);
    }
  }
}
