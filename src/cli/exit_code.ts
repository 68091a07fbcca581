/** What the command line ends with. */

/** It did what it was asked. */
export const exitOk = 0;
/** It could not, or the key is absent. */
export const exitFailure = 1;
/** It was asked wrongly. */
export const exitUsage = 2;
/** It was interrupted; what was done is kept, and the same command goes on with the rest. */
export const exitInterrupted = 130;
