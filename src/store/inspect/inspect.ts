/**
 * Inspecting everything in a store's directory, whether or not the store can be opened.
 *
 * ```
 *   manifest ─┬─ read ─► each timeline ─┬─ its layers, by what the manifest says
 *             │                         ├─ its segments, up to where they are known durable
 *             └─ not ─► each directory  └─ files that nobody names, permissions
 *                        └ each object by what it says of itself
 * ```
 *
 * Nothing is written, and no file is open while a finding is handed out.
 *
 * @module
 */

import { blockBytes, CorruptionError, type IoError, type Lsn } from "../../base/mod.ts";
import { checkLayer, type LayerDescription, type VerifyFinding } from "../../layer/mod.ts";
import {
  checkManifest,
  manifestName,
  type SegmentDescription,
  type StoreState,
  type TimelineState,
} from "../../manifest/mod.ts";
import { timelineName } from "../../objects/mod.ts";
import { checkSegment } from "../../segment/mod.ts";
import { objectOf } from "../../timeline/mod.ts";
import { tellPermissions, tellUnnamed, tellUnnamedRoot } from "./directory_check.ts";
import type { Findings } from "./findings.ts";
import { findFiles, type FoundFile, listingError, unknownFile } from "./found_files.ts";
import type { InspectedStore } from "./inspected_store.ts";

/**
 * Inspects a store.
 *
 * @param store What is inspected.
 * @param findings Where findings are gathered; it is emptied as they are handed out.
 * @param timeline The one timeline that is wanted, by name; left out, all of them.
 */
export async function* inspect(
  store: InspectedStore,
  findings: Findings,
  timeline?: string,
): AsyncGenerator<VerifyFinding, void> {
  const { objects } = store;
  const read = await checkManifest(objects, store.written, findings);
  const state = store.state ?? read;
  await tellPermissions(objects, "", findings);
  await tellUnnamedRoot(store, state, findings);
  yield* findings.take();
  const ids = state?.timelines.map(({ id }) => id) ?? await objects.listTimelines();
  const parts: Part[] = [];
  for (const id of ids) {
    const known = state?.timelines.find((named) => named.id === id);
    const name = known?.name ?? timelineName(id);
    if (timeline !== undefined && name !== timeline) continue;
    const isNamed = known !== undefined && state !== undefined;
    const error = await listingError(objects, id);
    const part = error !== undefined
      ? lostPart(id, name, error)
      : isNamed
      ? namedPart(known, state)
      : await foundPart(store, id, findings.check);
    for (const { byteLength } of part.layers) findings.expect(byteLength);
    for (const { witness } of part.segments) findings.expect(witness?.offset ?? 0);
    parts.push(part);
  }
  for (const part of parts) {
    findings.timeline = part.name;
    yield* inspectTimeline(store, part, findings);
  }
}

/** A timeline, and what is known of it. */
interface Part {
  readonly id: number;
  readonly name: string;
  readonly storeId: string | undefined;
  /** What the manifest says of it, and which manifest. */
  readonly named: NamedTimeline | undefined;
  readonly layers: readonly LayerDescription[];
  readonly segments: readonly SegmentDescription[];
  /** Files that tell nothing of themselves. */
  readonly unknown: readonly FoundFile[];
  /** Why nothing of it can be read. */
  readonly error: CorruptionError | IoError | undefined;
}

/** What a manifest says of a timeline. */
interface NamedTimeline {
  readonly timeline: TimelineState;
  /** Which manifest. */
  readonly version: number;
  /** Where branches go on from it. */
  readonly branchLsns: readonly Lsn[];
}

function namedPart(timeline: TimelineState, { storeId, version, timelines }: StoreState): Part {
  const { id, name, layers, segments } = timeline;
  const branchLsns = timelines.flatMap(({ ancestor }) => ancestor?.id === id ? ancestor.lsn : []);
  const named = { timeline, version, branchLsns };
  return { id, name, storeId, named, layers, segments, unknown: [], error: undefined };
}

/** What stands in the place of its directory is not its own: nothing is read through it. */
function lostPart(id: number, name: string, error: CorruptionError | IoError): Part {
  return { id, name, storeId: undefined, named: undefined, layers: [], segments: [], unknown: [], error };
}

