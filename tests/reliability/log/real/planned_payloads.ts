/** What programs write to a log that are killed: the payload of a record follows from its offset. */

import type { LogOptions } from "../../../../log.ts";
import { Random } from "../../../random.ts";

/** What a program is to do, as its argument says. */
export interface LogOrder {
  /** The directory of the log. */
  readonly path: string;
  /** The seed of its payloads. */
  readonly historySeed: number;
  /** What the program does by. */
  readonly seed: number;
  /** How the log is opened. */
  readonly options: LogOptions;
}

/** The payload of the record at an offset. */
export function payloadAt(historySeed: number, offset: number): Uint8Array<ArrayBuffer> {
  const random = new Random(Math.imul(offset + 1, 0x9e3779b1) ^ historySeed);
  return random.bytes(random.pick([0, 1, 30, 200, 200, 900, 4096, 9000]));
}
