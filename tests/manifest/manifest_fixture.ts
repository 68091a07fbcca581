/** States, edits, and files in memory that fail and crash, for tests of the manifest. */

import { blockBytes, noTimes, pageBytes, type Times } from "../../src/base/mod.ts";
import type { LayerDescription } from "../../src/layer/mod.ts";
import {
  apply,
  type Edit,
  leastBranchOf,
  type LevelledLayer,
  type SegmentDescription,
  type StoreState,
  type TimelineState,
} from "../../src/manifest/mod.ts";
import type { Random } from "../random.ts";

/** What exists in a store that was just made. */
export const first: StoreState = {
  version: 1,
  storeId: "ab".repeat(16),
  generation: 1,
  timelines: [],
  dropped: [],
};

/** A segment: number 3 starts with LSN 300. */
export function segment(sequence: number, more: Partial<SegmentDescription> = {}): SegmentDescription {
  return { sequence, generation: 1, fileId: 1000 + sequence, firstLsn: sequence * 100, ...more };
}

/** The layer that {@linkcode segment} becomes. */
export function layer(sequence: number, more: Partial<LevelledLayer> = {}): LevelledLayer {
  const valuesEnd = 64 * blockBytes;
  return {
    kind: "L0",
    ...segment(sequence),
    lastLsn: sequence * 100 + 99,
    firstKey: Uint8Array.of(sequence),
    lastKey: Uint8Array.of(sequence, 0xff),
    versions: 100,
    tombstones: 10,
    patches: 3,
    keys: 50,
    byteLength: valuesEnd + 3 * pageBytes + blockBytes,
    valuesEnd,
    indexPages: 2,
    leafPages: 1,
    height: 2,
    filterPages: 1,
    horizon: 0,
    imageLsn: 0,
    level: 0,
    ...more,
  };
}

/** The layer that {@linkcode segment} becomes, as the edit says that seals it. */
export function sealed(sequence: number, more: Partial<LayerDescription> = {}): LayerDescription {
  const { level: _, ...description } = layer(sequence, more);
  return description;
}

/** A timeline; its name is `t` and its id. */
export function timeline(id: number, more: Partial<TimelineState> = {}): TimelineState {
  return {
    name: `t${id}`,
    id,
    created: 0,
    nextSequence: 1,
    horizon: 0,
    times: noTimes,
    segments: [],
    layers: [],
    ...more,
  };
}

/** A timeline whose encoding has about so many bytes. */
export function largeTimeline(id: number, byteLength: number): TimelineState {
  const layers = Array.from({ length: Math.ceil(byteLength / 1104) }, (_, i) => {
    const firstKey = new Uint8Array(512), lastKey = new Uint8Array(512).fill(255);
    return layer(i + 1, { firstKey, lastKey });
  });
  return timeline(id, { layers, nextSequence: layers.length + 1 });
}

/** A key that may be any. */
function anyKey(random: Random): Uint8Array {
  return random.bytes(random.once(8) ? 512 : random.from(2, 20));
}

/** A layer with any numbers and keys. */
function anyLayer(random: Random, identity: SegmentDescription): LayerDescription {
  const { sequence, generation, fileId, firstLsn } = identity;
  const isEmpty = random.once(9);
  const keys = isEmpty ? 0 : random.from(2, 1000);
  const versions = isEmpty ? 0 : keys + random.below(1000);
  const leafPages = isEmpty ? 0 : random.from(2, Math.min(versions, 30));
  const counts = {
    versions,
    keys,
    leafPages,
    indexPages: isEmpty ? 0 : leafPages + 1,
    height: isEmpty ? 0 : 2,
  };
  const filterPages = random.below(5);
  const valuesEnd = random.from(1, 1 << 20) * blockBytes;
  const byteLength = valuesEnd + (counts.indexPages + filterPages) * pageBytes + blockBytes;
  const firstKey = anyKey(random), lastKey = anyKey(random);
  firstKey[0] = 1;
  lastKey[0] = 2;
  const bounds = isEmpty
    ? { firstKey: new Uint8Array(0), lastKey: new Uint8Array(0) }
    : { firstKey, lastKey };
  const tombstones = random.below(versions + 1), patches = random.below(versions - tombstones + 1);
  const lastLsn = firstLsn + random.below(100);
  return {
    ...{ kind: "L0", sequence, generation, fileId, firstLsn, lastLsn },
    ...{
      ...bounds,
      ...counts,
      tombstones,
      patches,
      byteLength,
      valuesEnd,
      filterPages,
      horizon: random.below(2) * firstLsn,
      imageLsn: 0,
    },
  };
}

