/** What a command of the command line is, and how it is described. */

import type { Arguments } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";

/** An option of a command. */
export interface OptionSpec {
  /** What stands for its value in the help; without it the option is a switch. */
  readonly value?: string;
  /** The only values that it takes. */
  readonly choices?: readonly string[];
  /** What it does, as a phrase. */
  readonly describe: string;
}

/** Options by their names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** A command. */
export interface Command {
  /** Its name: one word, or two such as `import git`. */
  readonly name: string;
  /** What it takes besides options: `<needed>` first, then `[optional]`. */
  readonly positionals: readonly string[];
  /** What it does, as a phrase. */
  readonly summary: string;
  /** What else there is to know, in lines. */
  readonly details?: string;
  /** Its own options. */
  readonly options: OptionSpecs;
  /**
   * Does it.
   *
   * @param args What it was asked.
   * @param terminal Where it reads and writes.
   * @returns The exit code.
   */
  run(args: Arguments, terminal: Terminal): Promise<number>;
}

/** The options that every command has. */
export const commonOptions: OptionSpecs = {
  "timeline": { value: "NAME", describe: "the timeline (main)" },
  "io-mode": {
    value: "MODE",
    choices: ["buffered", "direct", "direct-rw"],
    describe: "how files are read and written: buffered, direct or direct-rw (direct-rw)",
  },
  "io-engine": {
    value: "ENGINE",
    choices: ["auto", "uring", "threads", "node"],
    describe: "what reads and writes them: auto, uring, threads or node (auto)",
  },
  "help": { describe: "show this help" },
};
