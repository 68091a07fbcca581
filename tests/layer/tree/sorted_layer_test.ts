import { assert, assertEquals } from "@std/assert";
import { compareKeys, CorruptionError } from "../../../src/base/mod.ts";
import { mostRunBytes } from "../../../src/layer/formats/run_format.ts";
import { pageCount, runFlag } from "../../../src/layer/formats/page_format.ts";
import { Random, seeds } from "../../random.ts";
import { Finger } from "../../../src/layer/tree/finger.ts";
import { loadLeaf } from "../../../src/layer/tree/load_leaf.ts";
import { VersionBlock } from "../../../src/layer/mod.ts";
import { randomVersions, SortedLayer, type Version, versionsOf, WholePages } from "./sorted_fixture.ts";

/** The slots of the first leaf, as `key@lsn:flags` and the versions that each leads to. */
function slotsOf(sorted: SortedLayer): string[] {
  const block = new VersionBlock(), { valuesEnd } = sorted.layer.description;
  const page = sorted.bytes.subarray(valuesEnd, valuesEnd + 8192);
  loadLeaf(block, sorted.layer, 0, page, false);
  assertEquals(block.count, pageCount(page));
  return Array.from({ length: block.count }, (_, row) => {
    const start = block.keyStart[row], end = block.offset[row] + block.length[row];
    const key = new TextDecoder().decode(block.bytes.slice(start, start + block.keyLength[row]));
    const held = sorted.offsets.filter((offset) => offset >= block.offset[row] && offset < end).length;
    return `${key}@${block.lsn[row]}${block.flags[row] === runFlag ? ":run" : ""} ${held}`;
  });
}

// A record has 20 bytes beside its key and its value; a run has 4080 at the most.
const slotTables: Record<string, [string, string[]]> = {
  "one record": ["key@5=10", ["key@5 1"]],
  "two records": ["key@5=10 kez@7", ["k@0:run 2"]],
  "a run that is just full": ["a@1=2019 b@1=2019 c@1=1 d@1=1", ["a@0:run 2", "c@0:run 2"]],
  "a run that is one byte too long": ["a@1=2019 b@1=2020 c@1=1", ["a@1 1", "b@0:run 2"]],
  "the shortest that tells keys apart": [
    "aaaa@1=2000 aaab@1=2000 aabz@1=2000 aacz@1=2000 b@1=2000 bbbb@1=2000",
    ["a@0:run 2", "aab@0:run 2", "b@0:run 2"],
  ],
  "versions of one key": [
    "k@1=2000 k@2=2000 k@3=2000 k@4=2000 k@5=2000 l@1=2000",
    ["k@0:run 2", "k@3:run 2", "k@5:run 2"],
  ],
  "a large one between small ones": ["a@1=5 b@1=5 c@1=9000 d@1=5 e@1=5", ["a@0:run 2", "c@1 1", "d@0:run 2"]],
  "large ones alone": ["a@1=4100 b@1=4100 c@2", ["a@1 1", "b@1 1", "c@2 1"]],
};

for (const [name, [words, slots]] of Object.entries(slotTables)) {
  Deno.test(`LayerBuilder cuts ${name} into runs, however they are added`, async () => {
    for (const most of [Infinity, 1, 2]) {
      assertEquals(slotsOf(await SortedLayer.of(versionsOf(words), { most })), slots);
    }
  });
}

const hotKey = Array.from({ length: 60 }, (_, i) => `k@${i * 2 + 10}=300`).join(" ");
const many = `b@5=1000 c@5=1000 d@5 e@5=1000 e@9=1000 f@5=1000 ${hotKey} l@1=9000 m@3=2000 m@7=2000 m@8`;