/** The same layer as one that was merged: an image, if it has versions and chance says so. */
function anyMerged(random: Random, layer: LayerDescription): LayerDescription {
  if (layer.versions === 0 || random.once(2)) return { ...layer, kind: "delta" };
  const imageLsn = layer.firstLsn + random.below(10);
  return { ...layer, kind: "image", horizon: imageLsn + random.below(10), imageLsn };
}

/** Points of time up to an LSN. */
export function anyTimes(random: Random, lastLsn: number): Times {
  const lsns = Float64Array.from(
    new Set(Array.from({ length: random.below(5) }, () => random.from(1, lastLsn + 1))),
  ).sort();
  let second = random.below(2 ** 31);
  return { lsns, seconds: lsns.map(() => second += 1 + random.below(100_000)) };
}

/** The highest horizon of a timeline and of those that it goes on from. */
function horizonOf(state: StoreState, { horizon, ancestor }: TimelineState): number {
  const from = state.timelines.find(({ id }) => id === ancestor?.id);
  return from === undefined ? horizon : Math.max(horizon, horizonOf(state, from));
}

/** An edit that fits a state. */
export function anyEdit(random: Random, state: StoreState): Edit {
  const chosen = state.timelines.length === 0 ? undefined : random.pick(state.timelines);
  const kind = random.below(13);
  if (chosen === undefined || kind === 0) {
    // Ids and names are taken again once they are free.
    let id = random.from(1, 5);
    while (state.timelines.some((timeline) => timeline.id === id)) id += 5;
    const name = [`\ufeff`, "🦕", "x".repeat(120), "a b/../c", "\u0000"][id % 5] + `${id}`;
    const origin = chosen === undefined || random.once(2)
      ? {}
      : { ancestor: { id: chosen.id, lsn: horizonOf(state, chosen) + random.below(100) } };
    return { type: "addTimeline", timeline: timeline(id, { name, created: random.long(), ...origin }) };
  }
  const { id, segments, layers, nextSequence, horizon } = chosen;
  const lastLsn = Math.max(
    0,
    ...segments.map(({ firstLsn }) => firstLsn),
    ...layers.map((each) => each.lastLsn),
  );
  const identity = (): SegmentDescription => ({
    sequence: nextSequence + random.below(3),
    generation: state.generation,
    fileId: Math.max(1, random.long()),
    firstLsn: lastLsn + 1 + random.below(1000),
  });
  const some = segments.filter(() => random.once(2));
  if (kind === 1) return { type: "generation", generation: state.generation + 1 };
  if (kind === 2 && random.once(2)) {
    return { type: "reserve", id, nextSequence: nextSequence + random.below(5) };
  }
  const most = leastBranchOf(state, id)?.lsn;
  if (kind === 2) {
    return { type: "horizon", id, lsn: Math.min(horizon + random.below(100), most ?? Infinity) };
  }
  if (kind === 3 && state.dropped.length > 0 && random.once(2)) {
    return { type: "forgetTimeline", id: random.pick(state.dropped) };
  }
  if (kind === 3 && most === undefined) return { type: "dropTimeline", id };
  if (kind === 4 && some.length > 0) {
    return { type: "dropSegments", id, sequences: some.map(({ sequence }) => sequence) };
  }
  if (kind === 5 && segments.length > 0) {
    const witness = { offset: random.long(), lsn: random.long(), isEnd: random.once(2) };
    return { type: "witness", id, sequence: random.pick(segments).sequence, witness };
  }
  if (kind <= 7 && segments.length > 0) {
    const layer = anyLayer(random, random.pick(segments));
    return { type: "seal", id, layer, times: anyTimes(random, layer.lastLsn) };
  }
  if (kind === 9) {
    const sequences = random.shuffle(layers.filter(() => random.once(2)).map(({ sequence }) => sequence));
    return { type: "moveLayers", id, sequences, level: random.below(9) };
  }
  if (kind === 8) {
    const remove = random.shuffle(layers.filter(() => random.once(2)).map(({ sequence }) => sequence));
    const free = Array.from({ length: nextSequence + 2 }, (_, i) => i + 1).filter((sequence) => {
      return remove.includes(sequence) ||
        ![...segments, ...layers].some((other) => other.sequence === sequence);
    });
    const add = random.shuffle(free).slice(0, random.below(4)).map((sequence) => {
      const from = { ...identity(), sequence, firstLsn: random.from(1, lastLsn + 1) };
      return { ...anyMerged(random, anyLayer(random, from)), level: random.below(9) };
    });
    return { type: "replaceLayers", id, remove, add };
  }
  return { type: "addSegment", id, segment: identity() };
}

/** A state after so many edits. */
export function anyState(random: Random, edits: number): StoreState {
  let state = first;
  for (let i = 0; i < edits; i++) state = apply(state, anyEdit(random, state));
  return state;
}

/** Freezes all of a value but bytes, which cannot be frozen. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (!Object.isFrozen(value)) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
