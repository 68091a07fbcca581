/**
 * The memory that jobs of upkeep hold, which each tells while it runs.
 *
 * @module
 */

/** Tells how many bytes a job holds now. */
export type HeldBytes = () => number;

/** What jobs hold together. */
export class HeldMemory {
  readonly #jobs = new Set<HeldBytes>();

  /** The bytes that all jobs hold now. */
  get byteLength(): number {
    let bytes = 0;
    for (const held of this.#jobs) bytes += held();
    return bytes;
  }

  /**
   * Counts what a job holds, until that is disposed of.
   *
   * @param held Is asked while it runs.
   */
  hold(held: HeldBytes): Disposable {
    // Two jobs may tell it by the same function.
    const job = () => held();
    this.#jobs.add(job);
    return { [Symbol.dispose]: () => void this.#jobs.delete(job) };
  }
}
