/**
 * The vectored get: N keys behave as N gets and cost as little as one.
 *
 * Keys are taken in windows, so that any number of them is read in bounded memory; within a window every index page
 * and every run of values is read once.
 *
 * @module
 */

import type { Lsn } from "../base/mod.ts";
import type { Entry } from "./entry.ts";
import type { LayerSet } from "./layer_set.ts";
import { failed, locate, Walk } from "./locate.ts";
import { fetchPages, type ReadContext, ReadLeases } from "./read_context.ts";
import { RecordReader } from "./read_records.ts";
import { type ReadGuard, readLocated } from "./read_window.ts";

/** Keys that are looked up together. */
const windowKeys = 4096;

/**
 * Reads keys as of an LSN.
 *
 * @param context What reads.
 * @param layers Where to look.
 * @param keys The keys.
 * @param lsn The LSN.
 * @param guard Stops the read.
 * @yields One or more entries, in request order.
 */
export async function* readVectored(
  context: ReadContext,
  layers: LayerSet,
  keys: Iterator<Uint8Array>,
  lsn: Lsn,
  guard: ReadGuard,
): AsyncGenerator<Entry[]> {
  using leases = new ReadLeases(context.files);
  for (;;) {
    const window = takeWindow(keys);
    if (window.length === 0) return;
    context.counters.keys += window.length;
    const located = await locate(context, leases, layers, window, lsn);
    guard.check();
    yield* readLocated(context, leases, located, window, guard);
  }
}

/**
 * Reads one key as of an LSN: the vectored read without the stream around it.
 *
 * @param context What reads.
 * @param layers Where to look.
 * @param key The key.
 * @param lsn The LSN.
 * @param guard Stops the read.
 * @returns The value.
 */
export async function readOne(
  context: ReadContext,
  layers: LayerSet,
  key: Uint8Array,
  lsn: Lsn,
  guard: ReadGuard,
): Promise<Uint8Array | undefined> {
  using leases = new ReadLeases(context.files);
  const keys = [key];
  context.counters.keys++;
  const walk = new Walk(context, layers, keys, lsn);
  while (!walk.advance()) {
    await fetchPages(context, leases, walk.takeNeeds(), walk.fetched);
    guard.check();
  }
  const { located } = walk;
  if (located.sourceOf(0) === failed) throw located.failures.get(0);
  if (located.sourceOf(0) < 0) return undefined;
  const reader = new RecordReader(context, leases, located, keys, 0, 1);
  while (!reader.isReady(0)) await reader.step();
  await reader.cancel();
  guard.check();
  const failure = reader.failures.get(0);
  if (failure !== undefined) throw failure;
  return reader.values[0];
}

function takeWindow(keys: Iterator<Uint8Array>): Uint8Array[] {
  const window: Uint8Array[] = [];
  while (window.length < windowKeys) {
    const next = keys.next();
    if (next.done) break;
    window.push(next.value);
  }
  return window;
}
