/** Sealing: what was in memory is in the layer, and readers find each version in exactly one of the two. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { IoError, type Lsn, PoisonedError } from "../../../src/base/mod.ts";
import type { Change } from "../../../src/segment/mod.ts";
import { Random, seeds } from "../../random.ts";
import { errno, Gate, type Operation } from "../../store/hooked_engine.ts";
import { HookedSim } from "../hooked_sim.ts";
import { changesOf, WriterFixture } from "../write/writer_fixture.ts";
import { SimEngine } from "../../../src/sim/mod.ts";

const KiB = 1024;
const settings = { segmentBytes: 1024 * KiB };

/** The batches of one segment, of which each has the LSN after that of the one before it. */
type Batches = readonly (readonly Change[])[];

function put(key: string, value: string | Uint8Array = key): Change {
  return { key, value };
}

function gone(key: string): Change {
  return { key, delete: true };
}

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

const layers: Readonly<Record<string, Batches>> = {
  "one key": [[put("a")]],
  "batches without changes alone": [[], [], []],
  "empty values": [[put("a", ""), put("b", "")], [put("a", "1"), put("b", "")], [put("a", "")]],
  "tombstones alone": [[gone("a")], [gone("b")], [gone("a")]],
  "keys that come and go": times(60, (i) => [i % 2 === 0 ? put("a", `${i}`) : gone("a"), put(`b${i % 7}`)]),
  "a thousand versions of one key": times(1000, (i) => [i % 10 === 9 ? gone("hot") : put("hot", `${i}`)]),
  "versions of one key between two others": [
    [put("a"), put("c")],
    ...times(700, (i) => [put("b", `${i}`)]),
    [put("a", ""), gone("c")],
  ],
  "many keys in one batch, in no order": [times(3000, (i) => put(`k${i * 7919 % 3000}`))],
  "a key that a batch changes more than once": [[put("a", "1"), gone("a"), put("a", "2")], [
    put("a"),
    gone("a"),
  ]],
  "the longest keys": times(40, (i) => [put("x".repeat(509) + String(100 + i))]),
  "values larger than buffers": times(4, (i) => [put(`k${i}`, new Uint8Array(100 * KiB).fill(i))]),
};

/** What reads say of every LSN. */
interface Reads {
  readonly scans: unknown[];
  readonly gets: unknown[];
  readonly histories: unknown[];
}

function keysOf(batches: Batches): string[] {
  return [...new Set(batches.flat().map(({ key }) => key as string))].concat("absent");
}

/** Reads a timeline as of some LSNs, the first and the last among them. */
async function readAll({ timeline }: WriterFixture, keys: readonly string[]): Promise<Reads> {
  const { lastLsn } = timeline;
  const step = Math.max(1, Math.floor(lastLsn / 10));
  const scans: unknown[] = [], gets: unknown[] = [], histories: unknown[] = [];
  for (let lsn = lastLsn; lsn >= 0; lsn -= step) {
    scans.push(await Array.fromAsync(timeline.scan({}, { lsn })));
    scans.push(await Array.fromAsync(timeline.scan({ reverse: true }, { lsn })));
    gets.push(await timeline.getMany(keys, { lsn }));
  }
  for (const key of keys.slice(-20)) histories.push(await Array.fromAsync(timeline.history(key)));
  return { scans, gets, histories };
}

for (const [words, batches] of Object.entries(layers)) {
  Deno.test(`sealLayer() of ${words} keeps every version`, async () => {
    const memory = new SimEngine();
    const t = await WriterFixture.open(memory, { settings, bufferBytes: 32 * KiB });
    for (const changes of batches) t.append(...changes);
    const keys = keysOf(batches);
    const before = await readAll(t, keys);
    const [open] = t.timeline.layers();
    await t.writer.freeze();
    assertEquals(await readAll(t, keys), before);
    const [sealed, ...others] = t.timeline.layers();
    assertEquals(others, []);
    for (const count of ["firstLsn", "lastLsn", "versions", "tombstones", "keys", "path"] as const) {
      assertEquals(sealed[count], open[count], count);
    }
    assertEquals([sealed.kind, memory.disk.contents(sealed.path).length], ["L0", sealed.byteLength]);
    await t.close();
    const again = await WriterFixture.open(memory, { settings });
    assertEquals(await readAll(again, keys), before);
    await again.close();
  });
}

