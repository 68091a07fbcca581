/** What to do about an error, where the command line has an answer that the library cannot know of. */

import { CorruptionError, RedoError } from "../../base/mod.ts";

/** Commands that say themselves what to do about damage, and those of logs, which neither of the two takes. */
const ofDamage: readonly (string | undefined)[] = ["verify", "salvage", "log"];

/**
 * Says what to do about an error.
 *
 * @param error The error.
 * @param command The command that failed.
 * @returns A remark in brackets behind its message; nothing if there is nothing to be said.
 */
export function hintOf(error: unknown, command: string | undefined): string {
  if (error instanceof RedoError && error.cause === undefined) return " (--redo MODULE gives it)";
  if (!(error instanceof CorruptionError) || ofDamage.includes(command)) return "";
  return ' ("varve verify STORE" says what is damaged, "varve salvage STORE NEW" saves the rest)';
}
