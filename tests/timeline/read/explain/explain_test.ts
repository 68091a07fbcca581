/** What a read says that it cost, over stores whose layers are known. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  type Change,
  CorruptionError,
  type Explanation,
  type IndexCosts,
  type KeyExplanation,
  LimitError,
  LsnError,
  type Timeline,
} from "../../../../mod.ts";
import { type Place, test } from "../../../store/matrix.ts";

const decoder = new TextDecoder();

/** What a test wants of layers: a batch for each line, `|` seals what is before it, `=` merges all that is. */
async function lay(timeline: Timeline, ...steps: string[]): Promise<void> {
  for (const step of steps) {
    if (step === "|") await timeline.freeze();
    else if (step === "=") await timeline.compact();
    else await timeline.append(step.split(" ").map(changeOf));
  }
}

/** `a` puts the key a, `-a` deletes it. */
function changeOf(word: string): Change {
  return word.startsWith("-") ? { key: word.slice(1), delete: true } : { key: word, value: `${word}!` };
}

/** One key: layers visited, what was passed over by range, LSN and age, and where the version was. */
function storyOf({ visits, excusedByRange, excusedByLsn, excusedByAge, found }: KeyExplanation): string {
  const way = visits.map(({ kind, firstLsn, outcome }) => `${kind}${firstLsn} ${outcome}`);
  const end = found === undefined
    ? "absent"
    : found.deleted
    ? `deleted@${found.lsn}`
    : `@${found.lsn} ${found.source}`;
  return `${way.join(", ")} | ${excusedByRange} ${excusedByLsn} ${excusedByAge} | ${end}`;
}

function storiesOf({ keys }: Explanation): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [decoder.decode(key.key), storyOf(key)]));
}

interface Case {
  readonly name: string;
  readonly steps: readonly string[];
  readonly lsn?: number;
  readonly keys: Readonly<Record<string, string>>;
}

const cases: Case[] = [
  { name: "no layers", steps: [], keys: { a: " | 0 0 0 | absent" } },
  {
    name: "an open layer",
    steps: ["a b", "-b"],
    keys: {
      a: "open1 found | 0 0 0 | @1 memory",
      b: "open1 found | 0 0 0 | deleted@2",
      c: "open1 absent | 0 0 0 | absent",
    },
  },
  {
    name: "L0s under an open layer",
    steps: ["a c e", "|", "a c", "|", "b"],
    keys: {
      a: "open3 absent, L02 found | 0 0 1 | @2 disk",
      b: "open3 found | 0 0 2 | @3 memory",
      // The newest L0 has keys from a to c.
      d: "open3 absent, L01 filter | 1 0 0 | absent",
      e: "open3 absent, L01 found | 1 0 0 | @1 disk",
      z: "open3 absent | 2 0 0 | absent",
    },
  },
  {
    name: "the past",
    steps: ["a", "|", "a c", "|", "-a", "b"],
    lsn: 1,
    keys: { a: "L01 found | 0 2 0 | @1 disk", c: " | 1 2 0 | absent" },
  },
  {
    name: "a layer that goes on behind the LSN",
    steps: ["a", "b", "a", "|"],
    lsn: 1,
    keys: { a: "L01 found | 0 0 0 | @1 disk", b: "L01 absent | 0 0 0 | absent" },
  },
  {
    name: "merged layers under an L0",
    steps: ["a c", "|", "a b", "|", "=", "-c", "|"],
    keys: {
      a: "delta1 found | 1 0 0 | @2 disk",
      b: "delta1 found | 1 0 0 | @2 disk",
      c: "L03 found | 0 0 1 | deleted@3",
    },
  },
];

for (const { name, steps, lsn, keys } of cases) {
  test(`Timeline.explain() says which layers were visited, with ${name}`, async (place) => {
    const timeline = (await place.open()).timeline();
    await lay(timeline, ...steps);
    assertEquals(storiesOf(await timeline.explain(Object.keys(keys), { lsn })), keys);
  });
}

