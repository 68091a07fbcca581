/** What the command line ends with. */

/** It did what it was asked. */
export const exitOk = 0;
/** It could not, or the key is absent. */
export const exitFailure = 1;
/** It was asked wrongly. */
export const exitUsage = 2;
/** What it read or verified is damaged, or what it salvaged is not all that there was. */
export const exitDamaged = 3;
/** The store that it verified cannot be opened. */
export const exitUnopened = 4;
/** A key is not as `--expect-lsn` says; nothing was written. */
export const exitConflict = 5;
/** It was interrupted; what was done is kept, and a load or an import goes on with the rest the next time. */
export const exitInterrupted = 130;
