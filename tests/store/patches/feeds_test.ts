/** Feeds and differences of stores with patches: what is told may be appended elsewhere, and what differs is redone. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, RedoError, Store, type Timeline } from "../../../mod.ts";
import { RecordKind } from "../../../src/layer/mod.ts";
import { Batch, recordsOf } from "../../../src/segment/mod.ts";
import { collect } from "../bytes.ts";
import { type Place, test } from "../matrix.ts";
import { redo, textOf, told, write } from "./fixture.ts";

/** Batches with every kind of change, one of them larger than what is read of a segment at once. */
async function fill(timeline: Timeline): Promise<string[]> {
  await write(timeline, "a=1 a+2");
  await timeline.append([{ key: "b", patch: "p" }, { key: "a", patch: "3" }, { key: "b", patch: "q" }]);
  await timeline.append([{ key: "c", value: "v" }, { key: "c", patch: "w" }]);
  await timeline.append([{ key: "c", delete: true }, { key: "c", patch: "x" }, { key: "a", value: "4" }]);
  await timeline.append([{ key: "d", patch: "" }, { key: "d", value: "5" }]);
  await timeline.append([{ key: "e", patch: "l".repeat(300_000) }, { key: "f", patch: "6" }]);
  await write(timeline, "d! f+7");
  return [
    "1: a=1",
    "2: a+2",
    "3: a+3 b+p b+q",
    "4: c=v c+w",
    "5: a=4 c! c+x",
    "6: d=5",
    "7: e+llllllll f+6",
    "8: d!",
    "9: f+7",
  ];
}

/** What reads find of all keys, as of every LSN. */
async function readsOf(timeline: Timeline): Promise<string[]> {
  const keys = ["a", "b", "c", "d", "e", "f"], found: string[] = [];
  for (let lsn = 1; lsn <= timeline.lastLsn; lsn++) {
    found.push((await timeline.getMany(keys, { lsn })).map((value) => textOf(value) ?? "").join(" "));
  }
  return found;
}

test("A feed tells patches as they were appended, wherever they lie, and a copy of it reads the same", async (place: Place) => {
  let store = await place.open({ redo }), timeline = store.timeline();
  const expected = await fill(timeline), reads = await readsOf(timeline);
  const check = async (when: string) => {
    assertEquals(await told(timeline), expected, when);
    assertEquals(await told(timeline, { from: 3, to: 5, prefix: "c" }), ["4: c=v c+w", "5: c! c+x"], when);
    await using copied = await Store.open(`${place.path}-copy`, { redo });
    const copy = copied.timeline();
    for await (const { lsn, changes } of timeline.changes()) await copy.append(changes, { lsn });
    assertEquals(await readsOf(copy), reads, when);
    assertEquals(await told(copy), expected, when);
    await copied.close();
    await Deno.remove(`${place.path}-copy`, { recursive: true });
  };
  await check("in memory");
  await place.close(store);
  store = await place.open({ redo });
  timeline = store.timeline();
  await check("in a file");
  await timeline.freeze();
  await check("sealed");
  await timeline.compact();
  await check("merged");
  // Nothing is redone for it.
  await place.close(store);
  store = await place.open();
  timeline = store.timeline();
  assertEquals(await told(timeline), expected);
});

test("A feed tells what was redone below a horizon as whole values at their LSNs", async (place: Place) => {
  const store = await place.open({ redo }), timeline = store.timeline();
  const expected = await fill(timeline);
  await timeline.gc({ history: { lsns: 4 } });
  const { horizon } = store.timelines()[0];
  assertEquals(horizon, 5);
  assertEquals(await told(timeline), ["5: a=4 c=-+x", ...expected.slice(5)]);
  await timeline.gc({ history: { lsns: 1 } });
  assertEquals(await told(timeline), ["8: d!", "9: f+7"]);
  const reads = await readsFrom(timeline, 8);
  await timeline.gc({ history: { lsns: 0 } });
  assertEquals([await told(timeline), await readsFrom(timeline, 9)], [["9: f=-+6+7"], reads.slice(1)]);
});

async function readsFrom(timeline: Timeline, lsn: number): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for (; lsn <= timeline.lastLsn; lsn++) found.push(textOf(await timeline.get("f", { lsn })));
  return found;
}

