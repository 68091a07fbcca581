/** Which layers are merged next, as drawings of keys and layers; and that merges come to an end. */

import { assert, assertEquals } from "@std/assert";
import { compareKeys } from "../../../../src/base/mod.ts";
import type { LayerDescription, StoredLayer } from "../../../../src/layer/mod.ts";
import { nextMerge } from "../../../../src/timeline/upkeep/merge/next_merge.ts";
import { Random, seeds } from "../../../random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const full = { bytes: 1000, versions: 100 };

/** A layer of a key each for every letter it names: `L0 ab`, `delta kk` for one of one key, `delta` for one of none. */
function layer(words: string, sequence: number, part: Partial<LayerDescription> = {}): StoredLayer {
  const [kind, range = ""] = words.split(" ");
  const keys = range === "" ? 0 : range[0] === range[1] ? 1 : 2;
  const description = {
    kind,
    sequence,
    firstLsn: 1,
    lastLsn: sequence,
    firstKey: encoder.encode(range.slice(0, 1)),
    lastKey: encoder.encode(range.slice(1)),
    keys,
    versions: keys,
    byteLength: 10,
    ...part,
  };
  return { description } as unknown as StoredLayer;
}

function namesOf(layers: readonly StoredLayer[] | undefined): string[] | undefined {
  return layers?.map(({ description: { kind, firstKey, lastKey, sequence } }) =>
    `${kind} ${decoder.decode(firstKey)}${decoder.decode(lastKey)} ${sequence}`.replace("  ", " ")
  ).sort();
}

const cases: Readonly<Record<string, [given: string[], merged: string[] | undefined]>> = {
  "nothing": [[], undefined],
  "one delta": [["delta az"], undefined],
  "deltas side by side": [["delta ab", "delta cd", "delta ef"], undefined],
  "deltas that meet in a key": [["delta ac", "delta ce", "delta ez"], undefined],
  "a lone L0": [["L0 ab"], ["L0 ab 1"]],
  "an L0 over deltas": [["delta ac", "delta bd", "L0 az"], ["L0 az 3"]],
  "the oldest L0s": [
    Array.from({ length: 10 }, () => "L0 az"),
    Array.from({ length: 8 }, (_, i) => `L0 az ${i + 1}`),
  ],
  "what has no versions, with L0s": [["delta", "L0 ab", "delta cd", "delta"], [
    "L0 ab 2",
    "delta 1",
    "delta 4",
  ]],
  "an L0 without versions": [["L0"], ["L0 1"]],
  "a delta without versions": [["delta", "delta az"], undefined],
  "deltas over each other": [["delta ac", "delta bd", "delta xz"], ["delta ac 1", "delta bd 2"]],
  "a delta under several": [["delta az", "delta bc", "delta de"], ["delta az 1", "delta bc 2", "delta de 3"]],
  "the first of two piles": [["delta xz", "delta yz", "delta ac", "delta bd"], ["delta ac 3", "delta bd 4"]],
  "deltas of one key": [["delta kk", "delta kk", "delta ll"], ["delta kk 1", "delta kk 2"]],
  "a delta of one key at the end of another": [["delta ak", "delta kk", "delta kz"], undefined],
  "a delta of one key in the midst of another": [["delta az", "delta kk"], ["delta az 1", "delta kk 2"]],
};

for (const [words, [given, merged]] of Object.entries(cases)) {
  Deno.test(`nextMerge() of ${words}`, () => {
    const layers = given.map((words, i) => layer(words, i + 1));
    assertEquals(namesOf(nextMerge([...layers], full)), merged);
    assertEquals(namesOf(nextMerge(layers.reverse(), full)), merged);
  });
}

Deno.test("nextMerge() leaves alone what one key fills, unless it is an L0", () => {
  for (const part of [{ byteLength: 1000 }, { versions: 100 }]) {
    assertEquals(nextMerge([layer("delta kk", 1, part), layer("delta kk", 2, part)], full), undefined);
    assertEquals(nextMerge([layer("delta kk", 1, part), layer("delta az", 2)], full), undefined);
    assertEquals(namesOf(nextMerge([layer("delta az", 1, part), layer("delta bz", 2)], full))?.length, 2);
    assertEquals(namesOf(nextMerge([layer("L0 kk", 1, part)], full)), ["L0 kk 1"]);
  }
  const least = { byteLength: 999, versions: 99 };
  assertEquals(nextMerge([layer("delta kk", 1, least), layer("delta kk", 2, least)], full)?.length, 2);
});