async function foundPart({ objects }: InspectedStore, id: number, check: () => void): Promise<Part> {
  const files = await findFiles(objects, id, check);
  const layers = files.flatMap(({ footer }) => footer ?? []);
  const unsealed = files.filter(({ footer }) => footer === undefined);
  const segments = unsealed.flatMap(({ header }) => header ?? []);
  const unknown = unsealed.filter(({ header, byteLength, error }) =>
    error !== undefined || header === undefined && byteLength > blockBytes
  );
  const storeId = files.find(({ header }) => header !== undefined)?.header?.storeId;
  return {
    id,
    name: timelineName(id),
    storeId,
    named: undefined,
    layers,
    segments,
    unknown,
    error: undefined,
  };
}

async function* inspectTimeline(
  store: InspectedStore,
  part: Part,
  findings: Findings,
): AsyncGenerator<VerifyFinding, void> {
  const { objects } = store, { id, layers, segments, named, storeId, unknown, error } = part;
  const manifestPath = named && `${objects.directory}/${manifestName(named.version)}`;
  if (error !== undefined) {
    findings.found({ error });
    return yield* findings.take();
  }
  // All of history up to the horizon was durable, and up to where branches begin.
  const reach = Math.max(named?.timeline.horizon ?? 0, ...named?.branchLsns ?? []);
  let lastLsn = named?.timeline.ancestor?.lsn ?? 0;
  for (const description of layers) {
    findings.check();
    await checkLayer(objects, { storeId, timelineId: id, description, manifestPath }, findings);
    lastLsn = Math.max(lastLsn, description.lastLsn);
    findings.finished();
    yield* findings.take();
  }
  for (const segment of segments) {
    findings.check();
    // The last segment has the end of it.
    const claimed = segment === segments.at(-1) ? reach : 0;
    lastLsn = await inspectSegment(store, part, segment, { lastLsn, claimed }, findings);
    findings.finished();
    yield* findings.take();
  }
  if (segments.length === 0 && reach > lastLsn) {
    const expected = `records up to LSN ${reach}, which were durable`, found = `none behind LSN ${lastLsn}`;
    const error = new CorruptionError({
      path: manifestPath ?? objects.directory,
      offset: 0,
      expected,
      found,
    });
    findings.found({ error, lsns: { first: lastLsn + 1, last: reach } });
  }
  for (const file of unknown) findings.found({ error: unknownFile(file), offset: 0, length: blockBytes });
  await tellPermissions(objects, timelineName(id), findings);
  if (named !== undefined) await tellUnnamed(store, named.timeline, findings);
  yield* findings.take();
}

/** Inspects a segment behind `lastLsn`; returns the last LSN that history reaches with it, which is at least `claimed`. */
async function inspectSegment(
  { objects, durableEnds, isForeign }: InspectedStore,
  { id, storeId }: Part,
  description: SegmentDescription,
  { lastLsn: previousLsn, claimed: known }: { readonly lastLsn: Lsn; readonly claimed: Lsn },
  findings: Findings,
): Promise<Lsn> {
  const { sequence, generation, fileId, firstLsn, witness } = description;
  const object = objects.object(objectOf({ id }, description));
  const end = witness?.isEnd ? witness.offset : durableEnds?.get(id)?.get(sequence);
  // Nothing of it was synced yet.
  if (end !== undefined && end < blockBytes) return previousLsn;
  const header = {
    kind: "L0",
    storeId: storeId ?? "",
    timelineId: id,
    fileId,
    sequence,
    generation,
    firstLsn,
  } as const;
  const { offset: witnessed, lsn: witnessedLsn } = witness ?? {};
  const segment = { header, previousLsn, end, witnessed, witnessedLsn, isForeign };
  const reach = await checkSegment(objects, object, segment, findings);
  const claimed = Math.max(reach.durableLsn, witnessedLsn ?? 0, known);
  // Of one that cannot be read at all, that is told already.
  if (reach.isRead && claimed > reach.lastLsn && !isForeign && end === undefined) {
    const expected = `records up to LSN ${claimed}, which were durable`,
      found = `none behind LSN ${reach.lastLsn}`;
    const error = new CorruptionError({ path: object.path, offset: 0, expected, found });
    findings.found({ error, lsns: { first: reach.lastLsn + 1, last: claimed } });
  }
  return reach.lastLsn;
}
