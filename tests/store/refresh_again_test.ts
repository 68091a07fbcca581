/** A store that is only read reads on in segments: through deaths of its writer, damage, and files that are others. */

import { setTimeout as delay } from "node:timers/promises";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ChangeBatch, CorruptionError, type Store, type Timeline } from "../../mod.ts";
import { type IoEngine, systemHost } from "../../src/io/mod.ts";
import { SimDisk, SimEngine } from "../../src/sim/mod.ts";
import { openStoreOn } from "../../src/store/mod.ts";
import { Random, seeds } from "../random.ts";
import { FaultyEngine } from "../soak/programs/faulty_engine.ts";
import { collect } from "./bytes.ts";
import { assertBatches } from "./feeds.ts";
import { Model, type ModelBatch, type ModelChange } from "./model.ts";

const KiB = 1024, encoder = new TextEncoder();

function open(engine: IoEngine, readOnly = false): Promise<Store> {
  const options = { segmentBytes: 64 * KiB, flushMilliseconds: 2, upkeep: "manual" } as const;
  return openStoreOn(systemHost(engine), "/store", { ...options, readOnly });
}

function changesOf(random: Random): ModelChange[] {
  return Array.from({ length: random.from(1, 20) }, () => ({
    key: encoder.encode(`k${random.below(60)}`),
    value: random.once(5) ? undefined : random.bytes(random.pick([10, 200, 200, 6000])),
  }));
}

/** Somebody who writes, dies, and goes on with what is left. */
class Mortal {
  /** What was appended and was not lost. */
  #batches: ModelBatch[] = [];
  readonly #engine: FaultyEngine;
  readonly #random: Random;
  #store!: Store;

  constructor(disk: SimDisk, random: Random) {
    this.#engine = new FaultyEngine(new SimEngine({ disk }));
    this.#random = random;
  }

  get model(): Model {
    const model = new Model();
    for (const { lsn, changes } of this.#batches) model.append(lsn, changes);
    return model;
  }

  get #timeline(): Timeline {
    return this.#store.timeline();
  }

  /** Opens what is left; returns where that ends. */
  async live(): Promise<number> {
    this.#store = await open(this.#engine);
    const { lastLsn } = this.#timeline;
    this.#batches = this.#batches.filter(({ lsn }) => lsn <= lastLsn);
    assertEquals(this.model.lastLsn, lastLsn, "what is left ends with a batch that was appended");
    return lastLsn;
  }

  /** Appends some batches; what fails does so because it is dying. */
  async write(): Promise<void> {
    const random = this.#random, timeline = this.#timeline;
    for (let n = random.from(1, 8); n > 0; n--) {
      const changes = changesOf(random), lsn = timeline.lastLsn + 1;
      const appended = timeline.append(
        changes.map(({ key, value }) => value === undefined ? { key, delete: true } : { key, value }),
      );
      if (timeline.lastLsn === lsn) this.#batches.push({ lsn, changes });
      await appended.catch(() => {});
    }
    if (random.once(4)) await timeline.sync().catch(() => {});
    if (random.once(12)) await timeline.freeze().catch(() => {});
  }

  /** Will die soon. */
  sicken(): void {
    const operations = "write|datasync|open|rename|truncate|allocate|syncDirectory", random = this.#random;
    this.#engine.fail({ code: "kill", operations, after: random.below(5), times: 1, torn: random.below(4) });
  }

  /** Dies if it will, and closes the store otherwise. */
  async end(): Promise<void> {
    await this.#store.close().catch((error: unknown) => assert(this.#engine.isDead, `${error}`));
    this.#engine.calm();
  }
}

Deno.test("Store.refresh() goes on through deaths and closings of its writer, and shows what is left of it", async () => {
  for (const seed of seeds("refreshed through deaths", 4)) {
    const random = new Random(seed), disk = new SimDisk(["/"]), mortal = new Mortal(disk, random);
    await mortal.live();
    await mortal.write();
    await mortal.end();
    const reader = await open(new SimEngine({ disk }), true), read = reader.timeline();
    for (let life = 0; life < 8; life++) {
      const shown = read.lastLsn, left = await mortal.live();
      assert(left >= shown, `${shown} was shown, ${left} is left`);
      for (let i = random.from(1, 6); i > 0; i--) {
        if (i === 1 && random.once(2)) mortal.sicken();
        await mortal.write();
        await delay(random.below(4));
        await reader.refresh();
        const { model } = mortal, { lastLsn } = read;
        assert(lastLsn <= model.lastLsn);
        assertBatches(await collect(read.changes()), model, { from: 1, to: lastLsn }, `life ${life}`);
        const found = await collect(read.scan());
        assertEquals(found.map(({ lsn }) => lsn), model.scan({}, lastLsn).map(({ version }) => version.lsn));
      }
      await mortal.end();
    }
    assert(read.lastLsn > 1);
    await reader.close();
  }
});