Deno.test("nextMerge() takes sixteen runs at once, the oldest ones", () => {
  const layers = Array.from({ length: 20 }, (_, i) => layer("delta az", i + 1));
  const merged = nextMerge(layers, full)?.map(({ description }) => description.sequence);
  assertEquals(merged?.sort((a, b) => a - b), Array.from({ length: 16 }, (_, i) => i + 1));
});

/** Keys with how many bytes their versions take: what a merge would bring, without its files. */
type Contents = Map<string, number>;

interface Held {
  readonly layer: StoredLayer;
  readonly contents: Contents;
}

function held(kind: string, contents: Contents, sequence: number): Held {
  const keys = [...contents.keys()].sort();
  const bytes = [...contents.values()].reduce((sum, bytes) => sum + bytes, 0);
  return {
    contents,
    layer: layer(kind, sequence, {
      firstKey: encoder.encode(keys[0] ?? ""),
      lastKey: encoder.encode(keys.at(-1) ?? ""),
      keys: keys.length,
      versions: keys.length,
      byteLength: bytes + 10,
    }),
  };
}

/** What a merge brings: outputs end between keys when they are full, and within one that is twice as large. */
function merge(inputs: readonly Held[], sequence: number): Held[] {
  const all: Contents = new Map(), outputs: Contents[] = [];
  for (const { contents } of inputs) {
    for (const [key, bytes] of contents) all.set(key, (all.get(key) ?? 0) + bytes);
  }
  let output: Contents = new Map(), size = 0;
  for (const key of [...all.keys()].sort()) {
    if (size >= full.bytes) {
      outputs.push(output);
      output = new Map();
      size = 0;
    }
    for (let left = all.get(key) as number; left > 0;) {
      const part = Math.min(left, 2 * full.bytes - size);
      output.set(key, (output.get(key) ?? 0) + part);
      size += part;
      left -= part;
      if (left === 0) break;
      outputs.push(output);
      output = new Map();
      size = 0;
    }
  }
  return [...outputs, output].map((contents, i) => held("delta", contents, sequence + i));
}

/** Layers over a key, but for those that it fills. */
function depthAt(all: readonly Held[], key: string): number {
  const bytes = encoder.encode(key);
  return all.filter(({ layer: { description } }) =>
    description.keys > 0 && compareKeys(description.firstKey, bytes) <= 0 &&
    compareKeys(description.lastKey, bytes) >= 0 &&
    !(description.keys === 1 && description.byteLength >= full.bytes)
  ).length;
}

Deno.test("nextMerge() comes to an end whatever lies where, with few layers over any key", () => {
  for (const seed of seeds("next merge", 40)) {
    const random = new Random(seed);
    const letters = "abcdefghijklmnopqrstuvwxyz".slice(0, random.pick([1, 2, 5, 26]));
    const most = random.pick([1, 30, 400, 9000]);
    let sequence = 1, all: Held[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = random.from(1, 60); i > 0; i--) {
        const contents: Contents = new Map();
        for (let keys = random.below(4); keys > 0; keys--) {
          contents.set(random.pick([...letters]), random.from(1, most));
        }
        all.push(held(random.pick(["L0", "L0", "delta"]), contents, sequence++));
      }
      for (let merges = 0;; merges++) {
        assert(merges < 400, "merges end");
        const inputs = nextMerge(all.map(({ layer }) => layer), full);
        if (inputs === undefined) break;
        const taken = all.filter(({ layer }) => inputs.includes(layer));
        assertEquals(taken.length, inputs.length);
        all = [...all.filter((each) => !taken.includes(each)), ...merge(taken, sequence)];
        sequence += 1000;
      }
      for (const letter of letters) {
        assert(depthAt(all, letter) <= 3, `${depthAt(all, letter)} over ${letter}`);
      }
      assert(all.every(({ layer: { description } }) => description.kind === "delta"));
    }
  }
});
