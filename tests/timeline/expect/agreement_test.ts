/** Appending on condition: when it is applied, whatever comes between, and that nothing is applied otherwise. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  Batch,
  ConflictError,
  type Expectation,
  IoError,
  LimitError,
  PoisonedError,
  type Timeline,
} from "../../../mod.ts";
import { errno } from "../../store/hooked_engine.ts";
import { NewestVersions } from "../../../src/timeline/expect/newest_versions.ts";
import { HookedSim } from "../hooked_sim.ts";
import { isSettled, quiet, test } from "../write/held.ts";
import { WriterFixture } from "../write/writer_fixture.ts";
import { holdRead, makeCold } from "./held_reads.ts";

const text = new TextDecoder();

async function valueOf(timeline: Timeline, key: string): Promise<string | undefined> {
  const value = await timeline.get(key);
  return value && text.decode(value);
}

function append(timeline: Timeline, value: string, ...expect: Expectation[]): Promise<number> {
  return timeline.append([{ key: "new", value }], { expect });
}

test("Timeline.append() is applied in the turn of the call where memory tells that its expectations are met", async ({ timeline, writer }) => {
  void timeline.append([{ key: "a", value: "1" }, { key: "b", value: "1" }]);
  const both = [{ key: "a", lsn: 1 }, { key: "b", lsn: 1 }];
  const first = append(timeline, "open", ...both);
  assertEquals(timeline.lastLsn, 2);
  const frozen = timeline.freeze();
  const second = append(timeline, "frozen", ...both);
  assertEquals([timeline.lastLsn, writer.layers.frozenCount], [3, 1]);
  await frozen;
  await Promise.all(["a", "absent"].map((key) => timeline.get(key)));
  const third = append(timeline, "sealed", both[0], { key: "absent", lsn: undefined });
  assertEquals(timeline.lastLsn, 4);
  assertEquals(await Promise.all([first, second, third]), [2, 3, 4]);
});

test("Timeline.append() refuses the second of two that expect the same in one turn", async ({ timeline }) => {
  await timeline.append([{ key: "a", value: "1" }]);
  const expect = [{ key: "a", lsn: 1 }];
  const [first, second] = [2, 3].map((value) =>
    timeline.append([{ key: "a", value: `${value}` }], { expect })
  );
  assertEquals([timeline.lastLsn, await first], [2, 2]);
  const error = await assertRejects(() => second, ConflictError);
  assertEquals([text.decode(error.key), error.expected, error.found, error.appliedLsn], [
    "a",
    1,
    2,
    undefined,
  ]);
  assertEquals([timeline.lastLsn, await valueOf(timeline, "a")], [2, "2"]);
});

test(
  "Timeline.append() reads what memory does not tell beside other appends, and keeps the batch meanwhile",
  async (t, engine) => {
    const { timeline } = t;
    await makeCold(t);
    const gate = holdRead(engine);
    const batch = new Batch().put("new", "kept"), key = new TextEncoder().encode("old");
    const held = timeline.append(batch, { expect: [{ key, lsn: 1 }, { key: "gone", lsn: 2 }] });
    batch.clear().put("other", "x");
    key.fill(0);
    await gate.reached;
    assertEquals(await timeline.append([{ key: "beside", value: "1" }]), 3);
    assertEquals([await isSettled(held), timeline.lastLsn], [false, 3]);
    gate.open();
    assertEquals([await held, await valueOf(timeline, "new"), await timeline.get("other")], [
      4,
      "kept",
      undefined,
    ]);
    assertEquals(t.context.views.count, 0);
  },
);

/** What happens while the newest version of `old` is looked up, and whether the key has another one then. */
const between: readonly [words: string, does: (timeline: Timeline) => Promise<unknown>, moves: boolean][] = [
  ["nothing", () => Promise.resolve(), false],
  ["another key is written", (t) => t.append([{ key: "other", value: "2" }]), false],
  ["what was open is sealed", (t) => t.freeze(), false],
  ["another key is written and sealed", async (t) => {
    await t.append([{ key: "other", value: "2" }]);
    await t.freeze();
  }, false],
  ["the key is written", (t) => t.append([{ key: "old", value: "2" }]), true],
  ["the key is deleted", (t) => t.append([{ key: "old", delete: true }]), true],
  ["the key is written to what was open, which is sealed", async (t) => {
    await t.append([{ key: "old", value: "2" }]);
    await t.freeze();
  }, true],
  ["the key is written to what was opened since, which is sealed", async (t) => {
    await t.freeze();
    await t.append([{ key: "old", value: "2" }]);
    await t.freeze();
    await t.append([{ key: "other", value: "2" }]);
  }, true],
  ["the key is written, and much else is sealed behind it", async (t) => {
    await t.append([{ key: "old", value: "2" }]);
    for (let i = 0; i < 3; i++) {
      await t.append([{ key: `other${i}`, value: "2" }]);
      await t.freeze();
    }
  }, true],
  ["the key is written and deleted, both sealed apart", async (t) => {
    await t.append([{ key: "old", value: "2" }]);
    await t.freeze();
    await t.append([{ key: "old", delete: true }]);
    await t.freeze();
  }, true],
];

