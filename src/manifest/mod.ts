/**
 * Floor 5: what exists. The manifest is the only commit point of a store: an edit is durable first and published
 * after.
 *
 * @module
 */

export { apply } from "./apply.ts";
export { checkManifest, type ManifestEnd } from "./check_manifest.ts";
export {
  findDirectory,
  type FoundDirectory,
  isLeftover,
  lockName,
  metricsName,
  notDirectory,
  refuseUnnamedTimelines,
  removeLeftovers,
  removeTimeline,
  unlessMissing,
  unnamed,
} from "./directory.ts";
export { type DirectoryKind, holdsManifest, logKind, refuseOther, storeKind } from "./directory_kind.ts";
export type { Edit, TimelineEdit } from "./edit.ts";
export { Manifest, type ManifestOptions } from "./manifest.ts";
export type { ManifestHome } from "./read_manifest.ts";
export { manifestName, parseManifestName } from "./names.ts";
export { leastBranchOf } from "./state.ts";
export type {
  AncestorState,
  LevelledLayer,
  SegmentDescription,
  StoreState,
  TimelineState,
  Witness,
} from "./state.ts";
