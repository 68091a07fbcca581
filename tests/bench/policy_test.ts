/** The model of upkeep keeps what it counts, and the policy that is shipped stays within what it promises. */

import { assert, assertEquals } from "@std/assert";
import { mergeLayers } from "../../bench/policy/merge.ts";
import { policies } from "../../bench/policy/policies.ts";
import { addUp, allKeys, recordBytes, type SimLayer, simLayer } from "../../bench/policy/sim_layer.ts";
import { simulate } from "../../bench/policy/simulate.ts";
import { neededBytes, workloadOf, workloads } from "../../bench/policy/workload.ts";
import { defaultPlanSettings } from "../../src/timeline/upkeep/plan/planned_layer.ts";

const MiB = 2 ** 20;

function layerOf(edges: number[], masses: number[]): SimLayer {
  const identity = {
    kind: "delta",
    level: 1,
    sequence: 1,
    firstLsn: 1,
    lastLsn: 1000,
    keys: 1000,
    horizon: 0,
  } as const;
  return simLayer(identity, { edges, masses });
}

function sum(masses: readonly number[]): number {
  return masses.reduce((all, mass) => all + mass, 0);
}

Deno.test("addUp() lays stretches over each other and loses nothing", () => {
  const all = addUp([{ edges: [0, 10], masses: [100] }, { edges: [5, 10, 25], masses: [50, 30] }]);
  assertEquals(all, { edges: [0, 5, 10, 25], masses: [50, 100, 30] });
});

Deno.test("simLayer() evens out what is finer than it keeps, and loses nothing", () => {
  const edges = Array.from({ length: 101 }, (_, i) => i * i),
    masses = Array.from({ length: 100 }, (_, i) => i + 1);
  const layer = layerOf(edges, masses);
  assert(layer.masses.length <= 9);
  assertEquals(Math.round(sum(layer.masses)), 5050);
  assertEquals([layer.edges[0], layer.edges.at(-1)], [0, 10_000]);
});

Deno.test("mergeLayers() writes what it took in, in layers beside each other, but for what the horizon frees", () => {
  const workload = workloadOf("uniform", 1e6);
  const inputs = [layerOf([0, allKeys / 2], [600 * MiB]), layerOf([0, allKeys], [300 * MiB])];
  const job = { work: "merge", inputs, level: 7, cuts: [], isOldest: true } as const;
  const outputs = mergeLayers(job, defaultPlanSettings, workload, { next: 1 });
  assertEquals(Math.round(sum(outputs.map(({ byteLength }) => byteLength)) / MiB), 900);
  assertEquals(outputs.length, 7);
  outputs.forEach((output, i) => assert(i === 0 || outputs[i - 1].edges.at(-1)! <= output.edges[0]));
  const later = mergeLayers(job, { ...defaultPlanSettings, horizon: 1000 }, workload, { next: 1 });
  // A thousand records of a quarter of a million keys are nearly all of other keys.
  const kept = sum(later.map(({ byteLength }) => byteLength)) / recordBytes;
  assert(kept > 990 && kept <= 1001, `${kept}`);
});

Deno.test("neededBytes() counts what is newer than the horizon, and the last of each key", () => {
  const uniform = workloadOf("uniform", 4000), sequential = workloadOf("sequential", 4000);
  assertEquals(neededBytes(sequential, 4000, 3000), 4000 * recordBytes);
  assertEquals(neededBytes(uniform, 4000, 0), 4000 * recordBytes);
  const needed = neededBytes(uniform, 4000, 3000) / recordBytes;
  assertEquals(Math.round(needed), Math.round(1000 + 1000 * (1 - Math.exp(-3))));
  const hot = workloadOf("zipfian", 4e6).distinct(1e6), even = workloadOf("uniform", 4e6).distinct(1e6);
  assert(hot > even / 10 && hot < even * 0.9, `${hot} and ${even}`);
});

Deno.test("the policy that is shipped consults ten layers at the most and writes no more than levels of RocksDB", () => {
  const named = (name: string) => policies.find((policy) => policy.name === name)!;
  for (const name of workloads) {
    const bytes = 10e9, workload = workloadOf(name, bytes / recordBytes);
    const ingest = { workload, bytes, segmentBytes: 64 * MiB, history: 1 };
    const ours = simulate(named("hybrid as shipped"), ingest);
    const theirs = simulate(named("RocksDB levelled"), ingest);
    assert(ours.depth.max <= 10, `${name}: ${ours.depth.max} layers`);
    assert(ours.written <= theirs.written * 1.03, `${name}: ${ours.written} and ${theirs.written}`);
    assert(ours.largestMerge <= 1025 * MiB, `${name}: ${ours.largestMerge}`);
    assert(Math.abs(ours.space.mean - 1) < 0.01, `${name}: ${ours.space.mean}`);
  }
});

Deno.test("the policy that is shipped leaves little that a horizon has freed, and writes as little as RocksDB for it", () => {
  const named = (name: string) => policies.find((policy) => policy.name === name)!;
  const bytes = 36e9, workload = workloadOf("uniform", bytes / recordBytes);
  const ingest = { workload, bytes, segmentBytes: 64 * MiB, history: 0.01 };
  const ours = simulate(named("hybrid as shipped"), ingest);
  const theirs = simulate(named("RocksDB levelled"), ingest);
  assert(ours.space.end <= 1.08, `${ours.space.end}`);
  assert(ours.space.mean <= 1.5, `${ours.space.mean}`);
  assert(ours.depth.max <= 10, `${ours.depth.max} layers`);
  assert(ours.written <= theirs.written, `${ours.written} and ${theirs.written}`);
});