test("Timeline.explain() says that no filter was asked of keys beside those that were found", async (place) => {
  const timeline = (await place.open()).timeline();
  await timeline.append(Array.from({ length: 50 }, (_, i) => ({ key: `k${i + 100}`, value: "" })));
  await timeline.freeze();
  const asked = ["k100", "k102", "k1020", "k103", "k149"];
  await timeline.getMany(asked);
  const { keys, visits } = await timeline.explain(asked);
  const story = keys.map(({ visits: [visit] }) => [visit.outcome, visit.falsePositive, visit.cachedPages]);
  const beside = (outcome: string) => [outcome, false, 1];
  // The last slot of a leaf is no place to step to: what is behind it may be in another leaf.
  const found = ["found", false, 2];
  assertEquals(story, [found, found, beside("absent"), beside("found"), found]);
  assertEquals([visits.excusedByFilter, visits.falsePositives], [0, 0]);
});

test("Timeline.explain() says what is in the cache the second time", async (place) => {
  const timeline = (await place.open()).timeline();
  await lay(timeline, "a c", "|", "b", "|");
  const first = await timeline.explain(["a", "b", "b"]), second = await timeline.explain(["a", "b", "b"]);
  const pagesOf = ({ visits }: KeyExplanation) => visits.map((visit) => [visit.cachedPages, visit.readPages]);
  // A filter, then the root. The key that stands twice has the same pages again, read once for all.
  assertEquals(first.keys.map(pagesOf), [[[0, 2]], [[0, 2]], [[0, 2]]]);
  const { rounds, readPages, readFooters, cachedPages, readBytes } = first.index;
  assertEquals([rounds, readPages, readFooters, cachedPages], [2, 4, 2, 0]);
  assert(readBytes >= 4 * 8192 + 2 * 4096 && first.index.reads >= 4);
  assertEquals([first.values.readRecords, first.values.reads, first.values.rounds], [3, 2, 1]);
  assertEquals([first.values.valueBytes, first.values.readBytes >= 1024], [6, true]);
  assertEquals(second.keys.map(pagesOf), [[[2, 0]], [[2, 0]], [[2, 0]]]);
  assertEquals(second.index, {
    cachedPages: 4,
    readPages: 0,
    readFooters: 0,
    sharedPages: 0,
    reads: 0,
    readBytes: 0,
    rounds: 0,
  });
  assertEquals([second.values.cachedRecords, second.values.readRecords, second.values.reads], [3, 0, 0]);
  assertEquals(second.keys.map(({ found }) => found?.source), ["cache", "cache", "cache"]);
});

test("Timeline.explain() says of merged layers that runs were read, and the second time that they are in the cache", async (place) => {
  const timeline = (await place.open()).timeline(), keys = ["a", "b", "c", "long", "x"];
  await lay(timeline, "a b c", "-x");
  // Longer than a run: a slot leads to the record itself, and it is too long to be kept.
  await timeline.append([{ key: "long", value: "!".repeat(5000) }]);
  await lay(timeline, "|", "b", "|", "=");
  const first = await timeline.explain(keys), second = await timeline.explain(keys);
  const sourcesOf = ({ keys }: Explanation) => keys.map(({ found }) => found?.source);
  assertEquals(sourcesOf(first), ["disk", "disk", "disk", "disk", undefined]);
  assertEquals(sourcesOf(second), ["cache", "cache", "cache", "disk", undefined]);
  for (const { keys } of [first, second]) {
    assertEquals(keys.map(({ found, valueBytes }) => [found?.kind, found?.lsn, found?.deleted, valueBytes]), [
      ["delta", 1, false, 2],
      ["delta", 4, false, 2],
      ["delta", 1, false, 2],
      ["delta", 3, false, 5000],
      ["delta", 2, true, undefined],
    ]);
  }
  // A record in a run is told by itself: a header of 20 bytes, a key, a value.
  assertEquals(first.keys.map(({ found }) => found?.byteLength), [23, 23, 23, 5024, 21]);
  const costsOf = ({ index, values }: Explanation) => [
    ...[index.readPages, index.cachedPages, values.readRecords, values.cachedRecords],
  ];
  assertEquals([costsOf(first), costsOf(second)], [[2, 0, 4, 0], [0, 2, 1, 3]]);
  assert(first.values.reads > second.values.reads && second.values.reads === 1);
});