test("Who follows is told patches when they are appended", async (place: Place) => {
  const timeline = (await place.open({ redo })).timeline();
  const feed = timeline.changes({ from: 1, follow: true })[Symbol.asyncIterator]();
  for (const [program, expected] of [["a=1", "1: a=1"], ["a+2", "2: a+2"], ["b+3", "3: b+3"]]) {
    const next = feed.next();
    await write(timeline, program);
    const { value: { lsn, changes } } = await next;
    assertEquals(`${lsn}: ${wordsOf(changes)}`, expected);
  }
  await feed.return?.();
});

function wordsOf(changes: readonly object[]): string {
  return changes.map((change) => {
    const { key, value, patch } = change as { key: Uint8Array; value?: Uint8Array; patch?: Uint8Array };
    return textOf(key) + (value === undefined ? `+${textOf(patch)}` : `=${textOf(value)}`);
  }).join(" ");
}

test("Patches that a feed gives are the caller's, each for itself", async (place: Place) => {
  const timeline = (await place.open({ redo })).timeline();
  await timeline.append([{ key: "a", patch: "1" }, { key: "a", patch: "2" }]);
  for (let time = 0; time < 3; time++) {
    const [{ changes }] = await collect(timeline.changes());
    for (const [i, change] of changes.entries()) {
      assert("patch" in change);
      assertEquals([textOf(change.key), textOf(change.patch)], ["a", `${i + 1}`]);
      change.key.fill(0);
      change.patch.fill(0);
    }
    await (time === 0 ? timeline.freeze() : timeline.compact());
  }
});

test("A record of patches that holds none is damage to who reads or follows it, and to nobody else", async (place: Place) => {
  const store = await place.open({ redo }), timeline = store.timeline(), batch = new Batch();
  await write(timeline, "a=1 b=2");
  recordsOf(batch).write(RecordKind.PATCH, new Uint8Array([0x61]), 3, (view, at) => view.setUint8(at, 9));
  await timeline.append(batch);
  for (const time of ["in memory", "sealed", "merged"]) {
    await assertRejects(() => timeline.get("a"), CorruptionError, "expected patches", time);
    const entries = await collect(timeline.getVectored(["a", "b"], { damage: "report" }));
    assertEquals(entries.map((one) => "error" in one ? one.error.name : textOf(one.value)), [
      "CorruptionError",
      "2",
    ], time);
    assertEquals(await told(timeline, { to: 2 }), ["1: a=1", "2: b=2"], time);
    await assertRejects(() => told(timeline), CorruptionError, "expected patches", time);
    await (time === "in memory" ? timeline.freeze() : timeline.compact());
  }
});

/** What differs, as `a 1>1+2`. */
async function differs(timeline: Timeline, before: number, after: number): Promise<string> {
  const found = await collect(timeline.diff(before, after));
  return found.map((one) => `${textOf(one.key)} ${textOf(one.before) ?? ""}>${textOf(one.after) ?? ""}`).join(
    " ",
  );
}

test("diff() compares what patches make, whichever layer has what they stand on", async (place: Place) => {
  const store = await place.open({ redo }), main = store.timeline();
  await write(main, "a=1 b=2 c=3 d+x /");
  const step = async (timeline: Timeline, when: string) => {
    assertEquals(await differs(timeline, 4, 8), "a 1>1+4 b 2>2+5+6 d -+x>-+x+7", when);
    assertEquals(await differs(timeline, 0, 2), "a >1 b >2", when);
    assertEquals(await differs(timeline, 6, 7), "b 2+5>2+5+6", when);
  };
  await write(main, "a+4 b+5 b+6 d+7");
  await step(main, "in memory");
  await main.freeze();
  await step(main, "sealed");
  await main.compact();
  await step(main, "merged");
  const branch = await store.createTimeline("branch", { ancestor: "main", lsn: 6 });
  await write(branch, "a+8 c+9");
  assertEquals(await differs(branch, 5, 8), "a 1+4>1+4+8 b 2>2+5 c 3>3+9");
  await branch.compact();
  assertEquals(await differs(branch, 6, 8), "a 1+4>1+4+8 c 3>3+9");
  await place.close(store);
  const blind = (await place.open()).timeline();
  await assertRejects(() => differs(blind, 4, 8), RedoError);
  assertEquals(await differs(blind, 0, 2), "a >1 b >2");
});
