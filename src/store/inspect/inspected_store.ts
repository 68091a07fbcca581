/**
 * What an inspection is given of a store.
 *
 * @module
 */

import type { ManifestEnd, StoreState } from "../../manifest/mod.ts";
import type { Objects } from "../../objects/mod.ts";

/** What is inspected. */
export interface InspectedStore {
  /** The objects of the directory; they belong to the inspection alone. */
  readonly objects: Objects;
  /** What whoever writes the store knows that its manifest says now; left out where nobody here writes it. */
  readonly committed?: (() => StoreState) | undefined;
  /** How far its manifest was written at least; left out where nobody here writes the store. */
  readonly written?: ManifestEnd | undefined;
  /** What exists, where the store is open; left out, the manifest is asked. */
  readonly state?: StoreState | undefined;
  /** Up to where segments that are being written are known durable, by timeline and by sequence. */
  readonly durableEnds?: ReadonlyMap<number, ReadonlyMap<number, number>> | undefined;
  /** Whether another process may be writing the store. */
  readonly isForeign: boolean;
}
