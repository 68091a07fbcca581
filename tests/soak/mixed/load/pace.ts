/** So many turns a second, and no more. */

/** How far behind a pace may be and still catch up, and after how long the event loop is given a turn in any case. */
const lagMilliseconds = 250, turnMilliseconds = 4;

/** See the top of the file. */
export class Pace {
  readonly #gap: number;
  #next = performance.now();
  #turned = performance.now();

  /** Without a number there is no bound. */
  constructor(perSecond: number | undefined) {
    this.#gap = perSecond === undefined ? 0 : 1000 / perSecond;
  }

  /** Waits for the next turn. */
  async turn(): Promise<void> {
    const now = performance.now();
    this.#next = Math.max(this.#next + this.#gap, now - lagMilliseconds);
    const wait = this.#next - now;
    if (wait < 1 && now - this.#turned < turnMilliseconds) return;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)));
    this.#turned = performance.now();
  }
}
