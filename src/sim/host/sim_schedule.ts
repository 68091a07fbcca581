/**
 * Decides when what was asked for completes.
 *
 * @module
 */

/** Decides when what was asked for completes. */
export interface SimSchedule {
  /**
   * Waits until something may complete.
   *
   * @param label What it is, for traces.
   */
  park(label: string): Promise<void>;
}

/** Everything completes in a microtask, in the order in which it was asked for. */
export const promptSchedule: SimSchedule = { park: () => Promise.resolve() };
