/** How a timeline is brought to where upkeep has nothing left to do: the one place of the bench that knows. */

import type { Timeline } from "../../../mod.ts";

/**
 * Seals what was appended before, and waits until nothing is left to be merged.
 *
 * @param timeline The timeline; appends may go on, what they bring is left to another call.
 * @param signal Ends the wait; it then rejects with the signal's reason.
 */
export async function settle(timeline: Timeline, signal?: AbortSignal): Promise<void> {
  await timeline.compact({ signal });
}

/**
 * Lets upkeep go on, again and again, beside what else is done.
 *
 * @param timeline The timeline.
 * @returns What stops it.
 */
export function keepSettling(timeline: Timeline): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const settling = settleUntil(timeline, stopped.signal);
  // A failure is told by `stop`; until then nobody listens.
  settling.catch(() => {});
  return {
    async stop() {
      stopped.abort();
      await settling;
    },
  };
}

async function settleUntil(timeline: Timeline, signal: AbortSignal): Promise<void> {
  const pauseMilliseconds = 20;
  while (!signal.aborted) {
    try {
      await settle(timeline, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    // Where nothing is left to do, it has to wait for more.
    await new Promise((resolve) => setTimeout(resolve, pauseMilliseconds));
  }
}
