/**
 * `deno task bench:get`: a get that memory answers, and what it leaves for the collector of garbage.
 *
 * With `--against DIR` another checkout takes turns with this one, run by run. Figures are medians of batches of a hundred gets
 * that follow each other, of all runs. Options: `--records 200000`, `--rounds 7`, `--against DIR`.
 */

import { parseArgs } from "node:util";
import process from "node:process";
import type { Store, Timeline } from "../mod.ts";
import { keyOf, permutationOf, randomOf, valuesOf } from "./peers/keys.ts";
import { print } from "./peers/print.ts";

const warmKeys = 1000, batchGets = 100, batches = 300;

/** A checkout and what it took for each kind of get. */
interface Side {
  readonly name: string;
  readonly store: Store;
  readonly timeline: Timeline;
  readonly times: Map<string, number[]>;
  readonly garbage: Map<string, number[]>;
}

async function openSide(name: string, checkout: URL, directory: string, records: number): Promise<Side> {
  const { Store: Opened } = await import(new URL("mod.ts", checkout).href);
  const store: Store = await Opened.open(`${directory}/${name}`);
  const timeline = store.timeline(), place = permutationOf(records), value = valuesOf(100);
  for (let i = 0; i < records;) {
    const changes = [];
    for (const end = Math.min(records, i + 256); i < end; i++) {
      changes.push({ key: keyOf(place(i)), value: value(i) });
    }
    await timeline.append(changes);
    if (i >= records / 2 && i - 256 < records / 2) await timeline.freeze();
  }
  await timeline.freeze();
  // What is in buffers, and never frozen.
  await timeline.append(
    Array.from({ length: warmKeys }, (_, i) => ({ key: keyOf(records + i), value: value(i) })),
  );
  for (let pass = 0; pass < 2; pass++) {
    for (let i = 0; i < warmKeys; i++) await timeline.get(keyOf(i));
    for (let i = 0; i < warmKeys; i++) await timeline.get(keyOf(records + warmKeys + i));
  }
  return { name, store, timeline, times: new Map(), garbage: new Map() };
}

async function run({ timeline, times, garbage }: Side, kind: string, first: number): Promise<void> {
  const random = randomOf(5);
  const keys = Array.from({ length: batchGets }, () => keyOf(first + random(warmKeys)));
  const taken = times.get(kind) ?? [], left = garbage.get(kind) ?? [];
  for (let batch = 0; batch < batches; batch++) {
    const before = process.memoryUsage().heapUsed, begin = performance.now();
    for (let i = 0; i < batchGets; i++) await timeline.get(keys[i]);
    taken.push((performance.now() - begin) * 1000 / batchGets);
    left.push((process.memoryUsage().heapUsed - before) / batchGets);
  }
  times.set(kind, taken);
  garbage.set(kind, left);
}

function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      records: { type: "string", default: "200000" },
      rounds: { type: "string", default: "7" },
      against: { type: "string" },
    },
  });
  const records = Number(values.records), directory = await Deno.makeTempDir({ prefix: "varve_bench_" });
  const here = new URL("../", import.meta.url);
  const sides = [await openSide("here", here, directory, records)];
  if (values.against !== undefined) {
    sides.unshift(
      await openSide("there", new URL(`${values.against}/`, `file://${Deno.cwd()}/`), directory, records),
    );
  }
  const kinds = {
    "in the cache": 0,
    "in a writer's buffers": records,
    "absent": records + warmKeys,
  };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const side of sides) {
      for (const [kind, first] of Object.entries(kinds)) await run(side, kind, first);
    }
  }
  print("| value | checkout | µs a get, median | bytes of heap a get |");
  print("| --- | --- | --: | --: |");
  for (const kind of Object.keys(kinds)) {
    for (const { name, times, garbage } of sides) {
      const took = medianOf(times.get(kind)!).toFixed(2), left = medianOf(garbage.get(kind)!).toFixed(0);
      print(`| ${kind} | ${name} | ${took} | ${left} |`);
    }
  }
  for (const { store } of sides) await store.close();
  await Deno.remove(directory, { recursive: true });
}
