/**
 * One read from its call to its end: what it sees, what stops it, and how it becomes a stream.
 *
 * @module
 */

import { type Lsn, Pacer } from "../base/mod.ts";
import type { LayerSet } from "./layer_set.ts";
import type { ReadGuard } from "./read_window.ts";

/** How long reads that need not wait may keep the event loop from turning, in milliseconds. */
const turnMilliseconds = 2;
/** Reads after which the clock is asked whether they have. */
const readsPerLook = 16;

/** The reads of a store that have not ended. */
export class ReadSessions {
  readonly #directory: string;
  readonly #running = new Set<AsyncGenerator<unknown>>();
  #calls = 0;
  #idle: (() => void) | undefined;
  #closed = false;
  readonly #pacer = new Pacer(turnMilliseconds);
  #sinceTurn = 0;

  /** Starts without reads. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** How many reads have not ended. */
  get size(): number {
    return this.#running.size + this.#calls;
  }

  /**
   * Checks that the store is open.
   *
   * @throws {Deno.errors.BadResource} If it was closed.
   */
  checkOpen(): void {
    if (this.#closed) {
      throw new Deno.errors.BadResource(`Cannot use store "${this.#directory}": it is closed`);
    }
  }

  /** Notes a read. */
  add(read: AsyncGenerator<unknown>): void {
    this.#running.add(read);
  }

  /** Notes that a read ended. */
  delete(read: AsyncGenerator<unknown>): void {
    this.#running.delete(read);
  }

  /** Notes a read that runs to its end by itself, until `end` is called. */
  begin(): void {
    this.#calls++;
  }

  /** Notes that such a read ended. */
  end(): void {
    if (--this.#calls === 0) this.#idle?.();
  }

  /**
   * Gives the event loop a turn, if it is due; `undefined` if not. A loop of awaited reads that memory answers would
   * otherwise keep timers, and the writes of others, from theirs.
   */
  turn(): Promise<void> | undefined {
    if (++this.#sinceTurn < readsPerLook) return undefined;
    this.#sinceTurn = 0;
    return this.#pacer.due() ? this.#pacer.turn() : undefined;
  }

  /** Refuses further use; it may still be waited for what runs. */
  close(): void {
    this.#closed = true;
  }

  /** Ends every read and waits until each has given up what it holds. */
  async drain(): Promise<void> {
    await Promise.allSettled([...this.#running].map((read) => read.return(undefined)));
    this.#running.clear();
    if (this.#calls > 0) await new Promise<void>((resolve) => this.#idle = resolve);
  }
}

/** One read. */
export class ReadSession implements ReadGuard {
  /** The layers at the call. */
  readonly layers: LayerSet;
  /** The LSN that it reads as of. */
  readonly lsn: Lsn;
  readonly #sessions: ReadSessions;
  readonly #signal: AbortSignal | undefined;

  /** Starts a read. */
  constructor(sessions: ReadSessions, layers: LayerSet, lsn: Lsn, signal: AbortSignal | undefined) {
    this.#sessions = sessions;
    this.layers = layers;
    this.lsn = lsn;
    this.#signal = signal;
    this.check();
  }

  /** Throws if the read must stop. */
  check(): void {
    this.#sessions.checkOpen();
    this.#signal?.throwIfAborted();
  }

  /** Runs a read to its end. */
  async call<T>(read: Promise<T>): Promise<T> {
    this.#sessions.begin();
    try {
      const value = await read;
      const turn = this.#sessions.turn();
      if (turn !== undefined) await turn;
      return value;
    } finally {
      this.#sessions.end();
    }
  }

  /** Runs a read that its caller consumes to the end or leaves. */
  async *run<T>(read: AsyncGenerator<T[]>): AsyncGenerator<T[]> {
    // A stream may be read from for the first time when the store is closed.
    this.check();
    this.#sessions.add(read);
    // Whoever has paused does not ask again: what the read holds is given up all the same.
    const stop = () => void read.return(undefined).finally(() => this.#sessions.delete(read));
    this.#signal?.addEventListener("abort", stop, { once: true });
    try {
      for (;;) {
        const { value, done } = await read.next();
        this.check();
        if (done) return;
        yield value;
        const turn = this.#sessions.turn();
        if (turn !== undefined) await turn;
      }
    } finally {
      this.#signal?.removeEventListener("abort", stop);
      await read.return(undefined);
      this.#sessions.delete(read);
    }
  }

  /** Makes a stream of a read; cancelling it, or the signal, stops the read. */
  stream<T>(read: AsyncGenerator<T[]>): ReadableStream<T> {
    let chunks: AsyncGenerator<T[]> | undefined = this.run(read);
    return new ReadableStream<T>({
      pull: async (controller) => {
        if (chunks === undefined) return;
        const { value, done } = await chunks.next();
        if (done) return controller.close();
        for (const item of value) controller.enqueue(item);
      },
      cancel: async () => {
        const running = chunks;
        chunks = undefined;
        await running?.return(undefined);
      },
    }, { highWaterMark: 0 });
  }
}
