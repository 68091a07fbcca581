/** What the holder of a store tells of itself, as JSON behind a word. */

import type { LayerInfo, Store } from "../../../../mod.ts";
import { compareKeys } from "../../../../src/base/mod.ts";

/** Levels of which a key has one layer at the most, and that of columns, which lie beside each other. */
const lowestSorted = 1, columns = 8;

/** What is told of a timeline. */
export interface LineTold {
  /** Its name. */
  readonly name: string;
  /** The last LSN. */
  readonly lastLsn: number;
  /** Its horizon. */
  readonly horizon: number;
  /** The bytes of all its layers. */
  readonly layerBytes: number;
  /** How many layers at level 0 one key has at the most. */
  readonly level0: number;
  /** How many runs below level 0 one key has at the most. */
  readonly sorted: number;
  /** Both, of the same key. */
  readonly depth: number;
  /** What upkeep has to write. */
  readonly debtBytes: number;
  /** Whether upkeep has nothing to do. */
  readonly isIdle: boolean;
}

/** What is told now and then. */
export interface Told {
  /** The last batch of the first timeline. */
  readonly batch: number;
  /** Reads that were compared since the process started. */
  readonly reads: number;
  /** Branches that were made and deleted, and batches that were told to who follows. */
  readonly branches: number;
  readonly followed: number;
  /** What the store says it holds in memory. */
  readonly heldBytes: number;
  /** How old the oldest view is. */
  readonly oldestViewMilliseconds: number;
  /** Bytes that came of merges since the store was opened. */
  readonly mergedBytes: number;
  /** How late the event loop was: p50, p99, p99.9 in milliseconds. */
  readonly late: readonly number[];
  /** Each timeline. */
  readonly lines: readonly LineTold[];
}

/** Describes the timelines of a store that go on from none. */
export function tellLines(store: Store): LineTold[] {
  const { upkeep } = store.metrics();
  const whole = store.timelines().filter(({ ancestor }) => ancestor === undefined);
  return whole.map(({ name, lastLsn, horizon }) => {
    const layers = store.timeline(name).layers(), { debtBytes, state } = upkeep[name];
    const layerBytes = layers.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return { name, lastLsn, horizon, layerBytes, ...depthOf(layers), debtBytes, isIdle: state === "idle" };
  });
}

/** How many layers one key has, at the key that has most. */
export function depthOf(layers: readonly LayerInfo[]): Pick<LineTold, "level0" | "sorted" | "depth"> {
  const stored = layers.filter(({ level, versions }) => level !== undefined && versions > 0);
  let most = { level0: 0, sorted: 0, depth: 0 };
  // The layers over a key are those over the first key of one of them.
  for (const { firstKey: key } of stored) {
    const over = stored.filter(({ firstKey, lastKey }) =>
      compareKeys(key, firstKey) >= 0 && compareKeys(lastKey, key) >= 0
    );
    const level0 = over.filter(({ level }) => level! < lowestSorted).length;
    const inColumns = over.some(({ level }) => level === columns) ? 1 : 0;
    const sorted = over.filter(({ level }) => level! >= lowestSorted && level! < columns).length + inColumns;
    most = {
      level0: Math.max(most.level0, level0),
      sorted: Math.max(most.sorted, sorted),
      depth: Math.max(most.depth, level0 + sorted),
    };
  }
  return most;
}
