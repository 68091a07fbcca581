/** What a command of the command line is. */

import type { Arguments } from "./arguments.ts";
import type { ArgumentSpecs } from "./options.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** A command. */
export interface Command extends ArgumentSpecs {
  /** Its name: one word, or two such as `import git`. */
  readonly name: string;
  /** What it does, as a phrase. */
  readonly summary: string;
  /** What follows its name, for each way to give it, where {@linkcode ArgumentSpecs.positionals} do not say it alone. */
  readonly usages?: readonly string[];
  /** What else there is to know, in lines. */
  readonly details?: string;
  /**
   * Does it.
   *
   * @param args What it was asked.
   * @param terminal Where it reads and writes.
   * @returns The exit code, if it is not 0.
   */
  run(args: Arguments, terminal: Terminal): Promise<number | void>;
}
