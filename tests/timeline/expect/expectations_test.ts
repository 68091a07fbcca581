/** What expectations mean, through every kind of layer, and which are none. */

import { assert, assertEquals, assertRejects, unreachable } from "@std/assert";
import {
  type Change,
  ConflictError,
  CorruptionError,
  type Entry,
  type Expectation,
  LimitError,
  type Timeline,
} from "../../../mod.ts";
import { test, testEach } from "../../store/matrix.ts";

const text = new TextDecoder();

/** Puts `put` at 1 and 2, deletes `gone` at 2; `never` is not there. */
async function fill(timeline: Timeline): Promise<void> {
  await timeline.append([{ key: "put", value: "1" }, { key: "gone", value: "1" }]);
  await timeline.append([{ key: "put", value: "2" }, { key: "gone", delete: true }]);
}

/** What is expected, and what is found where it does not stand. */
const expected: readonly [key: string, lsn: number | undefined, met: boolean, found?: number][] = [
  ["put", 2, true],
  ["put", 1, false, 2],
  ["put", 3, false, 2],
  ["put", undefined, false, 2],
  ["gone", 2, true],
  ["gone", undefined, true],
  ["gone", 1, false],
  ["never", undefined, true],
  ["never", 1, false],
];

async function checkAll(timeline: Timeline, where: string): Promise<void> {
  for (const [key, lsn, met, found] of expected) {
    const { lastLsn } = timeline, words = `${key} at ${lsn}, ${where}`;
    const appended = timeline.append([{ key: "mark", value: words }], { expect: [{ key, lsn }] });
    if (met) {
      assertEquals(await appended, lastLsn + 1, words);
      continue;
    }
    const error = await assertRejects(() => appended, ConflictError, undefined, words);
    assertEquals([text.decode(error.key), error.expected, error.found], [key, lsn, found], words);
    assertEquals(timeline.lastLsn, lastLsn, words);
  }
}

testEach("Timeline.append() holds expectations against every kind of layer", async (place) => {
  const store = await place.open(), timeline = store.timeline();
  await fill(timeline);
  await checkAll(timeline, "open");
  const frozen = timeline.freeze();
  await checkAll(timeline, "frozen");
  await frozen;
  await checkAll(timeline, "sealed");
  await timeline.compact();
  await checkAll(timeline, "merged");
  await place.close(store);
  await checkAll((await place.open()).timeline(), "opened again");
});

test("Timeline.append() takes what was read, whole entries too, as what it expects", async (place) => {
  const timeline = (await place.open()).timeline();
  await fill(timeline);
  for (const where of ["memory", "a layer"]) {
    const entries: Entry[] = await Promise.all(["put", "gone", "never"].map((key) => timeline.getEntry(key)));
    assertEquals(entries.map(({ lsn }) => lsn), [2, 2, undefined], where);
    const read = await Array.fromAsync(timeline.getVectored(["put", "gone", "never"]));
    await timeline.append([{ key: where, value: "" }], { expect: [...entries, ...read] });
    await timeline.freeze();
  }
});

test("Timeline.append() takes a deletion that was forgotten for no value", async (place) => {
  const store = await place.open({ history: { lsns: 1 } }), timeline = store.timeline();
  await fill(timeline);
  await timeline.append([{ key: "later", value: "" }]);
  await timeline.append([{ key: "later", value: "" }]);
  await timeline.gc();
  assertEquals((await timeline.getEntry("gone")).lsn, undefined);
  const append = (lsn: number | undefined) => timeline.append([], { expect: [{ key: "gone", lsn }] });
  const error = await assertRejects(() => append(2), ConflictError);
  assertEquals([error.expected, error.found], [2, undefined]);
  assertEquals(await append(undefined), 5);
});

test("Timeline.append() allows keys that stand twice or are not changed, and no expectation at all", async (place) => {
  const timeline = (await place.open()).timeline();
  await fill(timeline);
  const put = { key: "put", lsn: 2 };
  assertEquals(await timeline.append([], { expect: [] }), 3);
  assertEquals(await timeline.append([], { expect: undefined }), 4);
  assertEquals(await timeline.append([{ key: "a", value: "" }], { expect: [put, put] }), 5);
  await assertRejects(
    () => timeline.append([], { expect: [put, { key: "put", lsn: undefined }] }),
    ConflictError,
  );
  assertEquals(timeline.lastLsn, 5);
});

