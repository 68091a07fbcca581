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
 * H1  The first failure other than a shortage is kept for ever, and every later write rejects with it as the cause.
 * H2  Whoever waits for a disk with room is woken by `retry`, by a poisoning and by closing, or when it gives up.
 * H3  A full disk that was met by work begun before the last `retry` or `begin` says nothing of the disk since: it is no
 *     failure, and the work is simply done again, also while it is being closed.
 *
 * A full disk stands for every shortage (`isShortage`): of room, and of descriptors too.
 *
 * Everything is synchronous; any number may wait and watch at once.
 *
 * @module
 */

import { isShortage, PoisonedError } from "./errors.ts";

/** What a {@linkcode Health} says. */
export type HealthState = "open" | "full" | "poisoned" | "closing" | "closed";

/** Whether writing goes on, and if not, why. */
export class Health {
  readonly #subject: string;
  #state: HealthState = "open";
  #cause: Error | undefined;
  #attempt = 0;
  readonly #watchers = new Set<() => void>();

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

  /** Whether it is being closed, or was. */
  get isClosing(): boolean {
    return this.#state === "closing" || this.#state === "closed";
  }

  /** How many attempts there were to go on: to be noted before work is begun, and given to `fail` (H3). */
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
    const cause = this.#cause;
    if (cause === undefined) {
      return new Deno.errors.BadResource(`Cannot write to ${this.#subject}: it is closed`);
    }
    if (isShortage(cause) || cause instanceof PoisonedError) return cause;
    const message = `Cannot write to ${this.#subject}: an earlier write failed: ${cause.message}`;
    return new PoisonedError(message, { cause });
  }

  /**
   * Takes note of a failed write or sync (H1).
   *
   * @param error What failed.
   * @param attempt The attempt in which it was begun. @default {attempt}
   * @returns The error for whoever waited for it.
   */
  fail(error: Error, attempt: number = this.#attempt): Error {
    if (this.#cause !== undefined && !isShortage(this.#cause)) return this.refusal();
    if (isShortage(error) && attempt < this.#attempt) return error;
    const isFirst = this.#cause === undefined;
    this.#cause = error;
    const isOpen = this.#state === "open" || this.#state === "full";
    if (!isShortage(error)) this.#become(isOpen ? "poisoned" : this.#state);
    else if (this.#state === "open") this.#become("full");
    // Nobody tries again while it is being closed: who waits for a write that never comes gives up (H2).
    else if (this.#state === "closing" && isFirst) this.#become("closing");
    return this.refusal();
  }

  /** After a full disk: lets everything that waits try again. */
  retry(): void {
    if (this.#state !== "full") return;
    this.#cause = undefined;
    this.#attempt++;
    this.#become("open");
  }

  /**
   * Begins what says of itself whether the disk has room: whoever asks for it may have made some meanwhile, also where
   * nobody knows yet that it was full (H3).
   *
   * @returns The attempt, to be given to `fail`.
   * @throws As {@linkcode Health.check} does.
   */
  begin(): number {
    this.check();
    return ++this.#attempt;
  }

  /** Starts to close: what waits for a disk with room gives up. */
  close(): void {
    if (this.#state !== "closed") this.#become("closing");
  }

  /** Ends closing. */
  closed(): void {
    this.#become("closed");
  }

  /**
   * Calls `watcher` in the turn of every change, until the function that it returns is called.
   *
   * @param watcher Looks again at what it may do.
   * @returns Ends the watch.
   */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /**
   * Does work that nobody awaits, such as sealing: after a full disk it waits until somebody asks to try again.
   *
   * @param work What to do; done anew after each full disk.
   * @param end Rejects when the work is given up, so that nobody waits for the disk any more.
   * @returns What `work` returned.
   * @throws {PoisonedError} If anything failed, in `work` or meanwhile.
   * @throws {IoError} If the disk is full and it is being closed, so that nobody can ask again.
   * @throws {Deno.errors.BadResource} If what it works on was closed, which is nobody's failure.
   */
  async patiently<T>(work: () => Promise<T>, end?: Promise<never>): Promise<T> {
    for (;;) {
      const attempt = this.#attempt;
      try {
        return await work();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) throw error;
        const reason = this.fail(error as Error, attempt);
        if (!isShortage(reason)) throw reason;
        while (this.#state === "full") await (end ? Promise.race([this.#changed(), end]) : this.#changed());
        // What gave up without a cause would leave those waiting who wait for it (H2).
        if (this.#state !== "open" && this.#cause !== undefined) throw this.refusal();
      }
    }
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      const end = this.watch(() => {
        end();
        resolve();
      });
    });
  }

  #become(state: HealthState): void {
    this.#state = state;
    for (const watcher of [...this.#watchers]) watcher();
  }
}
