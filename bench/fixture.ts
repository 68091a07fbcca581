/** Stores for `deno bench`: one for each mode and engine, in a temporary directory that goes when the benches end. */

import { Batch, type Store, type Timeline } from "../mod.ts";
import { keyOf, permutationOf, valuesOf } from "./peers/keys.ts";
import { openStore } from "./peers/varve/store.ts";
import { variantName, variants } from "./variants.ts";

/** A store that is benched. */
export interface BenchStore {
  /** Its mode and engine. */
  name: string;
  /** The store. */
  store: Store;
  /** Its timeline `main`. */
  timeline: Timeline;
}

/** The length of a value in bytes. */
export const valueBytes: number = 100;
/** The length of a batch in records. */
export const batchRecords: number = 256;

const value = valuesOf(valueBytes);

/**
 * Opens a store for each mode and engine that the machine offers; the others are left out.
 *
 * @param records How many records each holds, in sealed layers.
 * @returns The stores. They are removed when the program ends.
 */
export async function openStores(records: number): Promise<BenchStore[]> {
  const directory = await Deno.makeTempDir({ prefix: "varve_bench_" });
  globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  const stores: BenchStore[] = [];
  for (const variant of variants) {
    const name = variantName(variant);
    const path = `${directory}/${name.replace(":", "-")}`;
    await Deno.mkdir(path);
    const store = await openStore(path, variant).catch(() => undefined);
    if (store === undefined) continue;
    const timeline = store.timeline();
    await fill(timeline, records);
    stores.push({ name, store, timeline });
  }
  return stores;
}

/** Makes a batch of random keys below `records`. */
export function batchOf(records: number, next: (below: number) => number): Batch {
  const batch = new Batch();
  for (let i = 0; i < batchRecords; i++) batch.put(keyOf(next(records)), value(i));
  return batch;
}

async function fill(timeline: Timeline, records: number): Promise<void> {
  const place = permutationOf(records);
  const batch = new Batch();
  for (let i = 0; i < records;) {
    batch.clear();
    for (const end = Math.min(records, i + batchRecords); i < end; i++) batch.put(keyOf(place(i)), value(i));
    await timeline.append(batch);
  }
  await timeline.freeze();
}