test("Timeline.explain() merges reads of neighbours, and cuts none that is small", async (place) => {
  const timeline = (await place.open()).timeline();
  const keys = Array.from({ length: 500 }, (_, i) => `k${1000 + i}`);
  await lay(timeline, keys.join(" "), "|");
  const { values, keys: each } = await timeline.explain(keys);
  assertEquals([values.readRecords, values.reads, values.valueBytes], [500, 1, 3000]);
  assertEquals(each.map(({ valueBytes }) => valueBytes), keys.map(() => 6));
});

test("Timeline.explain() counts what filters let pass in vain", async (place) => {
  const timeline = (await place.open()).timeline();
  const keyOf = (i: number) => `k${100_000 + i}`;
  await lay(timeline, Array.from({ length: 2000 }, (_, i) => keyOf(i * 2)).join(" "), "|");
  const { visits, keys } = await timeline.explain(Array.from({ length: 1999 }, (_, i) => keyOf(i * 2 + 1)));
  assertEquals([visits.stored, visits.excusedByFilter + visits.falsePositives], [1999, 1999]);
  assert(visits.falsePositives > 0 && visits.falsePositives < 100, `${visits.falsePositives}`);
  const inVain = keys.filter((key) => key.visits[0].falsePositive);
  assertEquals([inVain.length, inVain[0].visits[0].outcome], [visits.falsePositives, "absent"]);
  // As of before the last batch it cannot be told whether a filter speaks of what came later.
  await lay(timeline, "k1000010", "x", "|", "k100001", "|", "=");
  const before = await timeline.explain([keyOf(1)], { lsn: timeline.lastLsn - 1 });
  assertEquals([before.keys[0].visits[0].outcome, before.visits.falsePositives], ["absent", 0]);
});

test("Timeline.explain() tells what another read brings", async (place) => {
  const written = await place.open();
  await lay(written.timeline(), "a b", "|");
  await place.close(written);
  const timeline = (await place.open()).timeline();
  const [first, second] = await Promise.all([timeline.explain(["a"]), timeline.explain(["b"])]);
  // Whoever comes first to a page reads it: the filter and the footer, then the root.
  const sum = (count: (costs: IndexCosts) => number) => count(first.index) + count(second.index);
  assertEquals([sum(({ readPages }) => readPages), sum(({ readFooters }) => readFooters)], [2, 1]);
  assertEquals([second.index.sharedPages >= 2, second.index.readFooters], [true, 0]);
  assertEquals([first, second].map(({ keys }) => keys[0].visits[0].readPages), [2, 2]);
});

test("Timeline.explain() reads what getVectored() reads, and times it", async (place) => {
  const timeline = (await place.open()).timeline();
  await lay(timeline, "a b c", "|", "-a b", "|", "c d");
  const keys = ["d", { base: "a", count: 5 }, "b"];
  const entries = await Array.fromAsync(timeline.getVectored(keys));
  const explanation = await timeline.explain(keys);
  assertEquals(
    explanation.keys.map(({ key, valueBytes, found }) => [key, valueBytes, found?.lsn]),
    entries.map(({ key, value, lsn }) => [key, value?.length, lsn]),
  );
  assertEquals([explanation.lsn, explanation.memoryLayers, explanation.storedLayers], [3, 1, 2]);
  const { walk, pages, values, total } = explanation.milliseconds;
  assert(walk > 0 && values > 0 && pages >= 0);
  assert(Math.abs(walk + pages + values - total) < 1e-6);
});

