/**
 * The manifest of a store of 100,000 layers: what a commit and an opening cost, without the disk.
 *
 * `deno run -A bench/manifest_bench.ts` prints medians; with `--disk` commits go to a file in the temporary directory.
 */

import { blockBytes, pageBytes, SlicedTurns } from "../src/base/mod.ts";
import type { LayerDescription } from "../src/layer/mod.ts";
import { print } from "./peers/print.ts";
import { type Edit, Manifest, type ManifestHome, type StoreState } from "../src/manifest/mod.ts";

const layerCount = 100_000;

/** Files in memory. */
class MemoryRoot {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();

  list(): Promise<string[]> {
    return Promise.resolve([...this.files.keys()]);
  }

  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return Promise.resolve(this.files.get(name)?.slice());
  }

  putIfAbsent(name: string, bytes: Uint8Array): Promise<void> {
    this.files.set(name, bytes.slice());
    return Promise.resolve();
  }

  append(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    const old = this.files.get(name)!;
    if (offset + bytes.length > old.length) {
      this.files.set(name, new Uint8Array(offset + bytes.length));
      this.files.get(name)!.set(old);
    }
    this.files.get(name)!.set(bytes, offset);
    return Promise.resolve();
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  remove(name: string): Promise<void> {
    this.files.delete(name);
    return Promise.resolve();
  }
}

function key(i: number): Uint8Array {
  const bytes = new Uint8Array(18);
  new DataView(bytes.buffer).setUint32(0, Math.imul(i, 2654435761));
  return bytes;
}

function layerOf(sequence: number): LayerDescription {
  const firstKey = key(sequence), lastKey = firstKey.slice();
  lastKey[17] = 1;
  const valuesEnd = 67108864, indexPages = 900, filterPages = 100;
  return {
    ...{ kind: "L0", sequence, generation: 1, fileId: 2 ** 50 + sequence, firstLsn: sequence * 500_000 },
    ...{
      lastLsn: sequence * 500_000 + 499_999,
      firstKey,
      lastKey,
      versions: 500_000,
      tombstones: 0,
      keys: 500_000,
    },
    byteLength: valuesEnd + (indexPages + filterPages) * pageBytes + blockBytes,
    ...{ valuesEnd, indexPages, leafPages: 890, height: 3, filterPages },
  } as LayerDescription;
}

function segmentEdits(sequence: number): [Edit, Edit] {
  const layer = layerOf(sequence);
  const { generation, fileId, firstLsn } = layer;
  return [
    { type: "addSegment", id: 1, segment: { sequence, generation, fileId, firstLsn } },
    { type: "seal", id: 1, layer },
  ];
}

function median(values: number[]): string {
  values.sort((a, b) => a - b);
  const at = (part: number) => values[Math.floor((values.length - 1) * part)].toFixed(3);
  return `median ${at(0.5)} ms (least ${at(0)}, p90 ${at(0.9)}, most ${at(1)}, of ${values.length})`;
}

async function time<T>(work: () => Promise<T>): Promise<[number, T]> {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
}

const layers = Array.from({ length: layerCount }, (_, i) => layerOf(i + 1));
const timeline = {
  name: "main",
  id: 1,
  created: 0,
  nextSequence: layerCount + 1,
  horizon: 0,
  segments: [],
  layers,
};
const state: StoreState = { version: 1, storeId: "ab".repeat(16), generation: 1, timelines: [timeline] };
const root = new MemoryRoot();
const home: ManifestHome = { directory: "/bench", host: { turns: new SlicedTurns() }, root };

const [made, manifest] = await time(() => Manifest.create(home, state));
print(
  `snapshot of ${layerCount} layers: ${root.files.get("manifest-000000000001")!.length} bytes, ${
    made.toFixed(1)
  } ms`,
);
await manifest.close();
const opening = async () => {
  const times: number[] = [];
  for (let i = 0; i < 15; i++) times.push((await time(() => Manifest.open(home)))[0]);
  return median(times);
};
print(`open: ${await opening()}`);

const again = (await Manifest.open(home))!;
const adding: number[] = [], sealing: number[] = [];
for (let i = 1; i <= 2000; i++) {
  const [add, seal] = segmentEdits(layerCount + i);
  adding.push((await time(() => again.commit(add)))[0]);
  sealing.push((await time(() => again.commit(seal)))[0]);
}
print(`commit of a new segment: ${median(adding)}`);
print(`commit of a sealed one: ${median(sealing)}`);
const replacing: number[] = [];
for (let i = 0; i < 100; i++) {
  const remove = Array.from({ length: 10 }, (_, j) => 1 + i * 10 + j);
  const add = remove.map((_, j) => ({
    ...layerOf(remove[0]),
    kind: "delta" as const,
    sequence: 200_000 + i * 10 + j,
  }));
  replacing.push((await time(() => again.commit({ type: "replaceLayers", id: 1, remove, add })))[0]);
}
print(`commit of 10 layers for 10: ${median(replacing)}`);
await again.close();
print(`open with ${again.state.version} and edits behind: ${await opening()}`);
