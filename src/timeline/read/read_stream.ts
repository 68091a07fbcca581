/**
 * A read as a stream, or run to its end.
 *
 * @module
 */

import type { Turns } from "../../base/mod.ts";
import type { DamagedEntry } from "../entry.ts";
import type { Read } from "./read.ts";
import type { View } from "./view.ts";

/** What a read holds, and how it is ended; a {@linkcode View} is one. */
export type ReadHold = Pick<View, "halt" | "whenStopped"> & Disposable;

/** How a read becomes a stream. */
export interface ReadStreamOptions {
  /** When the event loop gets its turns. */
  turns: Turns;
  /** Whether damage ends the stream or is reported in its place. @default {"throw"} */
  damage?: "throw" | "report" | undefined;
}

/**
 * Makes a stream of a read, which reads on when somebody asks. Cancelling it, the view's signal and the store's closing
 * stop the read, also if nobody asks it to go on.
 *
 * @param view What the read sees; disposed of when the stream ends.
 * @param read The read.
 * @param options See {@linkcode ReadStreamOptions}.
 */
export function readStream<T extends object>(
  view: ReadHold,
  read: Read<T | DamagedEntry>,
  { turns, damage }: ReadStreamOptions,
): ReadableStream<T | DamagedEntry> {
  let running: Promise<unknown> = Promise.resolve();
  let ending: Promise<void> | undefined;
  const end = () => ending ??= endRead(view, read, running);
  // An error would throw away what was handed on and not taken yet, so that it waits until it is asked for.
  let failure: Error | undefined;

  const pull = async (controller: ReadableStreamDefaultController<T | DamagedEntry>) => {
    if (failure !== undefined) throw failure;
    const asked = read.next();
    running = asked;
    const items = await asked;
    if (ending !== undefined) return;
    if (items === undefined) {
      await end();
      return controller.close();
    }
    const bad = damage === "report" ? -1 : items.findIndex(isDamaged);
    const good = bad < 0 ? items.length : bad;
    for (let i = 0; i < good; i++) controller.enqueue(items[i]);
    if (bad >= 0) failure = (items[bad] as DamagedEntry).error;
    if (bad === 0) throw failure;
    if (turns.due()) await turns.turn();
  };

  return new ReadableStream<T | DamagedEntry>({
    start: (controller) => {
      view.whenStopped(async (reason) => {
        controller.error(reason);
        await end();
      });
    },
    pull: async (controller) => {
      try {
        await pull(controller);
      } catch (error) {
        await end();
        throw error;
      }
    },
    cancel: end,
  }, { highWaterMark: 0 });
}

/**
 * Runs a read to its end.
 *
 * @param view What the read sees; disposed of in the end.
 * @param read The read.
 * @param turns When the event loop gets its turns.
 * @param most How many items there are at the most, if that is known.
 * @returns Everything that it reads.
 * @throws {CorruptionError} If it comes to a damaged record.
 */
export async function runRead<T extends object>(
  view: View,
  read: Read<T | DamagedEntry>,
  turns: Turns,
  most: number = Infinity,
): Promise<T[]> {
  const all: T[] = [];
  try {
    while (all.length < most) {
      const items = await read.next();
      if (items === undefined) break;
      for (const item of items) {
        if (isDamaged(item)) throw item.error;
        all.push(item);
      }
      // What memory answers would otherwise keep timers, and the writes of others, from their turn.
      if (turns.due()) await turns.turn();
    }
  } catch (error) {
    await endRead(view, read);
    throw error;
  }
  // At its end a read holds nothing.
  view[Symbol.dispose]();
  return all;
}

/** Waits for what runs, and gives up what the read holds, its view too. */
export async function endRead(
  view: ReadHold,
  read: Pick<Read<unknown>, "cancel">,
  running?: Promise<unknown>,
): Promise<void> {
  view.halt();
  try {
    await running?.catch(() => {});
    await read.cancel();
  } finally {
    view[Symbol.dispose]();
  }
}

function isDamaged(item: object): item is DamagedEntry {
  return "error" in item;
}