test("Timeline.explain() takes more keys than are looked up together", async (place) => {
  const timeline = (await place.open()).timeline();
  const keys = Array.from({ length: 5000 }, (_, i) => `k${10_000 + i}`);
  await lay(timeline, keys.join(" "), "|");
  const { keys: each, values } = await timeline.explain(keys);
  assertEquals([each.length, values.readRecords], [5000, 5000]);
  assertEquals(each.map(({ key }) => decoder.decode(key)), keys);
  assert(each.every(({ found, valueBytes }) => found?.source === "disk" && valueBytes === 7));
});

test("Timeline.explain() and that of a snapshot tell frozen layers, also once they are sealed", async (place) => {
  const timeline = (await place.open()).timeline();
  await lay(timeline, "a");
  using snapshot = timeline.snapshot();
  assertEquals(storiesOf(await snapshot.explain(["a"])).a, "open1 found | 0 0 0 | @1 memory");
  const freezing = timeline.freeze();
  const frozen = await timeline.explain(["a"]);
  assertEquals([frozen.keys[0].visits[0].kind, frozen.storedLayers], ["frozen", 0]);
  await freezing;
  await lay(timeline, "a");
  assertEquals((await snapshot.explain(["a"])).keys[0].visits.map(({ kind }) => kind), ["frozen"]);
  assertEquals(storiesOf(await timeline.explain(["a"])).a, "open2 found | 0 0 1 | @2 memory");
});

/** Flips a bit in the only file of a sealed segment. */
function damage(place: Place, offset: number): void {
  const [path] = place.files(/\.seg$/);
  using file = Deno.openSync(path, { read: true, write: true });
  const byte = new Uint8Array(1);
  file.seekSync(offset, Deno.SeekMode.Start);
  file.readSync(byte);
  byte[0] ^= 1;
  file.seekSync(offset, Deno.SeekMode.Start);
  file.writeSync(byte);
}

test("Timeline.explain() tells a damaged record of its key, and goes on", async (place) => {
  const store = await place.open();
  await lay(store.timeline(), "a b", "|");
  const [, { found }] = (await store.timeline().explain(["a", "b"])).keys;
  await place.close(store);
  damage(place, found!.offset + 20);
  const [a, b] = (await (await place.open()).timeline().explain(["a", "b"])).keys;
  assertEquals([a.error, a.valueBytes], [undefined, 2]);
  assertInstanceOf(b.error, CorruptionError);
  assertEquals([storyOf(b), b.valueBytes], ["L01 found | 0 0 0 | @1 disk", undefined]);
});

test("Timeline.explain() tells which layer has a damaged index", async (place) => {
  const store = await place.open();
  await lay(store.timeline(), "a b", "|");
  const [{ byteLength }] = store.timeline().layers();
  await place.close(store);
  // The root, before the filter and the footer.
  damage(place, byteLength - 4096 - 2 * 8192 + 100);
  const again = await place.open();
  await lay(again.timeline(), "a");
  const [a, b] = (await again.timeline().explain(["a", "b"])).keys;
  assertEquals([storyOf(a), a.error], ["open2 found | 0 0 1 | @2 memory", undefined]);
  assertInstanceOf(b.error, CorruptionError);
  assertEquals(storyOf(b), "open2 absent, L01 damaged | 0 0 0 | absent");
});

test("Timeline.explain() refuses what getMany() refuses, and holds no view then", async (place) => {
  const store = await place.open(), timeline = store.timeline();
  await lay(timeline, "a", "|");
  using snapshot = timeline.snapshot();
  await assertRejects(() => timeline.explain("a" as never), TypeError, "expected an iterable of keys");
  await assertRejects(
    () => timeline.explain(["a"], { damage: "report" } as never),
    TypeError,
    "unknown option",
  );
  await assertRejects(() => timeline.explain(["a"], { lsn: 2 }), LsnError);
  await assertRejects(() => timeline.explain(["a", ""]), LimitError);
  await assertRejects(() => snapshot.explain(["a"], { lsn: 1 } as never), TypeError, "unknown option");
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => timeline.explain(["a"], { signal }), Error, "enough");
  assertEquals(store.metrics().views, 1);
});