Deno.test("sealLayer() of random batches keeps every version", async () => {
  for (const seed of seeds("seal", 6)) {
    const random = new Random(seed);
    const batches = times(random.from(1, 400), () =>
      times(random.below(6), () => {
        const key = `k${random.below(random.pick([3, 50, 1000]))}`;
        return random.once(5) ? gone(key) : put(key, random.bytes(random.below(random.pick([1, 30, 900]))));
      }));
    const t = await WriterFixture.open(new SimEngine());
    for (const changes of batches) {
      t.append(...changes);
      await t.writer.makeRoom();
    }
    const keys = keysOf(batches);
    const before = await readAll(t, keys);
    await t.writer.freeze();
    assertEquals(await readAll(t, keys), before);
    await t.close();
  }
});

/** The LSNs of the layers that readers are given, oldest first. */
function spans({ writer: { layers: { map } } }: WriterFixture): [firstLsn: Lsn, lastLsn: Lsn][] {
  const layers = [...map.memory, ...[...map.stored()].map(({ description }) => description)];
  return layers.map(({ firstLsn, lastLsn }): [Lsn, Lsn] => [firstLsn, lastLsn]).sort(([a], [b]) => a - b);
}

Deno.test("Sealing leaves every version in memory or in a stored layer, never in both or in neither", async () => {
  const engine = new HookedSim();
  const t = await WriterFixture.open(engine);
  const kinds = new Set<string>();
  let reads = Promise.resolve();
  engine.hook = (operation) => {
    let next = 1;
    for (const [firstLsn, lastLsn] of spans(t)) {
      assertEquals(firstLsn, next, `behind LSN ${next - 1} at a ${operation}`);
      next = lastLsn + 1;
    }
    assertEquals(next, t.writer.lastLsn + 1);
    const { map, frozenCount } = t.writer.layers;
    assert(map.storedCount === t.writer.counters.seals && map.memory.length - frozenCount <= 1);
    if (operation === "read") return;
    kinds.add(operation);
    reads = reads.then(() => t.assertMade());
  };
  for (let i = 0; i < 60; i++) {
    await t.appendNext();
    if (i % 7 === 0) await t.writer.sync();
    if (i % 20 === 0) await t.writer.freeze();
  }
  await t.writer.freeze();
  engine.hook = () => {};
  await reads;
  assert(kinds.has("truncate") && kinds.has("sync") && t.writer.counters.seals > 3);
  await t.close();
});

Deno.test("Sealing publishes a layer only when the manifest that names it is durable", async () => {
  const engine = new HookedSim();
  const t = await WriterFixture.open(engine);
  await t.appendNext();
  await t.writer.sync();
  const gate = new Gate();
  engine.hook = (operation, path) =>
    operation === "write" && path.includes("manifest") ? gate.wait() : undefined;
  const frozen = t.writer.freeze();
  await gate.reached;
  assertEquals([t.writer.layers.map.storedCount, t.writer.layers.map.memory.length, t.state.layers.length], [
    0,
    1,
    0,
  ]);
  const crashed = await WriterFixture.open(new SimEngine({ disk: engine.disk.clone() }));
  await crashed.assertMade();
  assertEquals(crashed.writer.lastLsn, 1);
  await crashed.close();
  gate.open();
  await frozen;
  assertEquals([t.writer.layers.map.storedCount, t.writer.layers.map.memory.length, t.state.layers.length], [
    1,
    0,
    1,
  ]);
  await t.close();
});

