/**
 * What the files of a store tell at one moment to a process that only reads it, and what changed between two moments.
 *
 * What another process has in memory (its counters, its cache, its latencies) is seen as far as it publishes its metrics;
 * batches that it has not written yet are not.
 */

import { compareKeys, type Lsn, systemClock } from "../../base/mod.ts";
import { type PublishedMetrics, publishedMetricsOf } from "../../store/mod.ts";
import type { LayerInfo } from "../../timeline/mod.ts";
import type { Arguments } from "../arguments.ts";
import { layersByKind, type LayerSums, sumLayers } from "../layers/sums.ts";
import { openForReading } from "../open_timeline.ts";
import { findLockHolders, type LockHolders } from "./lock_holders.ts";
import { type ProcessRates, processRates } from "./process_text.ts";

/** What a process told of itself counts so many of its periods, and a time for it to be late. */
const mostPeriods = 3, lateMilliseconds = 1000;

/** What a store looked like. */
export interface Look {
  /** The store's directory. */
  readonly path: string;
  /** The timeline that was looked at. */
  readonly timeline: string;
  /** When, by the monotonic clock in milliseconds. */
  readonly at: number;
  /** How long it took to look, in milliseconds. */
  readonly lookMilliseconds: number;
  /** The LSN of the last batch in the files. */
  readonly lastLsn: Lsn;
  /** The LSN up to which the files prove that everything was synced; more may be. */
  readonly durableLsn: Lsn;
  /** The layers. */
  readonly layers: readonly LayerInfo[];
  /** What they hold in sum. */
  readonly sums: LayerSums;
  /** How many layers lie over one key at the most. */
  readonly depth: number;
  /** Bytes of segments that are not sealed yet. */
  readonly unsealedBytes: number;
  /** Bytes that the files take on disk; `undefined` where the system does not say. */
  readonly allocatedBytes: number | undefined;
  /** About how many bytes merging has to write. */
  readonly debtBytes: number;
  /** How far over its bound the worst level is: 0 within, 1 at twice as much as it should be. */
  readonly pressure: number;
  /** Who writes and reads it; `undefined` where that cannot be found out. */
  readonly holders: LockHolders | undefined;
  /** What the process that writes it tells of itself; `undefined` if it tells nothing, or told it long ago. */
  readonly published: PublishedMetrics | undefined;
}

/** How fast a store changes. */
export interface Rates {
  /** LSNs by which history grew, each second: as many batches, if none was left out. */
  readonly lsns: number;
  /** Versions by which it grew. */
  readonly versions: number;
  /** Bytes by which segments grew, their indexes included. */
  readonly writtenBytes: number;
  /** Bytes of layers that came of merges. */
  readonly mergedBytes: number;
  /** How fast the process that writes it works; `undefined` if it does not tell. */
  readonly process?: ProcessRates | undefined;
}

/** Looks at a store, again and again. */
export class Looks {
  /** By path: the bytes on disk of layers, which never change. */
  #allocated = new Map<string, number | undefined>();
  /** When a process told of itself last, by its clock, and since when that has been seen, by the monotonic one. */
  #told = { time: NaN, since: 0 };

  /** Looks at the store and the timeline that arguments name. */
  async look(args: Arguments): Promise<Look> {
    const began = systemClock.monotonic();
    const holders = await findLockHolders(args.positionals[0]).catch(() => undefined);
    await using open = await openForReading(args);
    const { store, timeline } = open, layers = timeline.layers();
    const { name, lastLsn, durableLsn } = timeline, at = systemClock.monotonic();
    const own = store.metrics().upkeep[name], published = this.#currentOf(await publishedMetricsOf(store));
    const { debtBytes, pressure } = published?.metrics.upkeep[name] ?? own;
    const allocatedBytes = await this.#sumAllocated(layers);
    return {
      path: store.path,
      timeline: name,
      at,
      lookMilliseconds: systemClock.monotonic() - began,
      lastLsn,
      durableLsn,
      layers,
      sums: sumLayers(layers),
      depth: depthOf(layers),
      unsealedBytes: sumLayers(layers.filter(isInMemory)).byteLength,
      allocatedBytes,
      debtBytes,
      pressure,
      holders,
      published,
    };
  }

