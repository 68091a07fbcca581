/**
 * One command on a store, in a process of its own: what comes of it is printed, an error as its class and message.
 *
 * Arguments: `append`, `read`, `life`, `fill` or `upkeep`, the store's directory, and the options of `Store.open` as JSON.
 */

import { IoError, Store, type StoreOptions } from "../../mod.ts";
import { patterned } from "./bytes.ts";

const [command, path, options = "{}"] = Deno.args;

/** Writes, seals, reads and reopens; tells the engine and the mode. */
async function live(opening: StoreOptions): Promise<string> {
  let told = "";
  for (let round = 0; round < 3; round++) {
    await using store = await Store.open(path, { ...opening, segmentBytes: 64 * 1024 });
    const timeline = store.timeline();
    for (let i = 0; i < 20; i++) await timeline.append([{ key: `k${i}`, value: patterned(9000, i + round) }]);
    await timeline.sync();
    await timeline.freeze();
    await timeline.append([{ key: "last", value: "1" }], { sync: true });
    const values = await timeline.getMany(["k0", "k19"]);
    if (values[1]?.[5] !== patterned(9000, 19 + round)[5]) throw new Error("another value");
    told = `${store.io.engine}, ${store.io.mode}, ${timeline.lastLsn}`;
  }
  return told;
}

/** Appends until the disk is full, frees room, and goes on. */
async function fill(opening: StoreOptions): Promise<string> {
  const ballast = `${path}-ballast`;
  Deno.writeFileSync(ballast, new Uint8Array(2 ** 20));
  let refusals = 0;
  {
    // Merges by themselves leave the room that is freed to appends.
    await using store = await Store.open(path, { ...opening, segmentBytes: 256 * 1024 });
    const timeline = store.timeline();
    const check = async () => {
      const keys = Array.from({ length: timeline.lastLsn }, (_, i) => `k${i}`);
      (await timeline.getMany(keys)).forEach((value, i) => {
        if (value?.length !== 30_000 || value[7] !== patterned(8, i)[7]) {
          throw new Error(`another value of k${i}`);
        }
      });
    };
    const append = () =>
      timeline.append([{ key: `k${timeline.lastLsn}`, value: patterned(30_000, timeline.lastLsn) }], {
        sync: true,
      });
    while (refusals === 0) {
      await append().catch((error) => {
        if (!(error instanceof IoError) || error.code !== "ENOSPC") throw error;
        refusals++;
      });
    }
    await check();
    Deno.removeSync(ballast);
    await timeline.sync();
    const before = timeline.lastLsn;
    while (timeline.lastLsn < before + 5) await append();
    await check();
  }
  await using store = await Store.open(path, opening);
  const timeline = store.timeline(), status = () => store.metrics().upkeep.main;
  while (["queued", "merging"].includes(status().state)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { state, error, merges } = status();
  if (state !== "full" || merges > 0 || !error?.includes("for appends, found")) {
    throw new Error(`a merge was begun that leaves no room: ${state}, ${error}`);
  }
  await timeline.append([{ key: "after", value: "1" }], { sync: true });
  return `full, freed, ${timeline.lastLsn > 20 ? "went on" : "too early"}`;
}

/** Seals what is worth a Worker; tells what Workers did. With `leave` the store is not closed. */
async function seal({ leave, ...opening }: StoreOptions & { leave?: boolean }): Promise<string> {
  const store = await Store.open(path, opening), timeline = store.timeline();
  for (let i = 0; i < 1000; i++) {
    await timeline.append(Array.from({ length: 80 }, (_, j) => ({ key: `${i} ${j}`, value: "" })));
  }
  await timeline.freeze();
  const { workerJobs, workerFailures, seals } = store.metrics();
  if (!leave) await store.close();
  return JSON.stringify([workerJobs, workerFailures, seals, ...store.io.notes]);
}

async function run(): Promise<unknown> {
  const opening: StoreOptions = JSON.parse(options);
  if (command === "life") return await live(opening);
  if (command === "upkeep") return await seal(opening);
  if (command === "fill") return await fill(opening);
  await using store = await Store.open(path, opening);
  if (command === "read") return new TextDecoder().decode(await store.timeline().get("a"));
  return await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
}

function describe(error: unknown): string {
  if (error instanceof SuppressedError) return `${describe(error.suppressed)}, then ${describe(error.error)}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : `${error}`;
}

const told = await run().catch(describe);
Deno.stdout.writeSync(new TextEncoder().encode(`${told}\n`));
