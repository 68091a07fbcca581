/**
 * Carrying out a read of keys to learn what it costs: the very read that `getVectored` is, with somebody who watches.
 *
 * @module
 */

import type { Objects } from "../../../objects/mod.ts";
import { endRead } from "../read_stream.ts";
import { VectoredRead } from "../vectored_read.ts";
import type { View } from "../view.ts";
import type { Explanation } from "./explanation.ts";
import type { IsOpen } from "./key_record.ts";
import { ReadObserver } from "./read_observer.ts";

/**
 * Reads keys and says what that cost. What cannot be read is told of its key.
 *
 * @param objects What reads.
 * @param view What is seen; disposed of in the end.
 * @param keys The keys, which are nobody else's.
 * @param isOpen Tells an open layer from a frozen one.
 */
export async function explain(
  objects: Objects,
  view: View,
  keys: Iterator<Uint8Array<ArrayBuffer>>,
  isOpen: IsOpen,
): Promise<Explanation> {
  const { clock, turns } = objects.host;
  const observer = new ReadObserver(clock);
  const read = new VectoredRead(objects, view, keys, { observer });
  try {
    for (let items = await read.next(); items !== undefined; items = await read.next()) {
      for (const item of items) observer.arrived(item);
      if (turns.due()) await turns.turn();
    }
    return observer.explain(view, isOpen);
  } finally {
    await endRead(view, read);
  }
}
