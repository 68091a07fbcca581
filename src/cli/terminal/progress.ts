/** Progress on standard error: a bar that is drawn over on a terminal, and now and then a line elsewhere. */

import type { Clock } from "../../base/mod.ts";
import type { Terminal } from "./terminal.ts";

const barMilliseconds = 100;
const lineMilliseconds = 5000;
const maxBarCells = 30;
/** Clears the line from the cursor on. */
const clearLine = "\r\x1b[K";

/** The state of a work. */
export interface ProgressStatus {
  /** The part that is done, from 0 to 1, if that is known. */
  fraction: number | undefined;
  /** The state in words. */
  text: string;
}

/** Shows how far a work has come, at most every 100 ms on a terminal and every 5 s elsewhere. */
export class Progress implements Disposable {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  #shownAt: number;
  #drawn = false;

  /** Makes a display that shows nothing yet. */
  constructor(terminal: Terminal, clock: Clock) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#shownAt = clock.monotonic();
  }

  /** Shows `status()` if it is time to. */
  update(status: () => ProgressStatus): void {
    const now = this.#clock.monotonic();
    if (now - this.#shownAt < (this.#terminal.notesAreSeen ? barMilliseconds : lineMilliseconds)) return;
    this.#shownAt = now;
    this.#show(status());
  }

  /** Removes the bar from the terminal. */
  [Symbol.dispose](): void {
    if (this.#drawn) this.#terminal.note(clearLine);
    this.#drawn = false;
  }

  #show(status: ProgressStatus): void {
    if (!this.#terminal.notesAreSeen) return this.#terminal.note(status.text + "\n");
    this.#terminal.note(clearLine + renderBar(status, this.#terminal.columns()));
    this.#drawn = true;
  }
}

/**
 * Draws a bar: `[#####·····] 50 %  text`.
 *
 * @param status The state of the work; without a fraction there is no bar.
 * @param columns The width to keep under.
 */
export function renderBar(status: ProgressStatus, columns: number): string {
  const room = Math.max(columns - 1, 0);
  if (status.fraction === undefined) return status.text.slice(0, room);
  const fraction = Math.min(Math.max(status.fraction, 0), 1);
  const percent = ` ${String(Math.floor(fraction * 100)).padStart(3)} %  `;
  const cells = Math.min(room - status.text.length - percent.length - 2, maxBarCells);
  if (cells < 5) return (percent + status.text).trimStart().slice(0, room);
  const full = Math.floor(fraction * cells);
  return `[${"#".repeat(full)}${"·".repeat(cells - full)}]${percent}${status.text}`;
}