  /**
   * What was told, unless it was so long ago that whoever told it has probably ended. By a clock that was set back since
   * it is from later; then it is known by its staying as it is.
   */
  #currentOf(published: PublishedMetrics | undefined): PublishedMetrics | undefined {
    if (published === undefined) return undefined;
    const { time, milliseconds } = published, now = systemClock.monotonic();
    if (time !== this.#told.time) this.#told = { time, since: now };
    const age = Math.max(systemClock.now() - time, now - this.#told.since);
    return age <= mostPeriods * milliseconds + lateMilliseconds ? published : undefined;
  }

  async #sumAllocated(layers: readonly LayerInfo[]): Promise<number | undefined> {
    const known = this.#allocated;
    this.#allocated = new Map();
    let sum = 0;
    for (const layer of layers) {
      const { path } = layer;
      const bytes = known.get(path) ?? await allocatedBytesOf(path);
      if (!isInMemory(layer)) this.#allocated.set(path, bytes);
      sum += bytes ?? NaN;
    }
    return Number.isNaN(sum) ? undefined : sum;
  }
}

/** The bytes that a file takes on disk; `undefined` if the system does not say, or there is none. */
export async function allocatedBytesOf(path: string): Promise<number | undefined> {
  try {
    const { blocks } = await Deno.stat(path);
    return blocks === null ? undefined : blocks * 512;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function isInMemory({ kind }: LayerInfo): boolean {
  return kind === "open" || kind === "frozen";
}

/** How many layers lie over one key at the most; of those that are not sealed each does, since they do not tell their keys. */
export function depthOf(layers: readonly LayerInfo[]): number {
  const ranges = layers.filter((layer) => !isInMemory(layer) && layer.versions > 0);
  const firsts = ranges.map(({ firstKey }) => firstKey).sort(compareKeys);
  const lasts = ranges.map(({ lastKey }) => lastKey).sort(compareKeys);
  let most = 0, ended = 0;
  firsts.forEach((first, begun) => {
    while (compareKeys(lasts[ended], first) < 0) ended++;
    most = Math.max(most, begun + 1 - ended);
  });
  return most + layers.filter(isInMemory).length;
}

/** How fast a store changed between two looks; a layer that came and went between them is not seen. */
export function ratesBetween(before: Look, after: Look): Rates {
  const seconds = (after.at - before.at) / 1000;
  const known = new Map(before.layers.map(({ path, byteLength }) => [path, byteLength]));
  let written = 0, merged = 0;
  for (const { kind, path, byteLength } of after.layers) {
    const more = Math.max(0, byteLength - (known.get(path) ?? 0));
    if (kind === "delta" || kind === "image") merged += more;
    else written += more;
  }
  const growth = (now: number, then: number) => Math.max(0, now - then) / seconds;
  return {
    lsns: growth(after.lastLsn, before.lastLsn),
    versions: growth(after.sums.versions, before.sums.versions),
    writtenBytes: written / seconds,
    mergedBytes: merged / seconds,
    process: processRates(before.published, after.published),
  };
}

/** The sums of layers by their kinds. */
export function sumsByKind(layers: readonly LayerInfo[]): Record<string, LayerSums> {
  return Object.fromEntries(layersByKind(layers).map(([kind, all]) => [kind, sumLayers(all)]));
}

/** What the layers of a level hold in sum, of one kind. */
export interface LevelSums extends LayerSums {
  /** The level; layers in memory have none. */
  readonly level: number | undefined;
  /** Their kind. */
  readonly kind: LayerInfo["kind"];
}

/** The sums of layers by levels and kinds, from new to old. */
export function sumsByLevel(layers: readonly LayerInfo[]): LevelSums[] {
  const sums = layersByKind(layers).flatMap(([kind, all]) =>
    [...Map.groupBy(all, ({ level }) => level)].map(([level, of]) => ({ level, kind, ...sumLayers(of) }))
  );
  // What is in memory is newer than all levels; the order by kinds stays within a level.
  return sums.sort((a, b) => (a.level ?? -1) - (b.level ?? -1));
}
