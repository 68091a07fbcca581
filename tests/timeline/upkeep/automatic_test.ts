/** Upkeep that runs by itself on a disk in memory: what it comes to, what ends it early, and what it does about that. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { PoisonedError } from "../../../src/base/mod.ts";
import { systemHost } from "../../../src/io/mod.ts";
import { timeMarkBytes } from "../../../src/layer/mod.ts";
import { SimEngine, SimTime } from "../../../src/sim/mod.ts";
import { errno, Gate, type Operation } from "../../store/hooked_engine.ts";
import { HookedSim } from "../hooked_sim.ts";
import { isSettled, quiet } from "../write/held.ts";
import { Random } from "../../random.ts";
import { directory, WriterFixture } from "../write/writer_fixture.ts";

/** Opens a timeline whose layers are merged by themselves; no time passes but by `time`. */
async function openAutomatic(engine: SimEngine, time: SimTime = new SimTime()): Promise<WriterFixture> {
  const host = { ...systemHost(engine), clock: time, timers: time };
  return await WriterFixture.open(engine, { upkeep: "slices", host });
}

async function addLayers(t: WriterFixture, layers: number): Promise<void> {
  for (let i = 0; i < layers; i++) {
    for (let batch = 0; batch < 5; batch++) await t.appendNext();
    await t.writer.freeze();
  }
}

/** Waits until upkeep does nothing any more. */
async function settled({ writer }: WriterFixture): Promise<string> {
  const isBusy = () => ["merging", "queued"].includes(writer.compactor.status.state);
  for (let i = 0; i < 3; i++) do await quiet(); while (isBusy());
  return writer.compactor.status.state;
}

/** Checks that the files are those that the manifest names, and that no key has more layers than it may. */
function assertInOrder(engine: SimEngine, t: WriterFixture): void {
  const named = [...t.state.layers, ...t.state.segments].map(({ sequence }) => sequence);
  const found = engine.disk.paths().filter((path) => path.startsWith(directory));
  assertEquals(found.map((path) => parseInt(path.split("-")[1], 16)).sort(), named.sort());
  assert(t.writer.compactor.status.level0Layers < 3);
}

/** Opens what is on a disk, and checks that it is whole and comes to an end by itself. */
async function assertOpens(engine: SimEngine, lastLsn: number): Promise<void> {
  const t = await openAutomatic(engine);
  assertEquals(t.writer.lastLsn, lastLsn);
  assertEquals(await settled(t), "idle");
  await t.assertMade();
  assertInOrder(engine, t);
  await t.close();
  assertEquals(engine.openFiles, 0);
}

Deno.test("upkeep merges what is sealed by itself, and what it finds when it is opened", async () => {
  const engine = new SimEngine(), t = await openAutomatic(engine);
  await addLayers(t, 40);
  assertEquals(await settled(t), "idle");
  const { merges, debtBytes, pressure } = t.writer.compactor.status;
  assert(merges > 3 && debtBytes === 0 && pressure === 0);
  assertInOrder(engine, t);
  await t.assertMade();
  await t.close();
  const manual = await WriterFixture.open(engine);
  await addLayers(manual, 5);
  const { length } = manual.state.layers;
  await quiet();
  assertEquals([manual.writer.compactor.status.state, manual.state.layers.length], ["manual", length]);
  await manual.close();
  await assertOpens(engine, 225);
});

Deno.test("upkeep moves what overlaps nothing, and writes nothing for it", async () => {
  const engine = new SimEngine(), t = await openAutomatic(engine);
  for (let i = 0; i < 6; i++) {
    t.append({ key: `${i}`, value: new Uint8Array(28_000) });
    await t.writer.freeze();
  }
  assertEquals(await settled(t), "idle");
  const { merges, moves, mergedBytes } = t.writer.compactor.status;
  assertEquals([merges, moves, mergedBytes], [0, 6, 0]);
  assertEquals(t.timeline.layers().map(({ kind, level }) => [kind, level]), Array(6).fill(["L0", 7]));
  // Who asks for it has them sorted inside too.
  await t.timeline.compact();
  assertEquals(
    new Set(t.timeline.layers().map(({ kind, level }) => `${kind} ${level}`)),
    new Set(["delta 7"]),
  );
  await t.close();
});

