/** A terminal that is drawn over, and given back as it was. */

import type { Terminal } from "./terminal.ts";

/** Another screen than that of the shell, without a cursor. */
const enter = "\x1b[?1049h\x1b[?25l";
const leave = "\x1b[?25h\x1b[?1049l";
const home = "\x1b[H";
const clearLine = "\x1b[K";
const clearBelow = "\x1b[J";

/** The screen of a terminal; it is given back when it is disposed of, whatever happened. */
export class Screen implements AsyncDisposable {
  readonly #terminal: Terminal;
  #entered = false;

  /** Draws nothing yet. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Draws lines over those before them, as far as they fit its width. */
  async draw(text: string): Promise<void> {
    const columns = this.#terminal.columns(), { output } = this.#terminal;
    const lines = text.trimEnd().split("\n").map((line) => line.slice(0, columns));
    if (!this.#entered) await output.write(enter);
    this.#entered = true;
    await output.write(home + lines.map((line) => `${line}${clearLine}\n`).join("") + clearBelow);
    await output.flush();
  }

  /** Gives it back. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#entered) return;
    this.#entered = false;
    await this.#terminal.output.write(leave);
    await this.#terminal.output.flush();
  }
}
