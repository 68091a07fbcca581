/** A load that ends since the disk is full: how much of its input is stored, which the store knows when it is opened again. */

import { isShortage } from "../../base/mod.ts";
import type { Arguments } from "../arguments.ts";
import { openForReading } from "../open_timeline.ts";
import { formatCounted } from "../terminal/quantity.ts";
import { LoadError } from "./change_loader.ts";
import { LoadPosition } from "./load_position.ts";

/** What the system was short of, if that is what an error comes of. */
function shortageOf(error: unknown): Error | undefined {
  if (isShortage(error)) return error;
  if (error instanceof SuppressedError) return shortageOf(error.suppressed) ?? shortageOf(error.error);
  return error instanceof Error && error.cause !== undefined ? shortageOf(error.cause) : undefined;
}

/**
 * Says how a load goes on for which there was no room.
 *
 * @param error What the load ended with; the store was closed since.
 * @param args What was asked.
 * @param source The input: how messages call it, and the name under which its position is kept.
 * @returns The error with what is stored; the error as it is, if it is about something else.
 */
export async function toldShortage(
  error: unknown,
  args: Arguments,
  { title, name }: { readonly title: string; readonly name: string | undefined },
): Promise<unknown> {
  const shortage = shortageOf(error);
  if (shortage === undefined) return error;
  const stored = await storedOf(args, name).catch((cause: Error) =>
    `what is stored cannot be told: ${cause.message}`
  );
  return new LoadError(`Cannot load ${title}: ${shortage.message} (${stored})`, { cause: error });
}

async function storedOf(args: Arguments, name: string | undefined): Promise<string> {
  await using open = await openForReading(args);
  const position = new LoadPosition(name);
  await position.restore(open.timeline);
  // Lines with LSNs have no position: the store's last LSN tells as much.
  const stored = position.lines > 0
    ? `${formatCounted(position.lines, "line is", "lines are")} stored`
    : `what is stored ends with LSN ${open.timeline.lastLsn}`;
  const rest = name === undefined ? "" : "; the same command goes on with the rest once there is room";
  return stored + rest;
}