Deno.test("upkeep forgets layers without versions, but for one that history ends with", async () => {
  const engine = new SimEngine(), t = await openAutomatic(engine);
  for (let i = 0; i < 5; i++) {
    t.append();
    await t.writer.freeze();
  }
  await settled(t);
  assertEquals(t.state.layers.map(({ lastLsn, versions }) => [lastLsn, versions]), [[5, 0]]);
  await t.close();
  const again = await openAutomatic(engine);
  assertEquals(again.writer.lastLsn, 5);
  again.append({ key: "a", value: "1" });
  await again.writer.freeze();
  await settled(again);
  assertEquals(again.state.layers.map(({ lastLsn, versions }) => [lastLsn, versions]), [[6, 1]]);
  await again.close();
});

Deno.test("upkeep is crashed at any operation, and what is left opens", async () => {
  const engine = new HookedSim(), t = await openAutomatic(engine);
  const left: [SimEngine, number][] = [];
  engine.hook = (operation) => {
    const isMerging = t.writer.compactor.status.state === "merging";
    if (operation === "read" || !isMerging || left.length >= 120) return;
    left.push([new SimEngine({ disk: engine.disk.clone() }), t.writer.durableLsn]);
  };
  await addLayers(t, 7);
  await settled(t);
  engine.hook = () => {};
  assert(left.length > 30, `${left.length} moments`);
  for (const [disk, durableLsn] of left) {
    const again = await openAutomatic(disk);
    assert(again.writer.lastLsn >= durableLsn);
    assertEquals(await settled(again), "idle");
    await again.assertMade();
    assertInOrder(disk, again);
    await again.close();
  }
  await t.close();
});

const steps: readonly [operation: Operation, path: string][] = [
  ["open", ".delta"],
  ["write", ".delta"],
  ["sync", ".delta"],
  ["write", "manifest"],
  ["remove", ".seg"],
];

for (const [operation, path] of steps) {
  Deno.test(`TimelineWriter.close() ends upkeep at a ${operation} of a ${path}, and does not wait for debts`, async () => {
    for (let nth = 1, isReached = true; isReached; nth++) {
      const engine = new HookedSim();
      const before = await WriterFixture.open(engine);
      await addLayers(before, 9);
      await before.close();
      const gate = new Gate();
      let count = 0;
      const t = await openAutomatic(engine);
      engine.hook = (asked, at) =>
        asked === operation && at.includes(path) && ++count === nth ? gate.wait() : undefined;
      isReached = await Promise.race([gate.reached.then(() => true), settled(t).then(() => false)]);
      const closed = t.close();
      await quiet();
      gate.open();
      await closed;
      assertEquals(engine.openFiles, 0);
      await assertOpens(new SimEngine({ disk: engine.disk }), 45);
      if (nth > 12) break;
    }
  });
}

Deno.test("upkeep leaves a damaged layer alone, says so, and does not try it again and again", async () => {
  const engine = new HookedSim();
  const before = await WriterFixture.open(engine);
  await addLayers(before, 6);
  const [, { sequence }] = before.state.layers;
  await before.close();
  const path = engine.disk.paths().filter((path) => path.startsWith(directory))[1];
  const bytes = engine.disk.contents(path), sound = bytes.slice();
  bytes[4096 + 40] ^= 1;
  engine.disk.put(path, bytes);
  const t = await openAutomatic(engine);
  assertEquals(await settled(t), "damaged");
  const { damaged } = t.writer.compactor.status;
  assertEquals(damaged.map((error) => [error.path, error.offset]), [[path, 4096 + timeMarkBytes]]);
  assert(t.state.layers.some((layer) => layer.sequence === sequence));
  let reads = 0;
  engine.hook = (operation, at) => void (operation === "read" && at === path && reads++);
  await addLayers(t, 4);
  await settled(t);
  assertEquals([reads, t.writer.health.state, t.writer.compactor.pressure], [0, "open", 0]);
  await assertRejects(() => t.timeline.compact(), Error, path);
  assert(reads > 0);
  assertEquals(await settled(t), "damaged");
  await t.close();
  // After opening again it is tried again.
  engine.hook = () => {};
  engine.disk.put(path, sound);
  await assertOpens(engine, 50);
});