// Which version answers, as "key@lsn", or nothing.
const seeks: readonly [key: string, lsn: number, found: string | undefined][] = [
  ["a", 9, undefined],
  ["b", 4, undefined],
  ["b", 5, "b@5"],
  ["ba", 9, undefined],
  ["c", 9, "c@5"],
  ["d", 9, "d@5"],
  ["e", 4, undefined],
  ["e", 8, "e@5"],
  ["e", 9, "e@9"],
  ["f", 100, "f@5"],
  ["g", 100, undefined],
  ["k", 9, undefined],
  ["k", 10, "k@10"],
  ["k", 11, "k@10"],
  ["k", 47, "k@46"],
  ["k", 1000, "k@128"],
  ["ka", 1000, undefined],
  ["l", 1, "l@1"],
  ["l", 0, undefined],
  ["m", 6, "m@3"],
  ["m", 7, "m@7"],
  ["m", 99, "m@8"],
  ["n", 99, undefined],
];

Deno.test("findVersion() finds the newest version in runs: first, last, before, behind, of one key over many", async () => {
  const sorted = await SortedLayer.of(versionsOf(many), { filterBits: 0 });
  assert(sorted.layer.description.filterPages === 0 && slotsOf(sorted).length > 8);
  for (const [key, lsn, expected] of seeks) {
    const [number, value] = await sorted.find(new TextEncoder().encode(key), lsn, new WholePages(sorted));
    const found = number < 0 ? undefined : sorted.versions[number];
    assertEquals(found && `${new TextDecoder().decode(found.key)}@${found.lsn}`, expected, `${key}@${lsn}`);
    if (value !== undefined) assertEquals(value, found?.value ?? new Uint8Array(0));
  }
});

Deno.test("findVersion() finds a key that shares more with the first of its run than with those behind it", async () => {
  const words = "aa@1=9 ab@1=9 ab@4=9 ba@1=9 bb@1=9 c@1=9 d@1";
  const sorted = await SortedLayer.of(versionsOf(words), { filterBits: 0 });
  assertEquals(slotsOf(sorted).length, 1);
  const found = async (key: string, lsn: number) => {
    const [number] = await sorted.find(new TextEncoder().encode(key), lsn, new WholePages(sorted));
    return words.split(" ")[number]?.split("=")[0];
  };
  const expected = [
    "aa@1",
    undefined,
    "ab@1",
    "ab@4",
    undefined,
    undefined,
    "ba@1",
    "bb@1",
    "c@1",
    undefined,
  ];
  const keys = ["aa", "aaa", "ab", "ab", "abc", "b", "ba", "bb", "c", "ca"];
  assertEquals(await Promise.all(keys.map((key, i) => found(key, i === 2 ? 3 : 9))), expected);
});

Deno.test("findVersion() reads one run and nothing else of the values, and of a record alone nothing", async () => {
  const sorted = await SortedLayer.of(versionsOf(many));
  for (const [key, expected] of [["c", 1], ["k", 1], ["l", 0]] as const) {
    const pages = new WholePages(sorted);
    const [number, value] = await sorted.find(new TextEncoder().encode(key), 1000, pages);
    const ranges = pages.fetched.filter((name) => name.includes("+"));
    assertEquals(ranges.length, expected, key);
    assert(ranges.every((name) => Number(name.split("+")[1]) <= mostRunBytes));
    assertEquals(value, expected === 0 ? undefined : sorted.versions[number].value);
  }
});

function rangeOf(random: Random, versions: readonly Version[]) {
  const bound = () => {
    if (random.once(5)) return {};
    const { key, lsn } = random.pick(versions), other = key.slice();
    if (random.once(4)) other[other.length - 1]++;
    return { key: other, lsn: random.pick([undefined, lsn, lsn + 1, 0]) };
  };
  const start = bound(), end = bound();
  return { start: start.key, startLsn: start.lsn, end: end.key, endLsn: end.lsn, reverse: random.once(2) };
}

