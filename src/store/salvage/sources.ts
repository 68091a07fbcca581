/**
 * Where the records of a timeline lie that is salvaged: in segments, sealed or not, named by a manifest or not.
 *
 * ```
 *   sealed          header │ values ─────────────┃ index │ footer      up to where the footer, or else the manifest, says
 *   torn, settled   header │ values ──────┃░░░░░                       up to where the manifest says that history ends
 *   others          header │ values ────────────────────────┃          up to the end of the file
 * ```
 *
 * One that tells no end brings no LSN that the next one starts with: what a crash left behind the end of history was
 * written again there.
 *
 * @module
 */

import { blockBytes, CorruptionError, type Lsn, maxLsn } from "../../base/mod.ts";
import { checkLayer, type LayerDescription } from "../../layer/mod.ts";
import type { SegmentDescription, TimelineState } from "../../manifest/mod.ts";
import type { Objects } from "../../objects/mod.ts";
import { objectOf } from "../../timeline/mod.ts";
import { findFiles, type FoundFile, listingError } from "../inspect/found_files.ts";
import type { LostStretch } from "./options.ts";
import { Superseded } from "./superseded.ts";
import type { TimelineTally } from "./tally.ts";

/** A file that records are taken from. */
export interface SalvageSource {
  /** The file. */
  readonly file: FoundFile;
  /** Where its values end at the latest, also where the file is shorter by now. */
  readonly end: number;
  /** The id of the file, to which its records are bound, where manifest, footer or header tell it. */
  readonly fileId: number | undefined;
  /** The least LSN that it may bring. */
  readonly firstLsn: Lsn;
  /** The largest. */
  readonly lastLsn: Lsn;
  /** Up to where history goes in it at least; 0 if nothing tells. */
  readonly leastLsn: Lsn;
  /** Whether it is sealed or settled: then all in front of its end was history. */
  readonly isSettled: boolean;
  /** Whether an image has taken the place of a version in it; left out where a manifest names the files of history. */
  readonly isSuperseded?: ((key: Uint8Array, lsn: Lsn) => boolean) | undefined;
}

/**
 * Finds the sources of a timeline.
 *
 * @param objects Where they lie.
 * @param id The timeline's id.
 * @param named What the manifest says of it, if there is one.
 * @param tally Who is told of files that bring nothing.
 * @param check Throws if the search must stop: each file is looked at, and without a manifest images are read as a whole.
 * @returns The sources, in the order of their first LSNs.
 */
export async function findSources(
  objects: Objects,
  id: number,
  named: TimelineState | undefined,
  tally: TimelineTally,
  check: () => void,
): Promise<SalvageSource[]> {
  const error = await listingError(objects, id);
  if (error !== undefined) {
    tally.lose({ path: error.path, offset: 0, length: undefined, lsns: undefined, error });
    return [];
  }
  const files = await findFiles(objects, id, check);
  const known = new Map<string, LayerDescription | SegmentDescription>();
  for (const file of [...named?.segments ?? [], ...named?.layers ?? []]) {
    known.set(objectOf({ id }, file), file);
  }
  const sources: SalvageSource[] = [];
  for (const file of files) {
    const said = known.get(file.id);
    known.delete(file.id);
    // One that the manifest named once and names no more is no part of history.
    if (named !== undefined && said === undefined && file.name.sequence < named.nextSequence) continue;
    if (file.error !== undefined) tally.lose(unread(file));
    else if (file.byteLength > blockBytes || isKnownToHold(said)) sources.push(sourceOf(file, said));
  }
  for (const [missing, said] of known) tally.lose(gone(`${objects.directory}/${missing}`, said));
  const whole = named === undefined ? await withoutSuperseded(objects, id, sources, check) : sources;
  return whole.map((source, i) =>
    source.isSettled || isSorted(source) ? source : cutShort(source, whole.slice(i + 1).filter(isSegment))
  );
}

/** The sources without what images have taken the place of: those of which all can be read. */
async function withoutSuperseded(
  objects: Objects,
  id: number,
  sources: readonly SalvageSource[],
  check: () => void,
): Promise<readonly SalvageSource[]> {
  const images: LayerDescription[] = [];
  for (const { file: { footer } } of sources) {
    if (footer?.kind === "image" && await isWhole(objects, id, footer, check)) images.push(footer);
  }
  if (images.length === 0) return sources;
  const superseded = new Superseded(images);
  return sources.map((source) => {
    const { footer, name: { sequence } } = source.file, by = { imageLsn: footer?.imageLsn ?? 0, sequence };
    return { ...source, isSuperseded: (key, lsn) => superseded.has(key, lsn, by) };
  });
}

/** Whether a layer can be read to its end: one that was never durable, or is damaged, stands for nothing. */
async function isWhole(
  objects: Objects,
  timelineId: number,
  description: LayerDescription,
  check: () => void,
): Promise<boolean> {
  let isDamaged = false;
  await checkLayer(objects, { storeId: undefined, timelineId, description, manifestPath: undefined }, {
    turns: objects.host.turns,
    check,
    read: () => {},
    found: () => isDamaged = true,
  });
  return !isDamaged;
}

/** Whether the records of a source are sorted by key. */
export function isSorted(source: SalvageSource): boolean {
  return source.file.name.kind !== "seg";
}

function isSegment(source: SalvageSource): boolean {
  return !isSorted(source);
}

/** A source without an end goes no further than the first one that was made after it. */
function cutShort(source: SalvageSource, later: readonly SalvageSource[]): SalvageSource {
  const { firstLsn, file: { name: { sequence } } } = source;
  const next = later.find((other) => other.firstLsn > firstLsn && other.file.name.sequence > sequence);
  return { ...source, lastLsn: Math.min(source.lastLsn, (next?.firstLsn ?? Infinity) - 1) };
}

/** Whether the manifest tells that a file holds records. */
function isKnownToHold(said: LayerDescription | SegmentDescription | undefined): boolean {
  if (said === undefined) return false;
  return "kind" in said || said.witness !== undefined && said.witness.lsn >= said.firstLsn;
}

function sourceOf(file: FoundFile, said: LayerDescription | SegmentDescription | undefined): SalvageSource {
  const { footer, header, byteLength, name: { firstLsn } } = file;
  const layer = footer ?? (said !== undefined && "kind" in said ? said : undefined);
  if (layer !== undefined) {
    const { fileId, lastLsn, valuesEnd } = layer;
    return { file, end: valuesEnd, fileId, firstLsn, lastLsn, leastLsn: lastLsn, isSettled: true };
  }
  const witness = said !== undefined && "witness" in said ? said.witness : undefined;
  const { offset = 0, lsn: leastLsn = 0, isEnd: isSettled = false } = witness ?? {};
  const fileId = said?.fileId ?? header?.fileId, lastLsn = isSettled ? leastLsn : maxLsn;
  const end = isSettled ? offset : Math.max(byteLength, offset);
  return { file, end, fileId, firstLsn, lastLsn, leastLsn, isSettled };
}

function unread({ path, error }: FoundFile): LostStretch {
  return { path, offset: 0, length: undefined, lsns: undefined, error };
}

function gone(path: string, said: LayerDescription | SegmentDescription): LostStretch {
  const last = "lastLsn" in said ? said.lastLsn : said.witness?.lsn;
  const lsns = last === undefined ? undefined : { first: said.firstLsn, last };
  const error = new CorruptionError({ path, offset: 0, expected: "a file", found: "none" });
  return { path, offset: 0, length: undefined, lsns, error };
}