Deno.test("upkeep takes newer layers past a damaged one that has none of their keys", async () => {
  const engine = new SimEngine(), before = await WriterFixture.open(engine);
  const seal = async (t: WriterFixture, key: string, value: Uint8Array | string) => {
    t.append({ key, value }, { key: `${key}/`, value });
    await t.writer.freeze();
  };
  for (const value of ["1", "2", "3", "4"]) await seal(before, "damaged", value);
  const [, { sequence }] = before.state.layers;
  await before.close();
  const path = engine.disk.paths().filter((path) => path.startsWith(directory))[1];
  const bytes = engine.disk.contents(path), sound = bytes.slice();
  bytes[4096 + timeMarkBytes + 40] ^= 1;
  engine.disk.put(path, bytes);
  const t = await openAutomatic(engine);
  assertEquals(await settled(t), "damaged");
  for (let i = 0; i < 4; i++) await seal(t, "sound", new Uint8Array(3000).fill(i));
  assertEquals(await settled(t), "damaged");
  const left = t.state.layers.filter(({ level }) => level === 0);
  const keys = Map.groupBy(left, ({ firstKey }) => new TextDecoder().decode(firstKey));
  assertEquals(keys.get("damaged")?.length, 3);
  assert((keys.get("sound")?.length ?? 0) < 3, "those of other keys are taken down");
  assertEquals((await t.timeline.get("sound"))?.[0], 3);
  assert(t.state.layers.some((layer) => layer.sequence === sequence));
  await t.close();
  // What was left out is taken down once it is sound, to under what passed it.
  engine.disk.put(path, sound);
  const again = await openAutomatic(engine);
  for (const value of ["5", "6"]) await seal(again, "damaged", value);
  assertEquals(await settled(again), "idle");
  assertInOrder(engine, again);
  const versions = await Array.fromAsync(again.timeline.history("damaged"));
  assertEquals(versions.map(({ lsn }) => lsn), [1, 2, 3, 4, 9, 10]);
  await again.close();
});

for (const code of ["ENOSPC", "EIO"]) {
  Deno.test(`upkeep waits when an output meets ${code}, appends go on, and it goes on later by itself`, async () => {
    const engine = new HookedSim(), time = new SimTime(), t = await openAutomatic(engine, time);
    engine.hook = (operation, path) => {
      if (operation === "write" && path.endsWith(".delta")) throw errno(code, operation, path);
    };
    await addLayers(t, 6);
    const state = code === "EIO" ? "failed" : "full";
    assertEquals(await settled(t), state);
    const { error, retryMilliseconds, merges } = t.writer.compactor.status;
    assert(error?.includes(code) && retryMilliseconds === 1000 && merges === 0, error);
    assertEquals(engine.disk.paths().filter((path) => path.endsWith(".delta")), []);
    // Nothing is tried before its time, then once; the next wait is longer.
    let tries = 0;
    engine.hook = (operation, path) => {
      if (operation !== "write" || !path.endsWith(".delta")) return;
      tries++;
      throw errno(code, operation, path);
    };
    await addLayers(t, 2);
    assertEquals([await settled(t), tries, time.monotonic()], [state, 0, 0]);
    time.fire();
    assertEquals([await settled(t), time.monotonic()], [state, 1000]);
    assert(tries > 0);
    assertEquals(t.writer.compactor.status.retryMilliseconds, 2000);
    assertEquals([t.writer.health.state, t.writer.compactor.pressure], ["open", 0]);
    engine.hook = () => {};
    time.fire();
    assertEquals([await settled(t), time.monotonic()], ["idle", 3000]);
    const after = t.writer.compactor.status;
    assertEquals([after.error, after.merges > 0, after.failures], [undefined, true, 2]);
    assertInOrder(engine, t);
    await t.assertMade();
    await t.close();
    await assertOpens(engine, 40);
  });
}

for (const fails of [true, false]) {
  Deno.test(`upkeep counts a merge that ${fails ? "fails" : "is stopped"} while the timeline is closed ${fails ? "as a failure" : "as none"}`, async () => {
    const engine = new HookedSim(), t = await openAutomatic(engine);
    let closing: Promise<void> | undefined;
    engine.hook = (operation, path) => {
      if (operation !== "sync" || !path.endsWith(".delta") || closing !== undefined) return;
      closing = t.close();
      if (fails) throw errno("EIO", operation, path);
    };
    await addLayers(t, 6);
    await settled(t);
    assert(closing !== undefined, "no merge was closed");
    await closing;
    const { state, failures, merges } = t.writer.compactor.status;
    assertEquals([state, failures, merges], ["ended", fails ? 1 : 0, 0]);
    assertEquals(engine.disk.paths().filter((path) => path.endsWith(".delta")), []);
    await assertOpens(engine, 30);
  });
}

