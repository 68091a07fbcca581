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
   * @returns Rejects with what it fails with, if nothing comes of it.
   */
  park(label: string): Promise<void>;
}

/** Everything completes in a microtask, in the order in which it was asked for. */
export const promptSchedule: SimSchedule = { park: () => Promise.resolve() };

interface Parked {
  readonly label: string;
  readonly resume: () => void;
}

/** Everything waits until it is chosen. */
export class ChosenSchedule implements SimSchedule {
  readonly #parked: Parked[] = [];

  /** How much waits. */
  get size(): number {
    return this.#parked.length;
  }

  /** See {@linkcode SimSchedule.park}. */
  park(label: string): Promise<void> {
    return new Promise((resume) => this.#parked.push({ label, resume }));
  }

  /** Lets one of those go on that wait, 0 being the first that came; returns what it is. */
  release(index: number): string {
    const [{ label, resume }] = this.#parked.splice(index, 1);
    resume();
    return label;
  }

  /** Forgets everything that waits, so that it waits for ever. */
  clear(): void {
    this.#parked.length = 0;
  }
}
