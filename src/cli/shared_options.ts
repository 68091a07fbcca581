/** Options that several commands take. */

import type { OptionSpec } from "./command.ts";

/** The LSN that a reading command reads as of. */
export const lsnOption: OptionSpec = { value: "LSN", describe: "read as of this LSN, inclusive (the last)" };

/** The LSN that a writing command writes at. */
export const writeLsnOption: OptionSpec = { value: "LSN", describe: "write at this LSN (the next)" };

/** Keys and values of the command line in base64. */
export const base64Option: OptionSpec = { describe: "keys and values on the command line are base64" };