Deno.test("upkeep begins no merge that leaves no room for appends, says so, and goes on when there is some", async () => {
  const engine = new SimEngine(), time = new SimTime(), before = await WriterFixture.open(engine);
  await addLayers(before, 6);
  const { segmentBytes } = before.context.settings;
  await before.close();
  const { disk } = engine, bytesOf = (path: string) => disk.contents(path).length;
  const taken = disk.paths().reduce((sum, path) => sum + bytesOf(path), 0);
  // The merge alone would fit, but not beside two segments.
  disk.capacity = taken + Math.round(2 * segmentBytes + 6 * segmentBytes / 4);
  const t = await openAutomatic(engine, time);
  assertEquals(await settled(t), "full");
  const { error, merges, retryMilliseconds } = t.writer.compactor.status;
  assert(error?.includes(`and ${2 * segmentBytes} for appends, found`), error);
  assertEquals([merges, retryMilliseconds, t.writer.health.state], [0, 1000, "open"]);
  assertEquals(disk.paths().filter((path) => path.endsWith(".delta")), []);
  // Nobody who appends is refused, or waits.
  for (let i = 0; i < 9; i++) await t.appendNext();
  await t.writer.freeze();
  time.fire();
  assertEquals([await settled(t), t.writer.compactor.pressure], ["full", 0]);
  disk.capacity += 20 * segmentBytes;
  time.fire();
  assertEquals(await settled(t), "idle");
  assertEquals(t.writer.compactor.status.error, undefined);
  assertInOrder(engine, t);
  await t.assertMade();
  await t.close();
});

Deno.test("upkeep does smaller merges where one that is planned finds no room, and leaves as much for appends", async () => {
  const engine = new HookedSim(), before = await WriterFixture.open(engine);
  await addLayers(before, 12);
  const { segmentBytes } = before.context.settings, { length } = before.state.layers;
  await before.close();
  const { disk } = engine;
  const taken = () => disk.paths().reduce((sum, path) => sum + disk.contents(path).length, 0);
  disk.capacity = taken() + 5 * segmentBytes;
  let least = Infinity;
  engine.hook = (operation, path) => {
    if (operation === "sync" && path.endsWith(".delta")) least = Math.min(least, disk.capacity - taken());
  };
  const t = await openAutomatic(engine);
  await settled(t);
  const { merges } = t.writer.compactor.status;
  assert(merges > 0 && t.state.layers.length < length, `${merges} merges`);
  assert(least >= 2 * segmentBytes, `${least} bytes were left`);
  await t.assertMade();
  await t.close();
});

Deno.test("upkeep goes on as soon as a full disk of its timeline has room again", async () => {
  const engine = new HookedSim(), t = await openAutomatic(engine);
  await addLayers(t, 2);
  await settled(t);
  let isFull = true;
  engine.hook = (operation, path) => {
    if (operation === "write" && isFull) throw errno("ENOSPC", operation, path);
  };
  t.append({ key: "a", value: new Uint8Array(9000) });
  await assertRejects(() => t.writer.sync());
  t.writer.compactor.wake();
  assertEquals([await settled(t), t.writer.health.state], ["idle", "full"]);
  isFull = false;
  await t.writer.sync();
  await addLayers(t, 3);
  assertEquals(await settled(t), "idle");
  assertInOrder(engine, t);
  await t.close();
});

Deno.test("upkeep poisons writing when its commit fails, and reads go on", async () => {
  const engine = new HookedSim(), t = await openAutomatic(engine);
  const gate = new Gate();
  let isOpen = false;
  engine.hook = async (operation, path) => {
    if (operation === "open" && path.endsWith(".delta")) await gate.wait();
    if (operation === "write" && path.includes("manifest") && isOpen) throw errno("EIO", operation, path);
  };
  await addLayers(t, 7);
  await gate.reached;
  isOpen = true;
  gate.open();
  assertEquals(await settled(t), "ended");
  engine.hook = () => {};
  assertEquals(t.writer.health.state, "poisoned");
  await assertRejects(() => t.timeline.append([{ key: "a", value: "1" }]), PoisonedError);
  await t.assertMade();
  await assertRejects(() => t.close(), PoisonedError);
  await assertOpens(new SimEngine({ disk: engine.disk }), 35);
});

Deno.test("upkeep keeps the order of history while layers are sealed beside its merges", async () => {
  const engine = new HookedSim(), t = await openAutomatic(engine);
  const encoder = new TextEncoder();
  let added = 0;
  engine.hook = async (operation, path) => {
    if (operation !== "open" || !path.endsWith(".delta") || added >= 12) return;
    added++;
    t.append({ key: "same", value: `${t.writer.lastLsn + 1}` });
    await t.writer.freeze();
  };
  for (let i = 0; i < 12; i++) {
    t.append({ key: "same", value: `${t.writer.lastLsn + 1}` }, { key: `k${i}`, value: new Uint8Array(900) });
    await t.writer.freeze();
    if (i % 3 === 2) await settled(t);
  }
  engine.hook = () => {};
  assertEquals(await settled(t), "idle");
  assert(added > 2, `${added} were sealed beside merges`);
  const { lastLsn } = t.writer;
  for (let lsn = 1; lsn <= lastLsn; lsn++) {
    assertEquals(await t.timeline.get("same", { lsn }), encoder.encode(`${lsn}`));
  }
  const versions = await Array.fromAsync(t.timeline.history("same"));
  assertEquals(versions.map(({ lsn }) => lsn), Array.from({ length: lastLsn }, (_, i) => i + 1));
  await t.timeline.compact();
  assertEquals(await t.timeline.get("same", { lsn: 3 }), encoder.encode("3"));
  await t.close();
});

