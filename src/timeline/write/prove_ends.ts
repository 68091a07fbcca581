/**
 * Where segments end that are not sealed, and what closing a timeline does about them, since they are small or the disk
 * is full: the manifest says where they end.
 *
 * ```
 *   batch │ pad ┃ batch │ pad ┃            the last pad proves what is before it, and nothing proves the last group
 *               └── rot? torn? ┘◄── witness in the manifest: it was durable, so this is rot
 * ```
 *
 * T8  Once closing has resolved, a durable manifest says how long every segment is that is not sealed: rot in its end is
 *     then never taken for a write that a crash tore.
 *
 * @module
 */

import { assert, isShortage } from "../../base/mod.ts";
import type { Edit } from "../../manifest/mod.ts";
import { type TimelineContext, timelineState } from "../timeline_context.ts";
import type { OpenLayer } from "./open_layer.ts";
import type { TimelineLayers } from "./timeline_layers.ts";

/**
 * Gives back the room that is reserved for the open segment, and has the manifest say where segments end (T8). All of
 * them is durable, and nothing is appended or sealed any more.
 *
 * @param context The timeline.
 * @param layers Its layers.
 * @throws {PoisonedError} If a write or a sync failed, now or before.
 * @throws {IoError} If there is no room in the manifest.
 */
export async function proveEnds(
  context: TimelineContext,
  layers: Pick<TimelineLayers, "open" | "unsealed">,
): Promise<void> {
  const { open } = layers, unproven = unprovenOf(context, layers.unsealed);
  if (unproven.length === 0) return;
  if (open !== undefined && unproven.includes(open)) await giveRoomBack(open);
  await context.manifest.commit(unproven.map((layer) => witnessOf(context.id, layer, layer !== open)));
}

/** The segments that are not sealed, by sequence, and up to where each is known durable. */
export function durableEndsOf({ unsealed }: Pick<TimelineLayers, "unsealed">): Map<number, number> {
  const ends = unsealed.map(({ segment: { header, writer, end } }) =>
    // Behind the end of a segment that is being sealed stands its index.
    [header.sequence, Math.min(writer.durableOffset, end)] as const
  );
  return new Map(ends);
}

/** Layers whose segments are longer than the manifest says. */
function unprovenOf(context: TimelineContext, unsealed: readonly OpenLayer[]): OpenLayer[] {
  const { segments } = timelineState(context);
  const witnesses = new Map(segments.map(({ sequence, witness }) => [sequence, witness]));
  return unsealed.filter(({ segment: { header, end } }) => {
    const witness = witnesses.get(header.sequence);
    return witness === undefined || !witness.isEnd && witness.offset !== end;
  });
}

/** On a disk that is too full even for that, the file stays as long as it is. */
async function giveRoomBack({ segment: { writer } }: OpenLayer): Promise<void> {
  await writer.finish().catch((error) => {
    if (!isShortage(error)) throw error;
  });
}

function witnessOf(id: number, { segment, layer }: OpenLayer, isEnd: boolean): Edit {
  const { header: { sequence }, writer, end: offset } = segment, { lastLsn: lsn } = layer;
  assert(offset <= writer.durableOffset, "T8: what is proven is durable");
  return { type: "witness", id, sequence, witness: { offset, lsn, isEnd } };
}
