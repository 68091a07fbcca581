/**
 * Reads of a log as streams, which end when they are cancelled, by their signals, and when the log is closed.
 *
 * @module
 */

import type { Turns } from "../../base/mod.ts";
import type { LogRead } from "./log_read.ts";
import type { LogEntry } from "./payload_walk.ts";

/** The streams of a log that have not ended. */
export class LogStreams {
  readonly #turns: Turns;
  readonly #open = new Set<(reason: Error) => Promise<void>>();

  /** Starts without streams. */
  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /**
   * Makes a stream of a read, which reads on when somebody asks.
   *
   * @param read The read.
   * @param signal Ends it.
   */
  streamOf(read: LogRead, signal: AbortSignal | undefined): ReadableStream<LogEntry> {
    const turns = this.#turns, open = this.#open;
    let running: Promise<unknown> = Promise.resolve(), ending: Promise<void> | undefined;
    const end = () => ending ??= finish();
    const finish = async () => {
      read.halt();
      signal?.removeEventListener("abort", onAbort);
      await running.catch(() => {});
      await read.leave();
      open.delete(stop);
    };
    let controller: ReadableStreamDefaultController<LogEntry>;
    const stop = async (reason: unknown) => {
      if (ending === undefined) controller.error(reason);
      await end();
    };
    // What cannot be ended stays among the open ones, and whoever closes the log is told.
    const onAbort = () => void stop(signal?.reason).catch(() => {});
    return new ReadableStream<LogEntry>({
      start: (given) => {
        controller = given;
        open.add(stop);
        if (signal?.aborted) onAbort();
        else signal?.addEventListener("abort", onAbort);
      },
      pull: async () => {
        try {
          const asked = read.next();
          running = asked;
          const entries = await asked;
          if (ending !== undefined) return;
          if (entries === undefined) {
            await end();
            return controller.close();
          }
          for (const entry of entries) controller.enqueue(entry);
          if (turns.due()) await turns.turn();
        } catch (error) {
          if (ending === undefined) await end();
          throw error;
        }
      },
      cancel: end,
    }, { highWaterMark: 0 });
  }

  /** Ends all of them with an error; rejects with the first that could not be ended, once all have. */
  async close(reason: Error): Promise<void> {
    const ends = [...this.#open].map((stop) => stop(reason));
    await Promise.allSettled(ends);
    await Promise.all(ends);
  }
}
