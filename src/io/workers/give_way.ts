/**
 * A thread that lets others go first.
 *
 * @module
 */

import { openLibc } from "../posix/libc.ts";

/** How much nicer it is then: where two threads want one processor it gets a quarter of it, and all of one that is free. */
const niceness = 5;

/**
 * Lets other threads go before this one, and before those that it starts from now on, where more of them have something
 * to do than there are processors. On Linux it is a thread that is nice, not its process. Where the C library may not be
 * called this does nothing.
 */
export function giveWay(): void {
  const libc = openLibc();
  if ("reason" in libc) return;
  using library = libc;
  // Where it is refused upkeep is as good, and others wait longer.
  library.symbols.nice(niceness);
}
