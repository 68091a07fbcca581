/** The short life of a store in a process of its own, under `strace`. */

import { Place, type Subject } from "../../store/matrix.ts";
import { Child, type Ended } from "./child.ts";
import type { Claims } from "./claims.ts";

/** The seed of what every life writes. */
export const historySeed = 7;
/** The size of segments, which is small enough for several. */
export const segmentBytes: number = 64 * 1024;

/** Where the store of a place is; beside it is its trace. */
export function storeIn({ path }: Place, { ioEngine, ioMode }: Subject): Place {
  return new Place(`${path}/store`, { ioEngine, ioMode, strict: true, segmentBytes });
}

/** How a life ended. */
export interface Life {
  /** How its process ended. */
  readonly ended: Ended;
  /** What `strace` saw. */
  readonly trace: string;
}

/**
 * Has a store live under `strace`.
 *
 * @param place Where its store is.
 * @param subject How it does IO.
 * @param command The command that traces, by where its trace goes.
 * @param claims Takes in what it says.
 * @param nth Which life of the store it is: names in the store are chosen by the runtime's randomness, which is that of
 * the number, so that they are the same whenever it is.
 */
export async function liveTraced(
  place: Place,
  subject: Subject,
  command: (log: string) => string[],
  claims: Claims,
  nth = 1,
): Promise<Life> {
  const { ioEngine, ioMode } = subject, { path } = storeIn(place, subject);
  const log = `${place.path}/trace`;
  const order = { path, historySeed, seed: 0, ioEngine, ioMode, segmentBytes };
  const child = new Child("scripted_run", order, { wrapper: command(log), flags: [`--seed=${nth}`] });
  for await (const line of child.lines) claims.take(line);
  const ended = await child.end();
  const trace = await Deno.readTextFile(log).catch((cause) => {
    throw new Error(`strace did not begin: ${ended.stderr}`, { cause });
  });
  return { ended, trace };
}
