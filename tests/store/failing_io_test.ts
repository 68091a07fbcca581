/** What happens when the system refuses: an error ends writing for good, a full disk only for as long as it is full. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { IoError, PoisonedError, type Store, type Timeline } from "../../mod.ts";
import { errno, Gate, HookedEngine, type Operation } from "./hooked_engine.ts";
import { patterned } from "./bytes.ts";
import { Place } from "./matrix.ts";

const batches = 24;
const valueBytes = 7000;

/** The operations that writing uses. */
const operations: readonly Operation[] = [
  "open",
  "allocate",
  "write",
  "datasync",
  "sync",
  "truncate",
  "rename",
  "syncDirectory",
];

/** How a trial went. */
interface Outcome {
  /** The last LSN that a sync made durable. */
  durable: number;
  /** The first error. */
  error: unknown;
}

/** Appends, syncs and seals until something fails. */
async function write(timeline: Timeline): Promise<Outcome> {
  const outcome: Outcome = { durable: timeline.durableLsn, error: undefined };
  try {
    for (let i = 0; i < batches; i++) {
      await timeline.append([{ key: `k${i}`, value: patterned(valueBytes, i) }]);
      if (i % 3 === 2) outcome.durable = await timeline.sync();
    }
    await timeline.freeze();
  } catch (error) {
    outcome.error = error;
  }
  return outcome;
}

async function checkValues(timeline: Timeline): Promise<void> {
  const keys = Array.from({ length: timeline.lastLsn }, (_, i) => `k${i}`);
  const values = await timeline.getMany(keys);
  values.forEach((value, i) => assertEquals(value, patterned(valueBytes, i), `value of k${i}`));
}

/** Fails the nth operation of a kind, and those after it if `forever`; returns whether it came to that. */
function failNth(
  engine: HookedEngine,
  operation: Operation,
  nth: number,
  code: string,
  forever = false,
): () => boolean {
  let count = 0;
  engine.hook = (asked, path) => {
    if (asked === operation && (++count === nth || forever && count > nth)) {
      throw errno(code, operation, path);
    }
  };
  return () => count >= nth;
}

async function inPlace(body: (place: Place, engine: HookedEngine) => Promise<void>): Promise<void> {
  await using engine = new HookedEngine();
  await using place = await Place.make({ ioEngine: engine, segmentBytes: 64 * 1024, ioMode: "buffered" });
  await body(place, engine);
}

/** Runs a body with the first, second, … operation failing, until the work needs no more of them. */
async function sweep(
  body: (place: Place, engine: HookedEngine, nth: number) => Promise<boolean>,
): Promise<void> {
  for (let nth = 1, reached = true; reached; nth++) {
    await inPlace(async (place, engine) => {
      reached = await body(place, engine, nth);
    });
    assert(nth < 200, "the work needs a bounded number of operations");
  }
}

async function checkPoisoned(store: Store, error: unknown): Promise<void> {
  const timeline = store.timeline();
  assertInstanceOf(error, PoisonedError);
  assertInstanceOf(error.cause, IoError);
  await assertRejects(() => timeline.append([{ key: "more", value: "" }]), PoisonedError);
  await assertRejects(() => timeline.sync(), PoisonedError);
  await assertRejects(() => timeline.freeze(), PoisonedError);
  await checkValues(timeline);
}

for (const operation of operations) {
  Deno.test(`Timeline is poisoned and still reads when any ${operation} fails`, async () => {
    await sweep(async (place, engine, nth) => {
      const store = await place.open();
      const reached = failNth(engine, operation, nth, "EIO");
      const { durable, error } = await write(store.timeline());
      if (error !== undefined) await checkPoisoned(store, error);
      const closed = await place.close(store).then(() => undefined, (error: unknown) => error);
      if (error !== undefined) assertInstanceOf(closed, PoisonedError);
      assertEquals([...engine.files], []);
      engine.hook = () => {};
      const found = (await place.open()).timeline();
      assert(found.lastLsn >= durable, `${found.lastLsn} LSNs are left, ${durable} were durable`);
      if (error === undefined && closed === undefined) assertEquals(found.lastLsn, batches);
      await checkValues(found);
      return reached();
    });
  });

  Deno.test(`Store.close() ends and releases everything when the disk is full from any ${operation} on`, async () => {
    await sweep(async (place, engine, nth) => {
      const store = await place.open();
      const timeline = store.timeline();
      for (let i = 0; i < 12; i++) await timeline.append([{ key: `k${i}`, value: patterned(valueBytes, i) }]);
      const reached = failNth(engine, operation, nth, "ENOSPC", true);
      await place.close(store).catch((error: unknown) => {
        assert(error instanceof PoisonedError || error instanceof IoError, `${error}`);
      });
      const durable = timeline.durableLsn;
      assertEquals([...engine.files], []);
      const isReached = reached();
      await place.open().then((again) => place.close(again)).catch((error: unknown) => {
        assert(error instanceof PoisonedError || error instanceof IoError, `${error}`);
      });
      assertEquals([...engine.files], []);
      engine.hook = () => {};
      const found = (await place.open()).timeline();
      assert(found.lastLsn >= durable);
      await checkValues(found);
      return isReached;
    });
  });

  Deno.test(`Store.open() rejects and releases everything when any ${operation} fails`, async () => {
    await using original = await Place.make({
      segmentBytes: 64 * 1024,
      ioMode: "buffered",
      ioEngine: "node",
    });
    const first = await original.open();
    for (let i = 0; i < 5; i++) {
      await first.timeline().append([{ key: `k${i}`, value: patterned(valueBytes, i) }], { sync: true });
    }
    await sweep(async (_, engine, nth) => {
      await using copied = await original.copy();
      const place = new Place(copied.path, { ioEngine: engine });
      const reached = failNth(engine, operation, nth, "EIO");
      const failed = await place.open().then((store) => place.close(store)).then(() => false, () => true);
      assertEquals([...engine.files], []);
      assert(failed || !reached() || operation === "allocate");
      engine.hook = () => {};
      const store = await place.open();
      await checkValues(store.timeline());
      assertEquals(store.timeline().lastLsn, 5);
      await place.close(store);
      return reached();
    });
  });
}

