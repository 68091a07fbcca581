/** What nobody syncs leaves the process all the same: it survives a kill, and readers beside the writer see it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Store, type StoreOptions } from "../../mod.ts";
import { type Place, test, testEach } from "./matrix.ts";

const process = new URL("flush_process.ts", import.meta.url).pathname;
const flushMilliseconds = 20;

/** The LSN up to which a reader beside a writer finds batches. */
async function seenIn(place: Place): Promise<number> {
  const reader = await place.open({ readOnly: true });
  const { lastLsn } = reader.timeline();
  await place.close(reader);
  return lastLsn;
}

/** Waits until a reader finds batches up to an LSN; it fails after half a minute. */
async function untilSeen(place: Place, lsn: number): Promise<void> {
  const start = performance.now();
  while (await seenIn(place) < lsn) {
    assert(performance.now() - start < 30_000, `LSN ${lsn} is not seen`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

testEach("Store keeps what nobody synced when its process is killed", async (place, { ioEngine, ioMode }) => {
  await place.close(await place.open());
  const options = JSON.stringify({ ioEngine, ioMode, flushMilliseconds });
  const args = ["run", "-A", "--no-check", "--quiet", process, place.path, options];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const last = Number((await lines.read()).value);
  await untilSeen(place, last);
  child.kill("SIGKILL");
  await child.status;
  await lines.cancel();
  const timeline = (await place.open()).timeline();
  assertEquals([last, timeline.lastLsn], [20, 20]);
  assertEquals((await timeline.get("k19"))?.length, 1000);
});

testEach(
  "Store lets a reader beside it see what nobody synced, and keeps its own durable LSN",
  async (place) => {
    const store = await place.open();
    const timeline = store.timeline(), side = await store.createTimeline("side");
    for (let lsn = 1; lsn <= 5; lsn++) {
      await timeline.append([{ key: "a", value: `${lsn}` }]);
      await untilSeen(place, lsn);
    }
    assertEquals([timeline.durableLsn, side.lastLsn, store.metrics().syncs], [0, 0, 0]);
  },
  { flushMilliseconds },
);

test("Store keeps no process alive that has something to write", async (place) => {
  const script = `
    import { Store } from "${new URL("../../mod.ts", import.meta.url)}";
    const store = await Store.open(${JSON.stringify(place.path)}, { flushMilliseconds: 60_000 });
    await store.timeline().append([{ key: "a", value: "1" }]);
  `;
  const args = ["eval", "--no-check", script];
  const start = performance.now();
  const { code } = await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" }).output();
  assertEquals(code, 0);
  assert(performance.now() - start < 50_000);
});

test("Store.open() refuses times to flush that cannot be", async (place) => {
  for (const flushMilliseconds of [0, -1, 0.5, 60_001, Infinity, NaN]) {
    await assertRejects(() => Store.open(place.path, { flushMilliseconds }), RangeError, "flushMilliseconds");
  }
  const wrong: StoreOptions = JSON.parse('{ "flushMilliseconds": "100" }');
  await assertRejects(() => Store.open(place.path, wrong), TypeError, "flushMilliseconds");
  for (const flushMilliseconds of [1, 60_000, undefined]) {
    await place.close(await place.open({ flushMilliseconds }));
  }
});
