/**
 * `deno task bench:expect`: optimistic transactions, which read two keys and append if both still stand, else read again.
 *
 * Tasks run beside each other on one store and draw their keys from few or from many. Beside each figure stands that of the
 * same work that expects nothing, and so loses what another task wrote between. Options: `--keys 100000`, `--hot 8`,
 * `--tasks 1,64`, `--seconds 2`, `--rounds 3`.
 */

import { parseArgs } from "node:util";
import { ConflictError, type Entry, Store, type Timeline } from "../mod.ts";
import { keyOf, randomOf, valuesOf } from "./peers/keys.ts";
import { print, progress } from "./peers/print.ts";

const value = valuesOf(100);

/** One kind of work. */
interface Work {
  readonly tasks: number;
  readonly sync: boolean;
  /** How many keys there are to draw from. */
  readonly keys: number;
  /** Whether what was read is expected to stand. */
  readonly expects: boolean;
}

/** What a run did. */
interface Run {
  readonly commits: number;
  readonly conflicts: number;
  readonly seconds: number;
}

async function fill(timeline: Timeline, keys: number): Promise<void> {
  for (let i = 0; i < keys;) {
    const changes = [];
    for (const end = Math.min(keys, i + 256); i < end; i++) changes.push({ key: keyOf(i), value: value(i) });
    await timeline.append(changes);
  }
  await timeline.freeze();
}

/** Commits once; returns how often it had to read again. */
async function commit(timeline: Timeline, keys: Uint8Array[], { expects, sync }: Work): Promise<number> {
  for (let again = 0;; again++) {
    const read: Entry[] = await Promise.all(keys.map((key) => timeline.getEntry(key)));
    const changes = keys.map((key, i) => ({ key, value: value(i) }));
    try {
      await timeline.append(changes, expects ? { expect: read, sync } : { sync });
      return again;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

async function run(timeline: Timeline, work: Work, seconds: number, seed: number): Promise<Run> {
  let commits = 0, conflicts = 0;
  const start = performance.now(), end = start + seconds * 1000;
  await Promise.all(Array.from({ length: work.tasks }, async (_, task) => {
    const random = randomOf(seed + task);
    while (performance.now() < end) {
      const first = random(work.keys), second = (first + 1 + random(work.keys - 1)) % work.keys;
      const again = await commit(timeline, [keyOf(first), keyOf(second)], work);
      conflicts += again;
      commits++;
    }
  }));
  return { commits, conflicts, seconds: (performance.now() - start) / 1000 };
}

function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      keys: { type: "string", default: "100000" },
      hot: { type: "string", default: "8" },
      tasks: { type: "string", default: "1,64" },
      seconds: { type: "string", default: "2" },
      rounds: { type: "string", default: "3" },
    },
  });
  const seconds = Number(values.seconds), rounds = Number(values.rounds);
  const works = [false, true].flatMap((sync) =>
    values.tasks.split(",").flatMap((tasks) =>
      [values.keys, values.hot].flatMap((keys) =>
        [false, true].map((expects): Work => ({ tasks: Number(tasks), sync, keys: Number(keys), expects }))
      )
    )
  );
  const directory = await Deno.makeTempDir({ prefix: "varve_bench_" });
  const store = await Store.open(directory), timeline = store.timeline();
  await fill(timeline, Number(values.keys));
  const runs = works.map((): Run[] => []);
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`);
    for (const [i, work] of works.entries()) runs[i].push(await run(timeline, work, seconds, round * 1000));
  }
  const rateOf = (i: number) => medianOf(runs[i].map(({ commits, seconds }) => commits / seconds));
  print("| tasks | sync | keys | commits/s, expecting nothing | commits/s | reads again per commit |");
  print("| --: | --- | --: | --: | --: | --: |");
  for (let i = 0; i < works.length; i += 2) {
    const { tasks, sync, keys } = works[i], expecting = runs[i + 1];
    const again = medianOf(expecting.map(({ commits, conflicts }) => conflicts / commits)).toFixed(3);
    const rates = [rateOf(i), rateOf(i + 1)].map((rate) => Math.round(rate).toLocaleString("en"));
    print(
      `| ${tasks} | ${sync ? "yes" : "no"} | ${keys.toLocaleString("en")} | ${
        rates.join(" | ")
      } | ${again} |`,
    );
  }
  await store.close();
  await Deno.remove(directory, { recursive: true });
}
