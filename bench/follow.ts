/**
 * `deno task bench:follow`: does who follows a timeline keep up with an ingest at full speed, and what does it cost
 * whoever writes?
 *
 * Records of 18 + 100 B, keys in random order, in batches of 256; a sync each 4 MiB. The ingest runs alone, with who
 * follows on the same thread, and with one in another process, in turns. A rate is taken from the first append to the
 * end of the ingest; who follows is told the last batch some time later, which its rate includes.
 *
 * Options: `--records 2000000`, `--runs 3`, `--dir DIR`.
 */

import { parseArgs } from "node:util";
import { Batch, Store } from "../mod.ts";
import { print } from "./peers/print.ts";

const batchRecords = 256, valueBytes = 100, syncBatches = 128;

/** What one run says, in records each second. */
interface Run {
  readonly written: number;
  readonly followed: number | undefined;
}

type Follower = "nobody" | "same thread" | "other process";

async function ingest(store: Store, records: number): Promise<void> {
  const timeline = store.timeline(), batch = new Batch(), value = new Uint8Array(valueBytes).fill(0x61);
  const key = new Uint8Array(18).fill(0x30);
  let state = 1;
  for (let i = 0; i < records / batchRecords; i++) {
    batch.clear();
    for (let n = 0; n < batchRecords; n++) {
      state = Math.imul(state, 1_664_525) + 1_013_904_223 >>> 0;
      for (let at = 0, left = state; at < 10; at++, left = Math.floor(left / 10)) {
        key[17 - at] = 0x30 + left % 10;
      }
      batch.put(key, value);
    }
    await timeline.append(batch);
    if (i % syncBatches === syncBatches - 1) await timeline.sync();
  }
  await timeline.sync();
}

/** Follows until so many batches were told; returns when that was, by the clock. */
async function follow(store: Store, batches: number): Promise<number> {
  let changes = 0;
  for await (const batch of store.timeline().changes({ from: 1, follow: true })) {
    changes += batch.changes.length;
    if (batch.lsn === batches) break;
  }
  if (changes === 0) throw new Error("nothing was told");
  return Date.now();
}

async function run(directory: string, records: number, by: Follower): Promise<Run> {
  const path = await Deno.makeTempDir({ dir: directory, prefix: "follow_" });
  const batches = Math.floor(records / batchRecords);
  try {
    await using store = await Store.open(path);
    await store.timeline().sync();
    let told: Promise<number> | undefined, child: Deno.ChildProcess | undefined;
    if (by === "same thread") told = follow(store, batches);
    if (by === "other process") {
      const args = ["run", "-A", import.meta.filename as string, "--follow", path, "--records", `${records}`];
      child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
      // Its start is no part of what it costs.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      told = new Response(child.stdout).text().then(Number);
    }
    const began = Date.now();
    await ingest(store, records);
    const ended = Date.now(), last = await told;
    await child?.status;
    const rate = (end: number) => records / (end - began) * 1000;
    return { written: rate(ended), followed: last === undefined ? undefined : rate(last) };
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      records: { type: "string", default: "2000000" },
      runs: { type: "string", default: "3" },
      dir: { type: "string", default: "/tmp" },
      follow: { type: "string" },
    },
  });
  const records = Number(values.records), batches = Math.floor(records / batchRecords);
  if (values.follow !== undefined) {
    await using store = await Store.open(values.follow, { readOnly: true });
    print(`${await follow(store, batches)}`);
  } else {
    const kinds: readonly Follower[] = ["nobody", "same thread", "other process"];
    const runs = new Map<Follower, Run[]>(kinds.map((kind) => [kind, []]));
    for (let i = 0; i < Number(values.runs); i++) {
      for (const kind of kinds) runs.get(kind)?.push(await run(values.dir, records, kind));
    }
    for (const [kind, all] of runs) {
      const written = median(all.map(({ written }) => written));
      const followed = median(all.map(({ followed }) => followed ?? 0));
      print(`${kind.padEnd(14)}  written ${Math.round(written)}/s  followed ${Math.round(followed)}/s`);
    }
  }
}