/** Seals so many layers over one key; nobody waits for room. */
async function pile(t: WriterFixture, layers: number): Promise<void> {
  for (let i = 0; i < layers; i++) {
    t.append({ key: "a", value: new Uint8Array(500) }, { key: "z", value: "" });
    await t.writer.freeze();
  }
}

Deno.test("upkeep that lags behind slows appends, then holds them until a job has ended", async () => {
  const engine = new HookedSim(), time = new SimTime(), t = await openAutomatic(engine, time);
  const gate = new Gate();
  engine.hook = (operation, path) =>
    operation === "open" && path.endsWith(".delta") ? gate.wait() : undefined;
  await pile(t, 20);
  t.append({ key: "b", value: new Uint8Array(1 << 20) });
  await t.writer.makeRoom();
  assertEquals(t.writer.counters.slowedAppends, 0);
  await t.writer.freeze();
  await pile(t, 2);
  t.append({ key: "b", value: new Uint8Array(1 << 20) });
  const slowed = t.writer.makeRoom();
  assert(slowed !== undefined && !await isSettled(slowed));
  time.fire();
  await slowed;
  assert(t.writer.counters.slowedMilliseconds >= 15);
  await pile(t, 20);
  assert(t.writer.compactor.status.pressure >= 11);
  const held = t.writer.makeRoom();
  assert(held !== undefined && !await isSettled(held));
  gate.open();
  // What is left of the debt may slow it still.
  while (!await isSettled(held)) time.fire();
  assertEquals(t.writer.counters.heldAppends, 1);
  engine.hook = () => {};
  assertEquals(await settled(t), "idle");
  await t.close();
});

Deno.test("upkeep holds nobody back while it waits for something itself, and never where it is called for", async () => {
  const engine = new HookedSim(), time = new SimTime(), t = await openAutomatic(engine, time);
  engine.hook = (operation, path) => {
    if (operation === "write" && path.endsWith(".delta")) throw errno("EIO", operation, path);
  };
  await pile(t, 40);
  assertEquals(await settled(t), "failed");
  assert(t.writer.compactor.status.pressure >= 11);
  t.append({ key: "b", value: new Uint8Array(1 << 20) });
  await t.writer.makeRoom();
  const { slowedAppends, heldAppends } = t.writer.counters;
  assertEquals([t.writer.compactor.pressure, slowedAppends, heldAppends], [0, 0, 0]);
  engine.hook = () => {};
  await t.close();
  const manual = await WriterFixture.open(new SimEngine());
  await pile(manual, 40);
  // It may wait for a turn of the event loop, and for nothing else.
  await manual.writer.makeRoom();
  const { slowedAppends: slowed, heldAppends: held } = manual.writer.counters;
  assertEquals([manual.writer.compactor.status.state, slowed, held], ["manual", 0, 0]);
  await manual.close();
});

Deno.test("upkeep sorts large segments where they stand, and merges many of them at once", async () => {
  const engine = new SimEngine(), time = new SimTime(), segmentBytes = 9 * 2 ** 20;
  const host = { ...systemHost(engine), clock: time, timers: time };
  const t = await WriterFixture.open(engine, { upkeep: "slices", host, settings: { segmentBytes } });
  const value = new Uint8Array(2 ** 20), random = new Random(7);
  const levels = () => t.state.layers.map(({ kind, level }) => `${kind} ${level}`).join();
  for (let segment = 0; segment < 5; segment++) {
    // While something is appended nothing is at rest.
    for (let i = 0; i < 8; i++) t.append({ key: `${random.below(1e9)}`, value });
    await t.writer.freeze();
    t.append({ key: "x", value: "" });
    assertEquals(await settled(t), "idle");
  }
  const found = levels();
  assert(!found.includes("L0") && found.split(",").filter((at) => at === "delta 0").length > 3, found);
  await t.writer.freeze();
  assertEquals(await settled(t), "idle");
  assert(levels().split(",").every((at) => at === "delta 7"), levels());
  await t.close();
});