for (const [words, does, moves] of between) {
  test(`Timeline.append() is exact when it looks keys up and meanwhile: ${words}`, async (t, engine) => {
    const { timeline } = t;
    await makeCold(t);
    await timeline.append([{ key: "open", value: "1" }]);
    const gate = holdRead(engine);
    // The second is in memory when the lookup begins.
    const held = append(timeline, "held", { key: "old", lsn: 1 }, { key: "open", lsn: 3 });
    held.catch(() => {});
    await gate.reached;
    await does(timeline);
    const { lastLsn } = timeline;
    assertEquals(await isSettled(held), false);
    gate.open();
    const error = await held.then(() => undefined, (reason) => reason);
    assertEquals(error instanceof ConflictError, moves, `${error}`);
    assertEquals(timeline.lastLsn, lastLsn + (moves ? 0 : 1));
    assertEquals(await valueOf(timeline, "new"), moves ? undefined : "held");
    assertEquals([t.context.views.count, t.context.meters.conflicts], [0, moves ? 1 : 0]);
  });
}

test("TimelineLayers.inMemory() has every batch since a view began, whatever was sealed and merged since", async (t) => {
  const { timeline, context: { views }, writer: { layers } } = t;
  await timeline.append([{ key: "k1", value: "" }]);
  const view = views.open(layers.map, 1);
  for (let i = 2; i < 6; i++) {
    await timeline.append([{ key: `k${i}`, value: "" }]);
    if (i % 2 === 0) await timeline.freeze();
    if (i === 4) await timeline.compact();
  }
  const keys = ["k1", "k2", "k3", "k4", "k5"].map((key) => new TextEncoder().encode(key));
  const newest = () => {
    const versions = new NewestVersions(keys);
    versions.learnFrom(layers.inMemory(), 0);
    return keys.map((_, i) => versions.lsnOf(i));
  };
  assertEquals([layers.map.memory.length, newest()], [1, [1, 2, 3, 4, 5]]);
  view[Symbol.dispose]();
  await quiet();
  assertEquals([layers.inMemory(), newest()], [[...layers.map.memory], [0, 0, 0, 0, 5]]);
});

test(
  "Timeline.append() is exact about a key that was in memory when others were looked up",
  async (t, engine) => {
    const { timeline } = t;
    await makeCold(t);
    await timeline.append([{ key: "open", value: "1" }]);
    const gate = holdRead(engine);
    const held = append(timeline, "held", { key: "old", lsn: 1 }, { key: "open", lsn: 3 });
    await gate.reached;
    await timeline.append([{ key: "open", value: "2" }]);
    await timeline.freeze();
    gate.open();
    const error = await assertRejects(() => held, ConflictError);
    assertEquals([text.decode(error.key), error.expected, error.found], ["open", 3, 4]);
  },
);

test("Timeline.append() applies one of many that expect the same of a key on disk", async (t, engine) => {
  const { timeline } = t;
  await makeCold(t);
  const gate = holdRead(engine);
  const all = Array.from(
    { length: 20 },
    (_, i) =>
      timeline.append([{ key: "old", value: `by ${i}` }], {
        expect: [{ key: "old", lsn: 1 }],
        sync: i % 2 === 0,
      }),
  );
  gate.open();
  const results = await Promise.allSettled(all);
  assertEquals(results.filter(({ status }) => status === "fulfilled").length, 1);
  for (const result of results) {
    if (result.status === "rejected") assertInstanceOf(result.reason, ConflictError);
  }
  assertEquals([timeline.lastLsn, t.context.meters.conflicts], [3, 19]);
});

test(
  "Timeline.append() takes its LSN when it is applied, and is durable then if it is asked to",
  async (t, engine) => {
    const { timeline } = t;
    await makeCold(t);
    const gate = holdRead(engine), expect = [{ key: "old", lsn: 1 }];
    const taken = timeline.append([], { expect, lsn: 3 });
    const free = timeline.append([{ key: "new", value: "1" }], { expect, lsn: 9, sync: true });
    await gate.reached;
    await timeline.append([{ key: "beside", value: "1" }]);
    gate.open();
    await assertRejects(() => taken, Error, "the last LSN is");
    assertEquals([await free, timeline.durableLsn, timeline.lastLsn], [9, 9, 9]);
  },
);

