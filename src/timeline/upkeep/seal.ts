/**
 * Sealing: a frozen layer's index, filter and footer are appended behind its values, and its segment becomes a layer
 * by an edit. No value is read or copied.
 *
 * ```
 *   segment:  header │ values │ pad ┃            frozen, named in the manifest as a segment
 *             header │ values │ pad ┃ index │ filter │ footer     all durable, exactly as long
 *             ── edit `seal` ──► a layer L0 of the same object    durable, then published
 * ```
 *
 * @module
 */

import type { Health } from "../../base/mod.ts";
import { StoredLayer } from "../../layer/mod.ts";
import type { TimelineEdit } from "../../manifest/mod.ts";
import type { TimelineContext } from "../timeline_context.ts";
import type { OpenLayer } from "../write/open_layer.ts";

/**
 * Seals a frozen layer. A full disk is waited for.
 *
 * @param context The timeline.
 * @param health Whether writing goes on.
 * @param frozen The layer, to which nothing is appended any more and whose segment ends with a pad.
 * @param alongside What else is to be edited then, as of the moment of the edit.
 * @returns The layer that it became, once the manifest says so durably.
 */
export async function sealLayer(
  context: TimelineContext,
  health: Health,
  frozen: OpenLayer,
  alongside: () => readonly TimelineEdit[] = () => [],
): Promise<StoredLayer> {
  const { manifest, objects, runner, id } = context;
  const { layer: { index, firstLsn, lastLsn }, segment: { writer, header, times }, memory } = frozen;
  const { sequence, generation, fileId } = header;
  const identity = { kind: "L0", sequence, generation, fileId, firstLsn, lastLsn } as const;
  const layer = await runner.seal({ writer, index, memory, identity, health });
  const seal = { type: "seal", id, layer, times: times.upTo(lastLsn) } as const;
  await health.patiently(() => manifest.commit([seal, ...alongside()]));
  return StoredLayer.of(objects, id, layer);
}
