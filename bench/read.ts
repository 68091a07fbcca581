/**
 * `deno task bench:read`: how fast Varve reads what is cold, in every mode and engine.
 *
 * Keys have 18 bytes, values 100 B. Adjacent keys are read from a store that was written in the order of keys, the
 * others from one that was written in random order; neither is compacted.
 *
 * Options: `--size 1GiB` (a quarter of it is read from), `--runs 3`, `--only direct-rw:uring`, `--dir DIR`.
 */

import { figures } from "./peers/measurement.ts";
import { type Dataset, recordsIn, type Work } from "./peers/work.ts";
import { type Column, parseSweep, sweep } from "./sweep.ts";

function columns(sizeBytes: number): Column[] {
  const records = Math.max(20_000, recordsIn(sizeBytes / 4, 100));
  const random: Dataset = { order: "random", valueBytes: 100, records };
  const sequential: Dataset = { order: "sequential", valueBytes: 100, records };
  const get: Work = { kind: "get", dataset: random, cache: "cold", reads: 5_000 };
  return [
    { title: "get µs p50", work: get, of: figures.p50.of },
    { title: "get µs p99", work: get, of: figures.p99.of },
    {
      title: "64 random keys/s",
      work: { kind: "vector", dataset: random, keys: 64, batches: 500 },
      of: figures.keys.of,
    },
    {
      title: "10,000 adjacent at once keys/s",
      work: { kind: "adjacent", dataset: sequential, keys: 10_000, runs: 20, by: "vector" },
      of: figures.keys.of,
    },
    {
      title: "one by one keys/s",
      work: { kind: "adjacent", dataset: sequential, keys: 10_000, runs: 1, by: "gets" },
      of: figures.keys.of,
    },
    { title: "scan records/s", work: { kind: "scan", dataset: random }, of: figures.records.of },
  ];
}

if (import.meta.main) {
  const options = parseSweep(Deno.args);
  await sweep(columns(options.sizeBytes), options);
}
