/**
 * Whether writing goes on. One `Health` is shared by everything that writes one timeline, from its writer down to the
 * buffers: it is asked before anything is written, and told what failed.
 *
 * ```
 *             fail(ENOSPC)           fail(other)
 *   open ───────────────► full ───────────────► poisoned
 *     ▲ ◄───────────────────┘ retry()             (for ever: reads go on, writes reject)
 *     └─ close() from any state ──► closing ──► closed
 * ```
 *
 * H1  The first failure other than a full disk is kept for ever, and every later write rejects with it as the cause.
 * H2  Whoever waits for a disk with room is woken by `retry`, by a poisoning and by closing, and never otherwise.
 * H3  A full disk that was met by work begun before the last `retry` says nothing of the disk since: it is no failure,
 *     and the work is simply done again.
 *
 * Everything is synchronous; any number may wait and watch at once.
 *
 * @module
 */

import { isFullDisk, PoisonedError } from "./errors.ts";

/** What a {@linkcode Health} says. */
export type HealthState = "open" | "full" | "poisoned" | "closing" | "closed";

/** Whether writing goes on, and if not, why. */
export class Health {
  readonly #subject: string;
  #state: HealthState = "open";
  #cause: Error | undefined;
  #attempt = 0;
  #changes: (() => void)[] = [];
  readonly #watchers = new Set<(state: HealthState) => void>();

  /**
   * Starts open.
   *
   * @param subject What is written, for messages, such as `timeline "main"`.
   */
  constructor(subject: string) {
    this.#subject = subject;
  }

  /** What it says. A poisoned one says `closing` and `closed` too once it is closed; its cause stays. */
  get state(): HealthState {
    return this.#state;
  }

  /** How often a full disk was tried again: to be noted before work is begun, and given to `fail` (H3). */
  get attempt(): number {
    return this.#attempt;
  }

  /** Why nothing is written, if so: the first failure, or the error of the full disk. */
  get cause(): Error | undefined {
    return this.#cause;
  }

  /**
   * Throws unless writing goes on.
   *
   * @throws {PoisonedError} If something failed before.
   * @throws {IoError} If the disk is full.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  check(): void {
    if (this.#state !== "open") throw this.refusal();
  }

  /** The error of whoever must not write now. */
  refusal(): Error {
    if (this.#cause !== undefined) return isFullDisk(this.#cause) ? this.#cause : this.#poisoned(this.#cause);
    return new Deno.errors.BadResource(`Cannot write to ${this.#subject}: it is closed`);
  }

  #poisoned(cause: Error): PoisonedError {
    if (cause instanceof PoisonedError) return cause;
    return new PoisonedError(
      `Cannot write to ${this.#subject}: an earlier write failed: ${cause.message}`,
      { cause },
    );
  }

  /**
   * Takes note of a failed write or sync (H1).
   *
   * @param error What failed.
   * @param attempt The attempt in which it was begun. @default {attempt}
   * @returns The error for whoever waited for it.
   */
  fail(error: Error, attempt: number = this.#attempt): Error {
    const known = this.#cause;
    if (known !== undefined && !isFullDisk(known)) return this.refusal();
    if (isFullDisk(error)) {
      if (attempt < this.#attempt) return error;
      this.#cause = error;
      if (this.#state === "open") this.#become("full");
      return error;
    }
    this.#cause = error;
    this.#become(this.#state === "open" || this.#state === "full" ? "poisoned" : this.#state);
    return this.refusal();
  }

  /** After a full disk: lets everything that waits try again. */
  retry(): void {
    if (this.#state !== "full") return;
    this.#cause = undefined;
    this.#attempt++;
    this.#become("open");
  }

  /** Starts to close: what waits for a disk with room gives up. */
  close(): void {
    if (this.#state !== "closed") this.#become("closing");
  }

  /** Ends closing. */
  closed(): void {
    this.#become("closed");
  }

  /** Resolves at the next change. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#changes.push(resolve));
  }

  /**
   * Calls `watcher` at every change, until the function that it returns is called.
   *
   * @param watcher Told the new state, in the turn of the change.
   * @returns Ends the watch.
   */
  watch(watcher: (state: HealthState) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /**
   * Does work that nobody awaits, such as sealing: after a full disk it waits until somebody asks to try again.
   *
   * @param work What to do; done anew after each full disk.
   * @returns What `work` returned.
   * @throws {PoisonedError} If anything failed, in `work` or meanwhile.
   * @throws {IoError} If the disk is full and it is being closed, so that nobody can ask again.
   */
  async patiently<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      const attempt = this.#attempt;
      try {
        return await work();
      } catch (error) {
        const reason = this.fail(error as Error, attempt);
        if (!isFullDisk(reason)) throw reason;
        while (this.#state === "full") await this.changed();
        if (this.#state !== "open") throw this.#cause === undefined ? reason : this.refusal();
      }
    }
  }

  #become(state: HealthState): void {
    this.#state = state;
    for (const watcher of [...this.#watchers]) watcher(state);
    for (const resolve of this.#changes.splice(0)) resolve();
  }
}
