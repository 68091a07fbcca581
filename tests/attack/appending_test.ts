/** Appending under pressure: who awaits is never refused, and an answer always says whether the append was applied. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { IoError, PoisonedError, type Timeline, type VarveError } from "../../mod.ts";
import { patterned } from "../store/bytes.ts";
import { errno, Gate, HookedEngine } from "../store/hooked_engine.ts";
import { Place, test } from "../store/matrix.ts";

const KiB = 1024;

async function inPlace(body: (place: Place, engine: HookedEngine) => Promise<void>): Promise<void> {
  await using engine = new HookedEngine();
  await using place = await Place.make({ ioEngine: engine, segmentBytes: 64 * KiB, ioMode: "buffered" });
  await body(place, engine);
}

for (const sync of [false, true]) {
  test(`Timeline.append() refuses none of 1,200 who await, when segments are small (sync: ${sync})`, async (place) => {
    const store = await place.open({ segmentBytes: 64 * KiB, memoryBytes: 16 * KiB * KiB });
    const timeline = store.timeline();
    const value = patterned(400, 1);
    const commit = async (_: unknown, who: number) => {
      for (let i = 0; i < 3; i++) await timeline.append([{ key: `${who}/${i}`, value }], { sync });
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 1200 }, commit));
    assertEquals(outcomes.filter(({ status }) => status === "rejected"), []);
    assertEquals(timeline.lastLsn, 3600);
  });
}

Deno.test("Timeline.append() costs the same at each attempt when there are no inodes", async () => {
  await inPlace(async (place, engine) => {
    const timeline = (await place.open()).timeline();
    let calls = 0;
    engine.hook = (operation, path) => {
      calls++;
      if (operation === "open" && path.endsWith(".seg")) throw errno("ENOSPC", "create", path);
    };
    const attempt = async (count: number) => {
      const before = calls;
      for (let i = 0; i < count; i++) {
        await timeline.append([{ key: "a", value: "1" }], { sync: true }).catch(() => {});
      }
      return calls - before;
    };
    await attempt(20);
    const first = await attempt(100), later = await attempt(100);
    assert(later <= first * 1.5 + 20, `${first} operations for 100 attempts, later ${later}`);
    engine.hook = () => {};
    await timeline.sync();
    assertEquals(timeline.durableLsn, timeline.lastLsn);
  });
});

/** Appends until it was refused five times, and compares each answer with what became of the batch. */
async function appendUntilRefused(timeline: Timeline, sync: boolean): Promise<void> {
  for (let i = 0, refusals = 0; refusals < 5; i++) {
    const { lastLsn } = timeline;
    try {
      const lsn = await timeline.append([{ key: "count", value: `${i}` }, {
        key: "x",
        value: patterned(9000, i),
      }], {
        sync,
      });
      assertEquals(lsn, lastLsn + 1);
    } catch (error) {
      refusals++;
      assertInstanceOf(error, IoError);
      assertEquals(error.code, "ENOSPC");
      assertEquals(error.appliedLsn, timeline.lastLsn > lastLsn ? lastLsn + 1 : undefined);
    }
  }
}

for (const sync of [false, true]) {
  for (const operation of ["open", "write", "allocate"] as const) {
    Deno.test(`Timeline.append() says whether it was applied when the disk is full at ${operation} (sync: ${sync})`, async () => {
      await inPlace(async (place, engine) => {
        const timeline = (await place.open()).timeline();
        await timeline.append([{ key: "count", value: "0" }], { sync: true });
        engine.hook = (asked, path) => {
          if (asked === operation && path.endsWith(".seg")) throw errno("ENOSPC", operation, path);
          // A disk that has no room to reserve has none to write either.
          if (operation === "allocate" && asked === "write") throw errno("ENOSPC", "write", path);
        };
        await appendUntilRefused(timeline, sync);
        engine.hook = () => {};
        // A write that was on its way may have found the disk full still.
        await timeline.sync().catch(() => timeline.sync());
        assertEquals(timeline.durableLsn, timeline.lastLsn);
      });
    });
  }
}

Deno.test("Timeline.append() says that it was applied when a sync fails for good", async () => {
  await inPlace(async (place, engine) => {
    const timeline = (await place.open()).timeline();
    await timeline.append([{ key: "a", value: "1" }], { sync: true });
    engine.hook = (operation, path) => {
      if (operation === "write" && path.endsWith(".seg")) throw errno("EIO", operation, path);
    };
    const append = () => timeline.append([{ key: "a", value: "2" }], { sync: true });
    const applied = await Promise.allSettled([append(), append()]);
    const errors = applied.map((outcome) => outcome.status === "rejected" ? outcome.reason : undefined);
    for (const error of errors) assertInstanceOf(error, PoisonedError);
    assertEquals(errors.map((error: VarveError) => error.appliedLsn), [2, 3]);
    assertEquals((await assertRejects(append, PoisonedError)).appliedLsn, undefined);
    assertEquals(timeline.lastLsn, 3);
  });
});

Deno.test("Timeline.append() answers with its LSN when the store is closed while it waits for room", async () => {
  await inPlace(async (place, engine) => {
    const store = await place.open();
    const timeline = store.timeline();
    const gate = new Gate();
    engine.hook = (operation, path) =>
      operation === "sync" && path.endsWith(".seg") ? gate.wait() : undefined;
    const appended: Promise<number>[] = [];
    while (appended.length < 40) {
      appended.push(timeline.append([{ key: "a", value: patterned(20 * KiB, 1) }]));
    }
    const closed = place.close(store);
    await gate.reached;
    gate.open();
    await closed;
    assertEquals(await Promise.all(appended), appended.map((_, i) => i + 1));
    assertEquals((await place.open()).timeline().lastLsn, 40);
  });
});

Deno.test("Timeline.freeze() seals each layer when two are frozen within a few microtasks", async () => {
  for (let microtasks = 0; microtasks < 40; microtasks++) {
    await inPlace(async (place) => {
      const store = await place.open();
      const timeline = store.timeline();
      await timeline.append([{ key: "a", value: "1" }]);
      const first = timeline.freeze();
      void first.then(() => {});
      await timeline.append([{ key: "a", value: "2" }]);
      // Around the moment at which sealing the first layer ends.
      if (microtasks > 0) await first;
      for (let i = 1; i < microtasks; i++) await undefined;
      await timeline.append([{ key: "a", value: "3" }]);
      await timeline.freeze();
      const { frozenLayers, storedLayers } = store.metrics();
      assertEquals([frozenLayers, storedLayers], [0, 2]);
    });
  }
});
