/**
 * The history of one key: all its versions, oldest first.
 *
 * @module
 */

import { compareKeys, type Lsn } from "../base/mod.ts";
import { bloomMayContain, hashKey } from "../layer/mod.ts";
import type { Version } from "./entry.ts";
import { type LayerSet, type MemoryLayer, memoryLayers, type SealedLayer } from "./layer_set.ts";
import { LeafCursor } from "./leaf_cursor.ts";
import { Located, sourcesOf, tombstone } from "./locate.ts";
import {
  FetchedPages,
  fetchPages,
  footerNumber,
  type PageNeed,
  type ReadContext,
  ReadLeases,
} from "./read_context.ts";
import { type ReadGuard, readLocated } from "./read_window.ts";

/** Versions whose values are read together. */
const windowVersions = 1024;

/** Which versions of which key. */
export interface HistoryPlan {
  /** The key. */
  readonly key: Uint8Array;
  /** The first LSN that counts. */
  readonly from: Lsn;
  /** The last LSN that counts. */
  readonly to: Lsn;
}

interface Place {
  readonly source: number;
  readonly lsn: Lsn;
  readonly offset: number;
  readonly length: number;
}

/**
 * Reads the versions of a key.
 *
 * @param context What reads.
 * @param layers Where to look.
 * @param plan Which versions.
 * @param guard Stops the read.
 * @yields One or more versions, oldest first.
 */
export async function* readHistory(
  context: ReadContext,
  layers: LayerSet,
  plan: HistoryPlan,
  guard: ReadGuard,
): AsyncGenerator<Version[]> {
  using leases = new ReadLeases(context.files);
  const memory = memoryLayers(layers);
  let places: Place[] = [];
  for (let i = 0; i < layers.sealed.length; i++) {
    for await (
      const place of sealedPlaces(context, leases, layers.sealed[i], memory.length + i, plan, guard)
    ) {
      places.push(place);
      if (places.length < windowVersions) continue;
      yield* readPlaces(context, leases, layers, places, plan.key, guard);
      places = [];
    }
  }
  for (let i = memory.length - 1; i >= 0; i--) places.push(...memoryPlaces(memory[i], i, plan));
  for (let at = 0; at < places.length; at += windowVersions) {
    yield* readPlaces(context, leases, layers, places.slice(at, at + windowVersions), plan.key, guard);
  }
}

function memoryPlaces({ index }: MemoryLayer, source: number, plan: HistoryPlan): Place[] {
  const id = index.keyId(plan.key, hashKey(plan.key, 0, plan.key.length));
  const places: Place[] = [];
  if (id < 0) return places;
  for (let at = index.seek(id, plan.to); at >= 0 && index.lsnOf(at) >= plan.from; at = index.previous(at)) {
    places.push({
      source: index.isTombstone(at) ? tombstone : source,
      lsn: index.lsnOf(at),
      offset: index.offsetOf(at),
      length: index.lengthOf(at),
    });
  }
  return places.reverse();
}

async function* sealedPlaces(
  context: ReadContext,
  leases: ReadLeases,
  layer: SealedLayer,
  source: number,
  plan: HistoryPlan,
  guard: ReadGuard,
): AsyncGenerator<Place> {
  const { entry } = layer;
  if (entry.versions === 0 || entry.firstLsn > plan.to || entry.lastLsn < plan.from) return;
  if (compareKeys(plan.key, layer.firstKey) < 0 || compareKeys(plan.key, layer.lastKey) > 0) return;
  if (!await mayContain(context, leases, layer, plan.key)) return;
  const cursor = new LeafCursor(context, layer, { key: plan.key, lsn: plan.from, reverse: false });
  let fetched: FetchedPages | undefined;
  for (;;) {
    const needs: PageNeed[] = [];
    if (!cursor.settle(needs, fetched)) {
      fetched = new FetchedPages();
      await fetchPages(context, leases, needs, fetched);
      guard.check();
      continue;
    }
    if (cursor.ended || cursor.lsn() > plan.to || compareKeys(cursor.key(), plan.key) !== 0) return;
    yield {
      source: cursor.isTombstone() ? tombstone : source,
      lsn: cursor.lsn(),
      offset: cursor.offset(),
      length: cursor.length(),
    };
    cursor.step();
  }
}

async function mayContain(
  context: ReadContext,
  leases: ReadLeases,
  { file }: SealedLayer,
  key: Uint8Array,
): Promise<boolean> {
  const fetched = new FetchedPages();
  if (file.footer === undefined) {
    await fetchPages(context, leases, [{ file, number: footerNumber }], fetched);
    const failure = fetched.failure(file, footerNumber);
    if (failure !== undefined) throw failure;
  }
  const hash = hashKey(key, 0, key.length);
  const number = file.bloomPage(hash);
  let page = context.pages.get(file.cached, number);
  if (page === undefined) {
    await fetchPages(context, leases, [{ file, number }], fetched);
    page = fetched.page(file, number);
    if (page === undefined) throw fetched.failure(file, number);
  }
  return bloomMayContain(page, hash);
}

async function* readPlaces(
  context: ReadContext,
  leases: ReadLeases,
  layers: LayerSet,
  places: readonly Place[],
  key: Uint8Array,
  guard: ReadGuard,
): AsyncGenerator<Version[]> {
  const located = new Located(places.length, sourcesOf(layers));
  places.forEach((place, i) => {
    located.set(i, place.source, place.lsn, place.offset, place.length);
  });
  const keys = places.map(() => key);
  let at = 0;
  for await (const entries of readLocated(context, leases, located, keys, guard)) {
    yield entries.map((entry) => versionOf(entry, places[at++]));
  }
}

/** A version whose value is read, or throws, where the entry's does. */
function versionOf(entry: { readonly value: Uint8Array | undefined }, place: Place): Version {
  return {
    lsn: place.lsn,
    deleted: place.source === tombstone,
    get value() {
      return entry.value;
    },
  };
}
