/**
 * The outside world, handed in: time, timers, randomness, and turns of the event loop. Nothing above floor 1 asks the
 * runtime for any of them, so that a test can hold each.
 *
 * @module
 */

/** A source of time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds of a clock that never goes back, from an arbitrary start. */
  monotonic(): number;
}

/** How a timer waits. */
export interface TimerOptions {
  /** Whether somebody waits for the call, so that it keeps the process alive. @default {false} */
  readonly isAwaited?: boolean | undefined;
}

/** What calls later. */
export interface Timers {
  /**
   * Calls once, and keeps no process alive for it unless it is told to.
   *
   * @param milliseconds How much later, at the soonest.
   * @param call What is called.
   * @param options See {@linkcode TimerOptions}.
   * @returns Cancels the call; does nothing once it was made.
   */
  after(milliseconds: number, call: () => void, options?: TimerOptions): () => void;
}

/** A source of randomness. */
export interface Random {
  /** So many random bytes, as memory of their own. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
  /** A random integer from 1 to 2^53 − 1, which names a file or a timeline. */
  id(): number;
}

/** What came in answer to what was asked of the system, until it is taken. */
export interface Answers {
  /** Whether there is any. As cheap to ask as {@linkcode Turns.due}. */
  has(): boolean;
  /** Takes what there is: whoever waits for it goes on in this turn, once what runs now waits or ends. */
  take(): void;
}

/**
 * Decides, for a whole store, when the event loop is given a turn, so that long work never stalls it.
 *
 * Whoever works long asks {@linkcode Turns.due} now and then, and awaits {@linkcode Turns.turn} when it is. While
 * somebody waits for an answer that only the event loop can bring, turns are due sooner.
 */
export interface Turns {
  /** Whether the event loop should be given a turn. Cheap enough to ask after every hundred microseconds of work. */
  due(): boolean;
  /** Gives the event loop a turn and starts the next slice of work. */
  turn(): Promise<void>;
  /** Notes that somebody waits for the event loop to bring an answer; {@linkcode Turns.answered} ends it. */
  awaiting(): void;
  /** Notes that an answer came. */
  answered(): void;
}