/** A store whose reader has read a segment, and another one that went on otherwise from its third batch on. */
async function forked(): Promise<
  { disk: SimDisk; path: string; store: Store; reader: Store; other: SimDisk }
> {
  const disk = new SimDisk(["/"]), store = await open(new SimEngine({ disk }));
  const fill = async (of: Store, from: number, to: number, value: string) => {
    for (let i = from; i <= to; i++) await of.timeline().append([{ key: `k${i}`, value }], { sync: true });
  };
  await fill(store, 1, 3, "both");
  await store.close();
  const other = disk.clone(),
    again = await open(new SimEngine({ disk })),
    reader = await open(new SimEngine({ disk }), true);
  await fill(again, 4, 8, "one");
  await reader.refresh();
  assertEquals(reader.timeline().lastLsn, 8);
  const on = await open(new SimEngine({ disk: other }));
  await fill(on, 4, 12, "the other");
  await on.close();
  const [path] = disk.paths().filter((path) => path.endsWith(".seg"));
  assert(other.paths().includes(path), "both go on with the same segment");
  return { disk, path, store: again, reader, other };
}

/** The segment of another store, of as many batches. */
async function foreign(): Promise<Uint8Array> {
  const disk = new SimDisk(["/"]), store = await open(new SimEngine({ disk }));
  for (let i = 1; i <= 12; i++) await store.timeline().append([{ key: `k${i}`, value: "foreign" }]);
  await store.close();
  const [path] = disk.paths().filter((path) => path.endsWith(".seg"));
  return disk.contents(path);
}

function lsnsOf(batches: readonly ChangeBatch[]): number[] {
  return batches.map(({ lsn }) => lsn);
}

Deno.test("Store.refresh() does not go on in a segment that another took the place of", async () => {
  const { disk, path, store, reader, other } = await forked(), own = disk.contents(path);
  // Another history of the same file: all of it is read again.
  disk.put(path, other.contents(path));
  await reader.refresh();
  assertEquals(reader.timeline().lastLsn, 12);
  assertEquals(await reader.timeline().get("k8"), encoder.encode("the other"));
  // Another file, and one that was cut: neither is what was shown.
  disk.put(path, await foreign());
  await store.createTimeline("so that there is something new");
  await assertRejects(() => reader.refresh(), CorruptionError);
  disk.put(path, own);
  await assertRejects(() => reader.refresh(), CorruptionError, "history up to LSN 12");
  await reader.close();
  await store.close();
});

Deno.test("Store.refresh() refuses a segment that was cut, and goes on when it is whole again", async () => {
  const { disk, path, store, reader } = await forked(), own = disk.contents(path), read = reader.timeline();
  disk.put(path, own.subarray(0, 3 * 4096));
  await store.createTimeline("so that there is something new");
  await assertRejects(() => reader.refresh(), CorruptionError);
  assertEquals(read.lastLsn, 8);
  disk.put(path, own);
  await reader.refresh();
  assertEquals(lsnsOf(await collect(read.changes())), [1, 2, 3, 4, 5, 6, 7, 8]);
  await reader.close();
  await store.close();
});

Deno.test("Store.refresh() stays where it is while what follows is damaged, and goes on when that is mended", async () => {
  const disk = new SimDisk(["/"]), store = await open(new SimEngine({ disk })), timeline = store.timeline();
  await timeline.append([{ key: "a", value: "1" }], { sync: true });
  const reader = await open(new SimEngine({ disk }), true), read = reader.timeline();
  await reader.refresh();
  for (let i = 2; i <= 6; i++) await timeline.append([{ key: "a", value: `${i}` }], { sync: true });
  const [path] = disk.paths().filter((path) => path.endsWith(".seg"));
  const own = disk.contents(path), damaged = own.slice();
  // The fourth batch stands at the start of the fifth block, behind the header.
  damaged[4 * 4096 + 30] ^= 1;
  disk.put(path, damaged);
  await assertRejects(() => reader.refresh(), CorruptionError);
  assertEquals([read.lastLsn, await read.get("a")], [1, encoder.encode("1")]);
  disk.put(path, own);
  await reader.refresh();
  assertEquals([read.lastLsn, await read.get("a")], [6, encoder.encode("6")]);
  await reader.close();
  await store.close();
});