Deno.test("a sorted layer holds what a sorted array holds", async () => {
  for (const seed of seeds("sorted layer", 12)) {
    const random = new Random(seed), versions = randomVersions(random, random.pick([1, 30, 700]));
    const sorted = await SortedLayer.of(versions, {
      most: random.pick([1, 7, Infinity]),
      filterBits: random.pick([0, 10]),
    });
    for (let i = 0; i < 60; i++) {
      const { key, lsn } = random.pick(versions), other = key.slice();
      if (random.once(3)) other[random.below(other.length)]++;
      const as = lsn + random.from(-1, 1), pages = new WholePages(sorted);
      const [number, value] = await sorted.find(other, as, pages);
      assertEquals(number, sorted.newest(other, as));
      if (value !== undefined) assertEquals(value, versions[number].value ?? new Uint8Array(0));
    }
    const beside = new WholePages(sorted), finger = new Finger();
    for (let i = 0, at = 0; i < 100; i++, at = (at + random.pick([0, 1, 1, 2, 9])) % versions.length) {
      const { key, lsn } = versions[at], as = lsn + random.from(-1, 1);
      const [number, value] = await sorted.find(key, as, beside, finger);
      assertEquals(number, sorted.newest(key, as));
      if (value !== undefined) assertEquals(value, versions[number].value ?? new Uint8Array(0));
    }
    for (let i = 0; i < 12; i++) {
      const { reverse, ...range } = rangeOf(random, versions);
      const isBefore = ({ key, lsn }: Version, bound: Uint8Array, at = 0) =>
        (compareKeys(key, bound) || lsn - at) < 0;
      const expected = versions.map((_, number) => number).filter((number) =>
        (range.start === undefined || !isBefore(versions[number], range.start, range.startLsn)) &&
        (range.end === undefined || isBefore(versions[number], range.end, range.endLsn))
      );
      const found = await sorted.walk({ ...range, reverse }, new WholePages(sorted));
      assertEquals(found, reverse ? expected.reverse() : expected);
    }
  }
});

Deno.test("a cursor reads runs in pieces that grow, each byte once", async () => {
  const versions = versionsOf(Array.from({ length: 9000 }, (_, i) => `k${10000 + i}@1=100`).join(" "));
  const sorted = await SortedLayer.of(versions);
  for (const reverse of [false, true]) {
    const pages = new WholePages(sorted);
    assertEquals((await sorted.walk({ reverse }, pages)).length, versions.length);
    const ranges = pages.fetched.filter((name) => name.includes("+")).map((name) =>
      name.split("+").map(Number)
    );
    const last = versions.length - 1;
    const bytes = sorted.offsets[last] - sorted.offsets[0] + 20 + versions[last].key.length + 100;
    assertEquals(ranges.reduce((sum, [, length]) => sum + length, 0), bytes);
    assert(ranges[0][1] <= mostRunBytes && ranges.length < 12, `${ranges.length} pieces`);
    assertEquals(pages.givenBack, ranges.length - 1, "each is given back when the next one is walked");
  }
});

Deno.test("a cursor walks a leaf of few records alone behind one of many runs, and the other way round", async () => {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"],
    long = (letter: string) => `${letter.repeat(480)}@1=4100`;
  const runs = (first: string) => Array.from({ length: 9000 }, (_, i) => `${first}${10000 + i}@1=100`);
  for (const words of [[...letters.map(long), ...runs("~")], [...runs("A"), ...letters.map(long)]]) {
    const versions = versionsOf(words.join(" ")), sorted = await SortedLayer.of(versions);
    const numbers = versions.map((_, number) => number);
    assertEquals(await sorted.walk({}, new WholePages(sorted)), numbers);
    assertEquals(await sorted.walk({ reverse: true }, new WholePages(sorted)), numbers.reverse());
  }
});

/** What of a damaged layer is found: every answer must be right or a `CorruptionError`; returns the failures. */
async function failures(sorted: SortedLayer, bytes: Uint8Array<ArrayBuffer>): Promise<Set<string>> {
  const failed = new Set<string>();
  const keys = [...new Set(sorted.versions.map(({ key }) => new TextDecoder().decode(key)))];
  for (const name of [...keys, ...keys.map((key) => `${key}~`), "A"]) {
    const key = new TextEncoder().encode(name);
    for (const lsn of [3, 1000]) {
      try {
        const [number, value] = await sorted.find(key, lsn, new WholePages(sorted, bytes));
        const expected = sorted.newest(key, lsn);
        assertEquals(number, expected, `${name}@${lsn}`);
        if (value !== undefined) assertEquals(value, sorted.versions[number].value ?? new Uint8Array(0));
        // Whoever reads the record checks it.
        const start = sorted.offsets[number] ?? 0, end = sorted.offsets[number + 1] ?? start;
        const isDamaged = value === undefined && number >= 0 &&
          compareKeys(bytes.subarray(start, end), sorted.bytes.subarray(start, end)) !== 0;
        if (isDamaged) failed.add(name);
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        failed.add(name);
      }
    }
  }
  return failed;
}

