/** An interrupt of the user (Ctrl-C, or a request to end), as an `AbortSignal`. */

const signals: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** Listens for an interrupt until it is disposed of. A second interrupt has its usual effect: it ends the program. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #listener = () => this.#interrupt();
  #listening = true;

  /** Starts to listen. */
  constructor() {
    for (const signal of signals) Deno.addSignalListener(signal, this.#listener);
  }

  /** Aborts at the first interrupt. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    if (!this.#listening) return;
    this.#listening = false;
    for (const signal of signals) Deno.removeSignalListener(signal, this.#listener);
  }

  #interrupt(): void {
    this[Symbol.dispose]();
    this.#controller.abort();
  }
}
