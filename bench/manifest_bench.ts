/**
 * `deno bench`: the manifest of a store of 100,000 layers, without the disk: what an opening costs, and what a commit.
 *
 * Commits are of the time of a store that runs: each segment is added, then sealed. Of some 3,000 of them one starts a
 * new file, which is what the slowest are.
 */

import { assert, blockBytes, noTimes, pageBytes, SlicedTurns } from "../src/base/mod.ts";
import type { LayerDescription } from "../src/layer/mod.ts";
import {
  type Edit,
  type LevelledLayer,
  Manifest,
  type ManifestHome,
  type StoreState,
} from "../src/manifest/mod.ts";

const layerCount = 100_000;

/** Files in memory, which have room to grow. */
class MemoryRoot {
  readonly #files = new Map<string, { bytes: Uint8Array<ArrayBuffer>; length: number }>();

  list(): Promise<string[]> {
    return Promise.resolve([...this.#files.keys()]);
  }

  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const file = this.#files.get(name);
    return Promise.resolve(file?.bytes.subarray(0, file.length));
  }

  putIfAbsent(name: string, from: Uint8Array): Promise<void> {
    const bytes = new Uint8Array(from.length * 3);
    bytes.set(from);
    this.#files.set(name, { bytes, length: from.length });
    return Promise.resolve();
  }

  append(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    const file = this.#files.get(name);
    assert(file !== undefined, `${name} is there`);
    file.bytes.set(bytes, offset);
    file.length = Math.max(file.length, offset + bytes.length);
    return Promise.resolve();
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  remove(name: string): Promise<void> {
    this.#files.delete(name);
    return Promise.resolve();
  }
}

function key(i: number): Uint8Array {
  const bytes = new Uint8Array(18);
  new DataView(bytes.buffer).setUint32(0, Math.imul(i, 2654435761));
  return bytes;
}

function layerOf(sequence: number): LevelledLayer {
  const firstKey = key(sequence), lastKey = firstKey.slice();
  lastKey[17] = 1;
  const valuesEnd = 67108864, indexPages = 900, filterPages = 100;
  return {
    kind: "L0",
    level: 0,
    sequence,
    generation: 1,
    fileId: 2 ** 50 + sequence,
    firstLsn: sequence * 500_000,
    lastLsn: sequence * 500_000 + 499_999,
    firstKey,
    lastKey,
    versions: 500_000,
    tombstones: 0,
    patches: 0,
    keys: 500_000,
    byteLength: valuesEnd + (indexPages + filterPages) * pageBytes + blockBytes,
    valuesEnd,
    indexPages,
    leafPages: 890,
    height: 3,
    filterPages,
    horizon: 0,
    imageLsn: 0,
  };
}

function homeOf(root: MemoryRoot): ManifestHome {
  return { directory: "/bench", host: { turns: new SlicedTurns() }, root };
}

function addSegment({ sequence, generation, fileId, firstLsn }: LayerDescription): Edit {
  return { type: "addSegment", id: 1, segment: { sequence, generation, fileId, firstLsn } };
}

const timeline = {
  name: "main",
  id: 1,
  created: 0,
  nextSequence: layerCount + 1,
  horizon: 0,
  times: noTimes,
  segments: [],
};
const layers = Array.from({ length: layerCount }, (_, i) => layerOf(i + 1));
const state: StoreState = {
  version: 1,
  storeId: "ab".repeat(16),
  generation: 1,
  timelines: [{ ...timeline, layers }],
  dropped: [],
};

for (const commits of [0, 2000]) {
  const home = homeOf(new MemoryRoot());
  const manifest = await Manifest.create(home, state);
  for (let sequence = layerCount + 1; sequence <= layerCount + commits / 2; sequence++) {
    const layer = layerOf(sequence);
    await manifest.commit(addSegment(layer));
    await manifest.commit({ type: "seal", id: 1, layer, times: noTimes });
  }
  await manifest.close();
  Deno.bench(`${commits} commits behind the snapshot`, { group: "open" }, async () => {
    await Manifest.open(home, { readOnly: true });
  });
}

const manifest = await Manifest.create(homeOf(new MemoryRoot()), state);
let sequence = layerCount;

Deno.bench("a new segment, and the layer it becomes", { group: "commit" }, async () => {
  const layer = layerOf(++sequence);
  await manifest.commit(addSegment(layer));
  await manifest.commit({ type: "seal", id: 1, layer, times: noTimes });
});

let oldest = 1;
Deno.bench("10 layers for 10", { group: "commit" }, async () => {
  const remove: number[] = [], add: LevelledLayer[] = [];
  for (let i = 0; i < 10; i++) {
    const layer = layerOf(oldest + i);
    remove.push(layer.sequence);
    // Sequences are taken again once they are free.
    add.push({ ...layer, kind: "delta" });
  }
  oldest = (oldest + 9) % 90_000 + 1;
  await manifest.commit({ type: "replaceLayers", id: 1, remove, add });
});
