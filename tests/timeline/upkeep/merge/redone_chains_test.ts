/** Chains of patches in merges, whatever windows and outputs they are cut by: what is read afterwards is what was before. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  decodePatches,
  isPatchKind,
  pageCursor,
  recordHeaderBytes,
  RecordKind,
  StoredLayer,
} from "../../../../src/layer/mod.ts";
import { PageSet } from "../../../../src/objects/mod.ts";
import type { Change } from "../../../../src/segment/mod.ts";
import { Redoer } from "../../../../src/timeline/redo/redo.ts";
import { mergeContext } from "../../../../src/timeline/timeline_context.ts";
import { mergeLayers, type MergeOrder } from "../../../../src/timeline/upkeep/merge/merge_layers.ts";
import { timelineId } from "../../write/writer_fixture.ts";
import { walk } from "../../../layer/layer_fixture.ts";
import { Random, seeds } from "../../../random.ts";
import { patterned, sameBytes } from "../../../store/bytes.ts";
import { modelRedo } from "../../../store/model.ts";
import { MergeFixture } from "./merge_fixture.ts";

/** A version: a whole value, none, or patches and perhaps what they stand on. */
interface Version {
  readonly lsn: number;
  readonly isWhole: boolean;
  readonly base: Uint8Array | undefined;
  readonly patches: readonly Uint8Array[];
}

/** By key in hexadecimal: its versions, the oldest first. */
type Versions = Map<string, Version[]>;

/** What layers have. */
async function versionsOf(t: MergeFixture, layers: readonly StoredLayer[]): Promise<Versions> {
  const found: Versions = new Map();
  for (const layer of layers) {
    const bytes = t.bytesOf(layer), pages = new PageSet(t.t.objects, { keep: false });
    for (const { key, lsn, offset, length } of await walk(pageCursor(layer), pages)) {
      const kind = bytes[offset + 4],
        start = offset + recordHeaderBytes + key.length / 2,
        end = offset + length;
      const list = isPatchKind(kind) ? decodePatches(kind, bytes, start, end)! : {
        isWhole: true,
        base: kind === RecordKind.DELETE ? undefined : bytes.slice(start, end),
        patches: [],
      };
      found.set(key, [...(found.get(key) ?? []), { lsn, ...list }]);
    }
  }
  for (const versions of found.values()) versions.sort((a, b) => a.lsn - b.lsn);
  return found;
}

/** What a read of a key finds as of an LSN. */
function valueAt(
  versions: readonly Version[],
  lsn: number,
): { lsn: number; value: Uint8Array | undefined } | undefined {
  const counted = versions.filter((version) => version.lsn <= lsn), newest = counted.at(-1);
  if (newest === undefined) return undefined;
  const chain = counted.slice(Math.max(0, counted.findLastIndex(({ isWhole }) => isWhole)));
  const base = chain[0].isWhole ? chain[0].base : undefined,
    patches = chain.flatMap(({ patches }) => patches);
  return { lsn: newest.lsn, value: patches.length === 0 ? base : modelRedo(patches[0], base, patches) };
}

/** Layers of random changes of few keys, most of them patches. */
async function randomLayers(random: Random): Promise<{ t: MergeFixture; lastLsn: number }> {
  let lsn = 0;
  const layers = Array.from(
    { length: random.from(1, 4) },
    () =>
      Array.from({ length: random.from(1, 40) }, () => {
        lsn++;
        return Array.from({ length: random.from(1, 3) }, (): Change => {
          const key = `k${random.below(4)}`, bytes = patterned(random.below(60), random.word());
          if (!random.once(6)) return { key, patch: bytes };
          return random.once(3) ? { key, delete: true } : { key, value: bytes };
        });
      }),
  );
  return { t: await MergeFixture.make(layers), lastLsn: lsn };
}

/** How many versions need older ones. */
function patchesIn(versions: Versions): number {
  return [...versions.values()].flat().filter(({ isWhole }) => !isWhole).length;
}

/** Merges all layers, and checks what came of it; returns how many patches there were, and are. */
async function merge(
  t: MergeFixture,
  lastLsn: number,
  order: Omit<MergeOrder, "level" | "cuts"> & { level?: number },
  noted: (text: string) => void = () => {},
) {
  const { retention, imageLsn = 0 } = order, horizon = retention?.horizon ?? 0;
  let sequence = 1000;
  const merged = await mergeLayers(
    { ...mergeContext(t.t.context), redoer: new Redoer(modelRedo) },
    t.layers,
    {
      level: 7,
      cuts: [],
      ...order,
      reserve: (count) => Promise.resolve((sequence += count) - count),
      check: () => {},
      copied: () => {},
      noted,
    },
  );
  const outputs = merged.map(({ level: _, ...layer }) => StoredLayer.of(t.t.objects, timelineId, layer));
  for (const output of outputs) assertEquals(await t.findings(output), []);
  const before = await versionsOf(t, t.layers), after = await versionsOf(t, outputs);
  for (const [key, versions] of before) {
    const left = after.get(key) ?? [];
    for (let lsn = horizon; lsn <= lastLsn; lsn++) {
      const expected = valueAt(versions, lsn), found = valueAt(left, lsn);
      assert(sameBytes(found?.value, expected?.value), `${key} as of ${lsn}, horizon ${horizon}`);
      if (expected?.value !== undefined) assertEquals(found?.lsn, expected.lsn, `${key} as of ${lsn}`);
    }
  }
  for (const image of outputs.filter(({ description }) => description.imageLsn > 0)) {
    const { firstKey, lastKey } = image.description;
    for (const [key, versions] of await versionsOf(t, outputs.filter((output) => output !== image))) {
      const isIn = key >= firstKey.toHex() && key <= lastKey.toHex();
      assert(!isIn || versions.every(({ lsn }) => lsn > imageLsn), `I1: what ${key} has by ${imageLsn}`);
    }
  }
  const sum = merged.reduce((sum, layer) => sum + layer.patches, 0);
  assertEquals(sum, patchesIn(after), "layers say how many patches they have");
  await t.close();
  return [patchesIn(before), patchesIn(after)];
}

