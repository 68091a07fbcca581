/**
 * What the parts of a log share.
 *
 * @module
 */

import { assert } from "../base/mod.ts";
import type { Host } from "../io/mod.ts";
import type { Manifest, ManifestHome, SegmentDescription, TimelineState } from "../manifest/mod.ts";
import { type ObjectId, objectId, type Objects } from "../objects/mod.ts";
import type { SegmentIdentity } from "../segment/mod.ts";
import type { LogSettings } from "./options.ts";

/** What the parts of a log share. */
export interface LogContext {
  /** The outside world. */
  readonly host: Host;
  /** Where segments lie. */
  readonly objects: Objects;
  /** What exists: one history, of which all segments are named as such, sealed or not. */
  readonly manifest: Manifest;
  /** The id of the history. */
  readonly id: number;
  /** The options of the log. */
  readonly settings: LogSettings;
}

/** What the manifest says of the log now. */
export function logState({ manifest, id }: Pick<LogContext, "manifest" | "id">): TimelineState {
  const state = manifest.state.timelines.find((timeline) => timeline.id === id);
  assert(state !== undefined, "a log that is open is in its manifest");
  return state;
}

/** Whose the segments of a log are. */
export function ownerOf(
  { manifest, id }: LogContext,
): Pick<SegmentIdentity, "kind" | "storeId" | "timelineId"> {
  return { kind: "log", storeId: manifest.state.storeId, timelineId: id };
}

/** The object of a segment. */
export function segmentObject(
  id: number,
  { firstLsn, sequence, generation }: Pick<SegmentDescription, "firstLsn" | "sequence" | "generation">,
): ObjectId {
  return objectId({ timeline: id, firstLsn, sequence, generation, kind: "seg" });
}

/** Where the manifest of a log lies. */
export function homeOf({ objects: { directory, host, root } }: Pick<LogContext, "objects">): ManifestHome {
  return { directory, host, root, stem: "log" };
}