test("Timeline.append() looks up more keys than one window, of which any may have moved on", async (place) => {
  const timeline = (await place.open({ cacheBytes: 64 * 1024 })).timeline();
  const keys = Array.from({ length: 10_000 }, (_, i) => `key ${i}`);
  await timeline.append(keys.map((key) => ({ key, value: key })));
  await timeline.freeze();
  const expect = keys.map((key) => ({ key, lsn: 1 }));
  assertEquals(await timeline.append([], { expect }), 2);
  for (const i of [0, 4095, 4096, 9_999]) {
    const wrong = expect.with(i, { key: keys[i], lsn: 2 });
    const error = await assertRejects(() => timeline.append([], { expect: wrong }), ConflictError);
    assertEquals([text.decode(error.key), error.found], [keys[i], 1]);
  }
  assertEquals(timeline.lastLsn, 2);
});

test("Timeline.append() refuses what is no expectation before anything", async (place) => {
  const timeline = (await place.open()).timeline();
  await fill(timeline);
  const never: Iterable<Change> = { [Symbol.iterator]: () => unreachable("a change is asked for") };
  const append = (expect: unknown) => timeline.append(never, { expect: expect as Expectation[] });
  const types = [
    5,
    null,
    "put",
    { key: "put", lsn: 2 },
    new Set(),
    [null],
    [5],
    ["put"],
    [{}],
    [{ key: "put" }],
    [{ lsn: 2 }],
    [{ key: "put", Lsn: 2 }],
    [{ key: 5, lsn: 2 }],
    [{ key: "put", lsn: null }],
    [{ key: "put", lsn: "2" }],
    [{ key: "put", lsn: 2n }],
  ];
  for (const expect of types) await assertRejects(() => append(expect), TypeError, undefined, String(expect));
  for (const lsn of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
    await assertRejects(() => append([{ key: "put", lsn }]), RangeError);
  }
  for (const key of ["", new Uint8Array(513), "é".repeat(257)]) {
    await assertRejects(() => append([{ key, lsn: 2 }]), LimitError);
  }
  const second = (lsn: unknown) => append([{ key: "put", lsn: 2 }, { key: "put", lsn }]);
  const words = "or undefined where the key has no value, found";
  await assertRejects(() => second(null), TypeError, `${words} null (expect[1])`);
  await assertRejects(() => second(0), RangeError, `${words} 0 (expect[1])`);
  await assertRejects(() => second("2"), TypeError, "found string (expect[1])");
  const many = new Array(2 ** 22 + 1).fill({ key: "put", lsn: 2 });
  await assertRejects(() => append(many), LimitError);
  assertEquals(timeline.lastLsn, 2);
});

test("Timeline.append() applies nothing where damage hides what stands", async (place) => {
  const store = await place.open(), timeline = store.timeline();
  await fill(timeline);
  await timeline.freeze();
  const [path] = place.files(/\.seg$/);
  await place.close(store);
  const bytes = Deno.readFileSync(path);
  // Filter and index, each of one page, stand before the footer.
  for (const page of [1, 2]) bytes[bytes.length - 4096 - page * 8192 + 100] ^= 1;
  Deno.writeFileSync(path, bytes);
  const again = await place.open(), damaged = again.timeline();
  const expect = [{ key: "put", lsn: 2 }];
  await assertRejects(() => damaged.append([{ key: "new", value: "" }], { expect }), CorruptionError);
  assertEquals([damaged.lastLsn, again.metrics().views, again.metrics().conflicts], [2, 0, 0]);
  // What is newer than the damage tells enough.
  await damaged.append([{ key: "put", value: "3" }]);
  assertEquals(await damaged.append([{ key: "new", value: "" }], { expect: [{ key: "put", lsn: 3 }] }), 4);
});

test("Store.metrics() counts appends that were refused for their expectations", async (place) => {
  const store = await place.open(), timeline = store.timeline();
  await fill(timeline);
  const { batches } = store.metrics();
  for (let i = 0; i < 3; i++) {
    await assertRejects(() => timeline.append([], { expect: [{ key: "put", lsn: 1 }] }), ConflictError);
  }
  await timeline.append([], { expect: [{ key: "put", lsn: 2 }] });
  assert(store.metrics().conflicts === 3 && store.metrics().batches === batches + 1);
});
