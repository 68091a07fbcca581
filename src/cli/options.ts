/** What a command takes, and the options that several commands take. */

/** An option of a command. */
export interface OptionSpec {
  /** What stands for its value in the help; without it the option is a switch. */
  readonly value?: string;
  /** The value that it has where it is given without one. */
  readonly otherwise?: string;
  /** The only values that it takes. */
  readonly choices?: readonly string[];
  /** A letter that stands for it. */
  readonly short?: string;
  /** What it does, as a phrase. */
  readonly describe: string;
  /** Whether the help leaves it out: it is taken only to be refused, or another stands for it. */
  readonly isHidden?: boolean;
}

/** Options by their names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What a command takes. */
export interface ArgumentSpecs {
  /** What it takes besides options: `<needed>` first, then `[optional]`; any number of what ends in `…]`. */
  readonly positionals: readonly string[];
  /** Its own options. */
  readonly options: OptionSpecs;
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
  "help": { short: "h", describe: "show this help" },
};

/** The options of every command that writes. */
export const writeOptions: OptionSpecs = {
  "create": { describe: "make the store and the timeline if they are missing" },
  "wait": {
    value: "SECONDS",
    otherwise: "Infinity",
    describe: "wait while another process writes, so long at most (for ever)",
  },
};

/** A key of several parts instead of `<key>`; `--key` is an older word for it. */
export const keyPartsOptions: OptionSpecs = keyPartsAs(
  `the key as parts, such as '["user",42]', instead of <key>`,
);

/** The options that take a key of several parts, and what they do. */
export function keyPartsAs(describe: string): OptionSpecs {
  const value = "PARTS";
  return { "key-parts": { value, describe }, "key": { value, describe, isHidden: true } };
}

/** Keys of several parts as what they are. */
export const partsOption: OptionSpec = {
  describe: "show structured keys as their parts, in JSON; so does --key-parts",
};

/** What makes values of patches. */
export const redoOption: OptionSpec = {
  value: "MODULE",
  describe: 'redo patches by the function "redo" that a module exports',
};

/** Keys and values of the command line in base64. */
export const base64Option: OptionSpec = { describe: "keys and values on the command line are base64" };
