/**
 * Upkeep in a Worker beside upkeep in slices: how fast records come in, how fast layers are merged, and how long the
 * event loop waits for its turn meanwhile. Both are run in turn; medians are shown.
 *
 * `deno task bench:upkeep [records] [rounds]`
 *
 * @module
 */

import { Batch, Store } from "../mod.ts";

const records = Number(Deno.args[0] ?? 2_000_000), rounds = Number(Deno.args[1] ?? 3);
const batchRecords = 256, keyBytes = 18, valueBytes = 100;

/** What one phase of a run gave. */
interface Phase {
  readonly milliseconds: number;
  readonly delays: readonly number[];
}

/** Runs work, and looks every millisecond how late the event loop is. */
async function measured(work: () => Promise<unknown>): Promise<Phase> {
  const delays: number[] = [], start = performance.now();
  let last = start;
  const timer = setInterval(() => {
    const now = performance.now();
    delays.push(Math.max(0, now - last - 1));
    last = now;
  }, 1);
  await work();
  clearInterval(timer);
  delays.push(Math.max(0, performance.now() - last - 1));
  return { milliseconds: performance.now() - start, delays: delays.sort((a, b) => a - b) };
}

async function run(upkeep: "worker" | "slices") {
  const directory = await Deno.makeTempDir({ prefix: "varve_bench_" });
  try {
    await using store = await Store.open(directory, { upkeep });
    const timeline = store.timeline(), batch = new Batch();
    const key = new Uint8Array(keyBytes), value = new Uint8Array(valueBytes), view = new DataView(key.buffer);
    let state = 1;
    let most = 0;
    const ingest = await measured(async () => {
      for (let done = 0; done < records; done += batchRecords) {
        batch.clear();
        for (let i = 0; i < batchRecords; i++) {
          state = Math.imul(state, 1664525) + 1013904223 >>> 0;
          view.setUint32(0, Math.imul(state ^ state >>> 15, 0x2c1b3c6d) >>> 0);
          view.setUint32(4, state);
          batch.put(key, value);
        }
        await timeline.append(batch);
        if (done % (batchRecords * 512) === 0) most = Math.max(most, Deno.memoryUsage().rss);
      }
      await timeline.freeze();
    });
    const merge = await measured(() => timeline.compact());
    most = Math.max(most, Deno.memoryUsage().rss);
    const { workerJobs, workerFailures } = store.metrics();
    if (workerFailures > 0 || workerJobs > 0 !== (upkeep === "worker")) {
      throw new Error("not as it was asked for");
    }
    return { ingest, merge, most };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

const results = {
  worker: [] as Awaited<ReturnType<typeof run>>[],
  slices: [] as Awaited<ReturnType<typeof run>>[],
};
for (let round = 0; round < rounds; round++) {
  for (const upkeep of ["slices", "worker"] as const) results[upkeep].push(await run(upkeep));
}
const at = (phase: Phase, quantile: number) => phase.delays[Math.floor((phase.delays.length - 1) * quantile)];
const text: string[] = [];
for (const upkeep of ["slices", "worker"] as const) {
  const all = results[upkeep],
    delay = (phase: "ingest" | "merge", quantile: number) =>
      median(all.map((one) => at(one[phase], quantile))).toFixed(1);
  const seconds = (phase: "ingest" | "merge") => median(all.map((one) => one[phase].milliseconds)) / 1000;
  const line = (phase: "ingest" | "merge") =>
    `${(records / seconds(phase) / 1000).toFixed(0)} k records/s, ` +
    `loop late by ${delay(phase, 0.5)} ms p50, ${delay(phase, 0.99)} p99, ${delay(phase, 0.999)} p99.9, ${
      delay(phase, 1)
    } most`;
  text.push(`${upkeep}: ingest ${line("ingest")}`);
  text.push(`${upkeep}: merge  ${line("merge")}`);
  text.push(
    `${upkeep}: memory ${(median(all.map(({ most }) => most)) / 2 ** 20).toFixed(0)} MiB at the most`,
  );
}
Deno.stdout.writeSync(new TextEncoder().encode(`${text.join("\n")}\n`));