const unbounded = { ends: { atCutBytes: 1 << 20, anywhereBytes: 1 << 20 }, columnBytes: Infinity };
/** A value and nine patches of a key between two others, the same as of every horizon. */
const chain = [["a", "b", "c"].map((key): Change => ({ key, value: key }))].concat(
  Array.from({ length: 9 }, (_, i) => [{ key: "b", patch: patterned(50, i) }]),
);

Deno.test("mergeLayers() redoes a chain as far as twice a window has it, and leaves the rest to stand on that", async () => {
  const retention = { horizon: 10, isOldest: true };
  for (const [rows, left] of [[50, 0], [6, 0], [5, 1], [4, 3], [2, 7], [1, 8]]) {
    const order = { ...unbounded, window: { bytes: 1 << 20, rows }, retention, imageLsn: 10 };
    const notes: string[] = [], t = await MergeFixture.make([chain]);
    assertEquals(await merge(t, 10, order, (text) => void notes.push(text)), [9, left], `${rows} rows`);
    assertEquals(notes.length, left === 0 ? 0 : 1);
    for (const note of notes) {
      assertMatch(
        note,
        /^Patches of a key cannot be redone, and stay as they are: .* key "b" at LSN \d+: they and/,
      );
    }
  }
  // Above the LSN of the image nothing is redone.
  const order = { ...unbounded, retention: { horizon: 6, isOldest: true }, imageLsn: 6 };
  assertEquals(await merge(await MergeFixture.make([chain.slice(0, 4), chain.slice(4)]), 10, order), [9, 4]);
});

Deno.test("mergeLayers() puts patches above an image into columns, and nothing of what it redoes", async () => {
  for (const horizon of [1, 2, 6, 9, 10]) {
    const order = {
      ...unbounded,
      columnBytes: 200,
      retention: { horizon, isOldest: true },
      imageLsn: horizon,
    };
    assertEquals(await merge(await MergeFixture.make([chain]), 10, order), [9, 10 - horizon], `${horizon}`);
  }
});

Deno.test("mergeLayers() redoes chains in random layers, and no read as of the horizon or later sees it", async () => {
  let redone = 0;
  for (const seed of seeds("redone chains", 60)) {
    const random = new Random(seed), { t, lastLsn } = await randomLayers(random);
    const horizon = random.from(1, lastLsn), imageLsn = random.once(4) ? random.from(1, horizon) : horizon;
    const bytes = random.pick([80, 300, 2000, 1 << 20]), ends = random.pick([100, 2000, 1 << 20]);
    // Where older layers may lie beneath, nothing is redone, also where one is sorted by itself.
    const isOldest = !random.once(4), level = isOldest ? 7 : random.pick([0, 3]);
    const [before, after] = await merge(t, lastLsn, {
      level,
      ends: { atCutBytes: ends, anywhereBytes: ends },
      columnBytes: random.pick([400, Infinity]),
      window: { bytes, rows: random.pick([1, 2, 3, 50]) },
      retention: { horizon, isOldest },
      imageLsn: isOldest ? imageLsn : 0,
    });
    redone += isOldest ? before - after : 0;
  }
  assert(redone > 0);
});

Deno.test("mergeLayers() says what it holds of what it redoes", async () => {
  const value = patterned(100_000, 1);
  const t = await MergeFixture.make([[[{ key: "a", value }], [{ key: "a", patch: "p" }]]]);
  let sequence = 1000, held = 0;
  const heldBy = async (redoer: Redoer | undefined) => {
    held = 0;
    await mergeLayers({ ...mergeContext(t.t.context), redoer }, t.layers, {
      ...unbounded,
      level: 7,
      cuts: [],
      retention: { horizon: 2, isOldest: true },
      imageLsn: 2,
      reserve: (count) => Promise.resolve((sequence += count) - count),
      check: () => {},
      copied: (_, heldBytes) => void (held = Math.max(held, heldBytes)),
    });
    return held;
  };
  const without = await heldBy(undefined), more = await heldBy(new Redoer(modelRedo)) - without;
  assert(more >= value.length, `${more} bytes`);
  await t.close();
});