test(
  "Timeline.append() applies nothing when the store is closed while it looks keys up",
  async (t, engine) => {
    const { timeline } = t;
    await makeCold(t);
    const gate = holdRead(engine);
    const held = append(timeline, "held", { key: "old", lsn: 1 });
    await gate.reached;
    t.context.views.close();
    const drained = t.context.views.drain();
    assertEquals(await isSettled(drained), false);
    gate.open();
    await assertRejects(() => held, Deno.errors.BadResource);
    await drained;
    assertEquals(t.writer.lastLsn, 2);
  },
);

Deno.test("Timeline.append() applies nothing once the store is closed, in whichever turn that is", async () => {
  const outcomes: number[] = [], most = 60;
  for (let steps = 0; steps <= most; steps++) {
    const engine = new HookedSim(),
      t = await WriterFixture.open(engine),
      { timeline, context: { views } } = t;
    await makeCold(t);
    const gate = holdRead(engine);
    const held = append(timeline, "held", { key: "old", lsn: 1 }).catch((error) => error);
    await gate.reached;
    gate.open();
    for (let i = 0; i < steps; i++) await undefined;
    if (steps === most) await quiet();
    views.close();
    const { lastLsn } = timeline;
    const ended = await held;
    assertEquals(ended instanceof Deno.errors.BadResource ? 2 : ended, lastLsn, `after ${steps}: ${ended}`);
    assertEquals(timeline.lastLsn, lastLsn);
    outcomes.push(lastLsn);
    await t.close();
  }
  // The steps go from before the read has ended to after it was applied.
  assertEquals([outcomes[0], outcomes.at(-1)], [2, 3]);
});

test(
  "Timeline.append() applies nothing when the disk is full once it has looked keys up, and goes on later",
  async (t, engine) => {
    const { timeline, writer } = t;
    await makeCold(t);
    const gate = holdRead(engine), expect = { key: "old", lsn: 1 };
    const held = append(timeline, "held", expect);
    await gate.reached;
    writer.health.fail(errno("ENOSPC", "write", "/full"));
    gate.open();
    const error = await assertRejects(() => held, IoError);
    assertEquals([error.code, error.appliedLsn, timeline.lastLsn], ["ENOSPC", undefined, 2]);
    assertEquals(await append(timeline, "again", expect), 3);
  },
);

Deno.test("Timeline.append() applies nothing when writing fails while it looks keys up", async () => {
  const engine = new HookedSim(), t = await WriterFixture.open(engine), { timeline } = t;
  await makeCold(t);
  const gate = holdRead(engine);
  const held = append(timeline, "held", { key: "old", lsn: 1 });
  await gate.reached;
  t.writer.health.fail(new Error("broken"));
  gate.open();
  const error = await assertRejects(() => held, PoisonedError);
  assertEquals([error.appliedLsn, timeline.lastLsn, t.context.views.count], [undefined, 2, 0]);
  await assertRejects(() => t.close(), PoisonedError);
});

test(
  "Timeline.append() applies nothing when a read of an index fails, and does when it is tried again",
  async (t, engine) => {
    const { timeline } = t;
    await makeCold(t);
    const expect = { key: "old", lsn: 1 };
    engine.hook = (operation, path) => {
      if (operation === "read" && path.endsWith(".seg")) throw errno("EIO", operation, path);
    };
    await assertRejects(() => append(timeline, "held", expect), IoError);
    assertEquals([timeline.lastLsn, t.context.views.count], [2, 0]);
    engine.hook = () => {};
    assertEquals(await append(timeline, "again", expect), 3);
  },
);

test("Timeline.append() bounds the memory of those that look keys up", async (t, engine) => {
  const { timeline } = t, value = new Uint8Array(64 * 1024), expect = [{ key: "old", lsn: 1 }];
  await makeCold(t);
  const gate = holdRead(engine), held: Promise<number>[] = [];
  const propose = () => timeline.append([{ key: "new", value }], { expect });
  let refusal: unknown;
  while (refusal === undefined && held.length < 100) {
    const proposed = propose();
    const settled = await Promise.race([
      proposed.catch((error) => error),
      new Promise((go) => setTimeout(go)),
    ]);
    if (settled === undefined) held.push(proposed);
    else refusal = settled;
  }
  assertInstanceOf(refusal, LimitError);
  assert(held.length >= 14 && held.length <= 16, `${held.length} were held`);
  await assertRejects(() => timeline.append([{ key: "beside", value: "1" }]), LimitError);
  assertEquals([timeline.lastLsn, t.writer.backPressure], [2, "seal"]);
  gate.open();
  assertEquals((await Promise.all(held)).toSorted((a, b) => a - b), held.map((_, i) => i + 3));
  assertEquals(await propose(), held.length + 3);
}, { settings: { waitingBytes: 1024 * 1024 } });