Deno.test("a byte that is flipped in a run never makes an answer wrong or a version absent", async () => {
  const words =
    "a@1=150 a@5=150 b@2=150 c@2 cc@1=150 d@1=150 d@2=150 d@3=150 e@9=150 f@1=150 g@1=4070 h@1=9 i@3=9";
  const sorted = await SortedLayer.of(versionsOf(words), { filterBits: 0 });
  assertEquals(slotsOf(sorted).length, 3);
  const end = (sorted.offsets.at(-1) as number) + 20 + 1 + 9;
  let alone = 0, values = 0;
  for (let at = 4096; at < end; at++) {
    const bytes = sorted.bytes.slice();
    bytes[at] ^= 1 << at % 8;
    const failed = await failures(sorted, bytes);
    const number = sorted.offsets.findLastIndex((offset) => offset <= at);
    const { key } = sorted.versions[number], name = new TextDecoder().decode(key);
    const isValue = at - sorted.offsets[number] >= 20 + key.length;
    if (isValue) {
      values++;
      // Which versions of a key are old is known: its newest one fails if it is damaged, and nothing else does.
      if ([...failed].every((other) => other === name)) alone++;
    }
    for (const reverse of [false, true]) {
      await sorted.walk({ reverse }, new WholePages(sorted, bytes)).then(
        (found) => assertEquals(found.length, sorted.versions.length),
        (error) => assert(error instanceof CorruptionError),
      );
    }
  }
  assert(values > 1000);
  assertEquals(alone, values, "damage of a value fails its own key");
});

Deno.test("findVersion() finds the neighbours of a record whose key is damaged", async () => {
  const sorted = await SortedLayer.of(versionsOf("a@1=90 b@1=91 c@1=92 d@1=93 e@1=94 f@1=95"), {
    filterBits: 0,
  });
  const flip = (number: number, by: number) => {
    const bytes = sorted.bytes.slice();
    bytes[sorted.offsets[number] + by] ^= 2;
    return failures(sorted, bytes);
  };
  const ofKey = await flip(2, 20);
  assert(ofKey.has("c") && ["a", "d", "e"].every((key) => !ofKey.has(key)), [...ofKey].join(" "));
  const ofLength = await flip(2, 8);
  assert(ofLength.has("c") && ofLength.has("d") && !ofLength.has("a"), [...ofLength].join(" "));
});

Deno.test("findVersion() believes no run that stands in the place of another of its file", async () => {
  // Records of 128 bytes: 31 of them fill a run, and 32 blocks further on one starts at the same place in its block.
  const versions = versionsOf(Array.from({ length: 200 }, (_, i) => `k${1000 + i}@1=103`).join(" "));
  const sorted = await SortedLayer.of(versions, { filterBits: 0 });
  const step = sorted.offsets[31] - sorted.offsets[0];
  for (const by of [-step, step, 128, -128, 512, 4096]) {
    const bytes = sorted.bytes.slice(), from = sorted.offsets[62];
    bytes.set(sorted.bytes.subarray(from + by, from + by + step), from);
    const failed = await failures(sorted, bytes);
    for (let i = 0; i < 200; i++) {
      assert(Math.abs(by) < step || !failed.has(`k${1000 + i}`) === (i < 62 || i > 92));
    }
  }
  // A sector of it alone: what stands beside what was not beside it when it was written.
  const seam = Math.ceil(sorted.offsets[62] / 512) * 512, bytes = sorted.bytes.slice();
  assert(sorted.offsets.includes(seam) && seam + 1024 < sorted.offsets[93]);
  bytes.set(sorted.bytes.subarray(seam + 1024, seam + 1536), seam);
  const failed = await failures(sorted, bytes), at = sorted.offsets.indexOf(seam);
  assert(failed.has(`k${1000 + at}`) && failed.has(`k${1000 + at - 1}`) && !failed.has(`k${1000 + at - 2}`));
});
