/** How much history is kept, as the command line says it. */

import type { HistoryPolicy } from "../timeline/mod.ts";
import { UsageError } from "./usage_error.ts";

/** By the name of a part: how many milliseconds one is. */
const units: Readonly<Record<string, number>> = { days: 86_400_000, hours: 3_600_000, seconds: 1000 };

/**
 * Reads how much history is kept: `all`, or parts such as `lsns=1000,days=7`.
 *
 * @param text What was given.
 * @throws {UsageError} If it cannot be read.
 */
export function parseHistory(text: string): HistoryPolicy {
  if (text === "all") return "all";
  let lsns: number | undefined, milliseconds: number | undefined;
  for (const part of text.split(",")) {
    const [, name, digits] = /^(\w+)=(\d+)$/.exec(part) ?? [], value = Number(digits);
    const unit = Object.hasOwn(units, name ?? "") ? units[name] : undefined;
    const isKnown = unit !== undefined || name === "lsns" && lsns === undefined;
    if (!isKnown || !Number.isSafeInteger(value * (unit ?? 1))) throw refusal(text);
    if (unit === undefined) lsns = value;
    else milliseconds = (milliseconds ?? 0) + value * unit;
  }
  return { lsns, milliseconds };
}

function refusal(text: string): UsageError {
  const parts = ["lsns", ...Object.keys(units)].map((name) => `${name}=N`).join(", ");
  return new UsageError(`--history takes "all", or some of ${parts} with commas between them, not "${text}"`);
}
