/** An interrupt of the user (Ctrl-C, or a request to end), as an `AbortSignal`. */

const signals: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** The user interrupted the program before it did anything. */
export class InterruptedError extends Error {
  /** The name of the class. */
  override name = "InterruptedError";
}

/** Listens for an interrupt until it is disposed of. */
export interface Interrupt extends Disposable {
  /** Aborts at the first interrupt. A second one has its usual effect: it ends the program. */
  readonly signal: AbortSignal;
}

/** Starts to listen. */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  const stop = () => {
    for (const signal of signals) Deno.removeSignalListener(signal, interrupt);
  };
  const interrupt = () => {
    stop();
    controller.abort();
  };
  for (const signal of signals) Deno.addSignalListener(signal, interrupt);
  return { signal: controller.signal, [Symbol.dispose]: stop };
}