Deno.test("Sealing names a layer in the manifest only when all of it is durable", async () => {
  const engine = new HookedSim();
  const t = await WriterFixture.open(engine);
  await t.appendNext();
  await t.writer.sync();
  const gate = new Gate();
  engine.hook = (operation, path) => operation === "sync" && path.endsWith(".seg") ? gate.wait() : undefined;
  const frozen = t.writer.freeze();
  await gate.reached;
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(t.state.layers.length, 0);
  gate.open();
  await frozen;
  assertEquals(t.state.layers.length, 1);
  await t.close();
});

/**
 * Has sealing fail at an operation; four batches are durable before, and there is one more, whose index does not fit
 * the buffers.
 */
async function sealFailing(engine: HookedSim, operation: Operation, path: string, code: string) {
  const t = await WriterFixture.open(engine, { settings });
  for (let i = 0; i < 4; i++) await t.appendNext();
  await t.writer.sync();
  engine.hook = (asked, at) => {
    if (asked === operation && at.includes(path)) throw errno(code, operation, at);
  };
  t.append(...changesOf(5), ...times(3000, (i) => put(`x${i}`)));
  return t;
}

const steps: readonly [operation: Operation, path: string][] = [
  ["write", ".seg"],
  ["truncate", ".seg"],
  ["write", "manifest"],
];

for (const [operation, path] of steps) {
  Deno.test(`Sealing waits when a ${operation} of the ${path} finds a full disk, and comes to the same layer`, async () => {
    const engine = new HookedSim();
    const t = await sealFailing(engine, operation, path, "ENOSPC");
    for (let i = 0; i < 3; i++) {
      await assertRejects(() => t.writer.freeze(), IoError, "ENOSPC");
      assertEquals([t.writer.layers.frozenCount, t.writer.layers.map.storedCount], [1, 0]);
      await t.assertMade();
    }
    engine.hook = () => {};
    t.writer.health.retry();
    await t.writer.freeze();
    const [{ firstLsn, lastLsn, versions }, ...others] = t.timeline.layers();
    assertEquals([firstLsn, lastLsn, versions, others.length], [1, 5, 3005, 0]);
    await t.assertMade();
    await t.close();
  });

  Deno.test(`Sealing poisons when a ${operation} of the ${path} fails, and its layer is read from memory`, async () => {
    const engine = new HookedSim();
    const t = await sealFailing(engine, operation, path, "EIO");
    const error = await assertRejects(() => t.writer.freeze(), PoisonedError);
    assertInstanceOf(error.cause, IoError);
    assertEquals([t.writer.layers.frozenCount, t.writer.layers.map.memory.length], [1, 1]);
    await t.assertMade();
    await assertRejects(() => t.close(), PoisonedError);
    assertEquals(engine.openFiles, 0);
    const again = await WriterFixture.open(new SimEngine({ disk: engine.disk }));
    assert(again.writer.lastLsn >= 4);
    await again.close();
  });

  Deno.test(`TimelineWriter.close() leaves a layer to the next opening when a ${operation} of the ${path} finds no room`, async () => {
    const engine = new HookedSim();
    const t = await sealFailing(engine, "write", "nothing", "ENOSPC");
    await t.writer.sync();
    engine.hook = (asked, at) => {
      if (asked === operation && at.includes(path)) throw errno("ENOSPC", operation, at);
    };
    const frozen = t.writer.freeze().catch((error: unknown) => error);
    const closed = t.close();
    // The manifest has no room either to say where the segment ends.
    await (path === "manifest" ? assertRejects(() => closed, IoError, "ENOSPC") : closed);
    assertInstanceOf(await frozen, IoError);
    assertEquals([t.writer.durableLsn, engine.openFiles], [5, 0]);
    const again = await WriterFixture.open(new SimEngine({ disk: engine.disk }));
    assertEquals([again.writer.lastLsn, again.writer.durableLsn], [5, 5]);
    await again.assertMade();
    await again.writer.freeze();
    assertEquals(again.state.layers.map(({ firstLsn, lastLsn }) => [firstLsn, lastLsn]), [[1, 5]]);
    await again.close();
  });
}
