/**
 * Floor 4: what exists. The manifest is the only commit point.
 *
 * @module
 */

export {
  isSegmentName,
  type LayerEntry,
  type ManifestState,
  parseManifestName,
  type SegmentEntry,
  segmentName,
  type TimelineEntry,
} from "./format.ts";
export { Manifest, type ManifestEdit } from "./manifest.ts";