// A sync that failed is never tried again, whatever the reason.
for (const operation of operations.filter((name) => !/sync|truncate/.test(name))) {
  Deno.test(`Timeline goes on after a full disk when any ${operation} finds one`, async () => {
    await sweep(async (place, engine, nth) => {
      const store = await place.open();
      const timeline = store.timeline();
      const reached = failNth(engine, operation, nth, "ENOSPC", true);
      const { error } = await write(timeline);
      if (error !== undefined) {
        assertInstanceOf(error, IoError);
        assertEquals(error.code, "ENOSPC");
      }
      await checkValues(timeline);
      engine.hook = () => {};
      await timeline.sync();
      for (let i = timeline.lastLsn; i < batches; i++) {
        await timeline.append([{ key: `k${i}`, value: patterned(valueBytes, i) }]);
      }
      await timeline.freeze();
      assertEquals(timeline.durableLsn, batches);
      await place.close(store);
      assertEquals([...engine.files], []);
      const found = (await place.open()).timeline();
      assertEquals(found.lastLsn, batches);
      await checkValues(found);
      return reached();
    });
  });
}

Deno.test("Timeline reads what was appended when its write is held, and after it failed", async () => {
  await inPlace(async (place, engine) => {
    const store = await place.open();
    const timeline = store.timeline();
    const gate = new Gate();
    engine.hook = async (operation, path) => {
      if (operation !== "write" || !path.endsWith(".seg")) return;
      await gate.wait();
      throw errno("EIO", operation, path);
    };
    await timeline.append([{ key: "k0", value: patterned(valueBytes, 0) }]);
    const synced = timeline.sync().catch((error: unknown) => error);
    await gate.reached;
    await checkValues(timeline);
    gate.open();
    assertInstanceOf(await synced, PoisonedError);
    await checkValues(timeline);
    await assertRejects(() => place.close(store), PoisonedError);
  });
});

Deno.test("Timeline counts nothing as durable whose segment is not in a durable manifest", async () => {
  await inPlace(async (place, engine) => {
    const timeline = (await place.open()).timeline();
    const gate = new Gate();
    engine.hook = (operation, path) =>
      operation === "write" && /manifest/.test(path) ? gate.wait() : undefined;
    await timeline.append([{ key: "k0", value: patterned(valueBytes, 0) }]);
    const synced = timeline.sync();
    await gate.reached;
    assertEquals(timeline.durableLsn, 0);
    gate.open();
    assertEquals(await synced, 1);
  });
});

Deno.test("Store.createTimeline() makes the timeline at the next try when the disk was full", async () => {
  await inPlace(async (place, engine) => {
    const store = await place.open();
    failNth(engine, "write", 1, "ENOSPC");
    await assertRejects(() => store.createTimeline("side"), IoError, "ENOSPC");
    assertEquals(store.timelines().map(({ name }) => name), ["main"]);
    const side = await store.createTimeline("side");
    await side.append([{ key: "a", value: "1" }]);
    await place.close(store);
    assertEquals((await place.open()).timeline("side").lastLsn, 1);
  });
});

Deno.test("Store.createTimeline() opens a timeline that was made before and could not be opened then", async () => {
  await inPlace(async (place, engine) => {
    const store = await place.open();
    failNth(engine, "list", 1, "EIO");
    await assertRejects(() => store.createTimeline("side"), IoError, "EIO");
    engine.hook = () => {};
    const side = await store.createTimeline("side");
    assertEquals(await side.append([{ key: "a", value: "1" }], { sync: true }), 1);
    await assertRejects(() => store.createTimeline("side"), Deno.errors.AlreadyExists);
    await place.close(store);
    assertEquals((await place.open()).timelines().map(({ name }) => name), ["main", "side"]);
  });
});

Deno.test("Store.close() waits when a timeline is being made", async () => {
  await inPlace(async (place, engine) => {
    const store = await place.open();
    const gate = new Gate();
    engine.hook = (operation) => operation === "makeDirectory" ? gate.wait() : undefined;
    const made = store.createTimeline("side");
    await gate.reached;
    let isClosed = false;
    const closed = place.close(store).then(() => isClosed = true);
    gate.open();
    await made;
    assertEquals(isClosed, false);
    await closed;
    assertEquals((await place.open()).timelines().map(({ name }) => name), ["main", "side"]);
  });
});
