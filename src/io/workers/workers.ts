/**
 * Other threads, as a host has them: started by the URL of a module, spoken to in messages, ended at any moment.
 *
 * @module
 */

/** Messages there and back. They arrive in the order in which they were sent; what they hold is copied or shared. */
export interface MessageLink {
  /** Sends a message, of what can be cloned. After the end of either side it goes nowhere. */
  post(message: unknown): void;
  /** Has messages handed to `take`, one in each turn; those that came before wait for it. Called once. */
  listen(take: (message: unknown) => void): void;
}

/** A Worker, as the thread that started it sees it. */
export interface WorkerLink extends MessageLink {
  /**
   * Says who is told that the Worker ended, or did not start, without being told to. Nothing arrives after that.
   *
   * @param ended Is told why, once at the most.
   */
  watch(ended: (reason: Error) => void): void;
  /** Ends it, whatever it does. Calls that it made of the system may still go on. Doing so again does nothing. */
  terminate(): void;
}

/** What starts Workers. */
export interface Workers {
  /** The size of a job for which starting one is worth it, in bytes: what is less is done sooner without. */
  readonly worthBytes: number;
  /**
   * Starts a Worker.
   *
   * @param module What it runs.
   * @returns Its link; or, if it may not start, why.
   */
  start(module: URL): WorkerLink | { readonly refusal: string };
  /** Memory of so many bytes or somewhat more that threads share, which holds anything. Nothing is touched for it. */
  takeMemory(byteLength: number): SharedArrayBuffer;
  /** The same, but that it holds zeros. */
  takeZeros(byteLength: number): SharedArrayBuffer;
  /** The bytes of memory that was taken back and takes room until it is used again, of all stores of this thread. */
  readonly spareBytes: number;
  /** Takes memory back, which nobody uses any more on any thread. */
  giveBack(memory: SharedArrayBuffer): void;
}
