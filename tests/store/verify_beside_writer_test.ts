/** Verification of a store that is written to meanwhile, in orders that a seed chooses: it takes nothing for damage. */

import { assert, assertEquals } from "@std/assert";
import { Batch, type Store, type Timeline } from "../../mod.ts";
import { openStoreOn, SeededChoices, SimHost } from "../../testing.ts";
import { Random, seeds } from "../random.ts";
import { patterned } from "./bytes.ts";
import { HookedEngine } from "./hooked_engine.ts";
import { test } from "./matrix.ts";

/** How large segments and values are: in small ones many are sealed, large ones are read in several reads. */
const sizes = [
  { segmentBytes: 64 * 1024, valueBytes: 20_000 },
  { segmentBytes: 16 * 1024 * 1024, valueBytes: 900_000 },
];

/** One step of a writer: a batch of any size, synced or not, a freeze, a new timeline, or a read. */
async function step(
  store: Store,
  timelines: Timeline[],
  random: Random,
  { valueBytes }: typeof sizes[0],
): Promise<void> {
  const timeline = timelines[random.below(timelines.length)], what = random.below(20);
  if (what === 0) await timeline.freeze();
  else if (what === 1 && timelines.length < 4) {
    timelines.push(await store.createTimeline(`t${random.word()}`));
  } else if (what < 4) await timeline.get(`k${random.below(40)}`);
  else if (what < 6) await timeline.sync();
  else {
    const batch = new Batch();
    for (let n = random.below(6); n > 0; n--) {
      const key = `k${random.below(40)}`, size = random.below(random.below(8) === 0 ? valueBytes : 300);
      if (random.below(8) === 0) batch.delete(key);
      else batch.put(key, patterned(size, n));
    }
    const appended = timeline.append(batch, { sync: random.below(2) === 0 });
    if (random.below(3) > 0) await appended;
  }
}

/** Verifies over and over, with the store that writes and with ones that only read, until the writer is done. */
async function verifyUntil(
  isDone: () => boolean,
  store: Store,
  host: SimHost,
): Promise<{ found: string[]; rounds: number }> {
  const found: string[] = [];
  let rounds = 0;
  for (; rounds < 2 || !isDone(); rounds++) {
    await using reader = await openStoreOn(host, "/store", { readOnly: true });
    for (const verified of [store, reader]) {
      for await (const { error } of verified.verify()) found.push(`round ${rounds}: ${error.message}`);
    }
  }
  return { found, rounds };
}

Deno.test("Store.verify() finds no damage where a writer goes on, whatever comes first", async () => {
  let objects = 0;
  for (const seed of seeds("verify beside a writer", 50)) {
    const random = new Random(seed);
    const host = new SimHost({ choices: new SeededChoices(seed), seed, turnOneIn: 3 });
    const size = sizes[Number(seed % 4 === 0)], { segmentBytes } = size;
    const found = await host.run(async () => {
      const store = await openStoreOn(host, "/store", { segmentBytes, flushMilliseconds: 1 });
      const timelines = [store.timeline()];
      let isDone = false;
      // Several writers, so that much goes on between any two reads.
      const writing = Promise.all(Array.from({ length: 4 }, async () => {
        for (let i = 0; i < 25; i++) await step(store, timelines, random, size);
      })).then(() => isDone = true);
      const { found } = await verifyUntil(() => isDone, store, host);
      await writing;
      objects += store.metrics().seals;
      await store.close();
      return found;
    });
    assertEquals(found, [], `seed ${seed}`);
  }
  assert(objects > 50, `${objects} layers were sealed`);
});

test("Store.verify() of a reader takes what was written between two of its reads for no damage", async (place) => {
  const writer = await place.open(), timeline = writer.timeline();
  const write = (key: string) => timeline.append([{ key, value: patterned(300, 1) }], { sync: true });
  await write("before");
  await using engine = new HookedEngine();
  const reader = await place.open({ readOnly: true, ioEngine: engine, ioMode: "buffered" });
  let writes = 0;
  // It has read the records up to their end; next it looks for pads behind it that say what was durable.
  engine.hook = async (operation) => {
    if (operation === "nextData") { while (writes < 4) await write(`meanwhile ${++writes}`); }
  };
  const found = await Array.fromAsync(reader.verify());
  assertEquals(found.map(({ error }) => error.message), []);
  assertEquals(writes, 4, "it was written to in between");
  engine.hook = () => {};
  await place.close(reader);
});
