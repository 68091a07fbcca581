/** Merging layers: what comes out is what went in, and what cannot be merged leaves nothing behind. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { compareKeys, CorruptionError, IoError, PoisonedError } from "../../../../src/base/mod.ts";
import { pageCursor, type StoredLayer } from "../../../../src/layer/mod.ts";
import { PageSet } from "../../../../src/objects/mod.ts";
import type { Change } from "../../../../src/segment/mod.ts";
import type { MergeOrder } from "../../../../src/timeline/upkeep/merge/merge_layers.ts";
import { columnLevel } from "../../../../src/timeline/upkeep/plan/levels.ts";
import { type Row, walk } from "../../../layer/layer_fixture.ts";
import { Random, seeds } from "../../../random.ts";
import { errno, type Operation } from "../../../store/hooked_engine.ts";
import {
  type Given,
  type GivenBatch,
  type GivenWork,
  gone,
  MergeFixture,
  put,
  times,
} from "./merge_fixture.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const bigWindow = { bytes: 32 * MiB, rows: 1 << 19 };

/** Layers over each other, every second one in another order of keys. */
function plain(layers: number, keys: number, length: number): Given {
  return times(layers, (layer) =>
    times(keys, (i) => {
      const number = layer % 2 === 0 ? i : keys - i;
      return [put(`k${String(number).padStart(5, "0")}`, new Uint8Array(length).fill(layer + i))];
    }));
}

const cases: Readonly<Record<string, Given>> = {
  "one layer": [[[put("b", "1"), put("a", "2")]]],
  "two layers over each other": plain(2, 40, 100),
  "nine layers over each other": plain(9, 30, 300),
  "layers side by side": times(4, (layer) => times(30, (i) => [put(`${layer}/${i}`, "x".repeat(200))])),
  "batches without changes alone": [[[], []], [[]]],
  "batches without changes behind others": [[[put("a", "1")], []], [[put("b", "1")], [], []], [[]]],
  "batches without changes before others": [[[], []], [[], [put("a", "1")]]],
  "tombstones alone": [[[gone("a")], [gone("b")]], [[gone("a"), gone("c")]]],
  "keys that come and go": times(
    3,
    () => times(40, (i) => [i % 3 === 0 ? gone("a") : put("a", `${i}`), put("b", "")]),
  ),
  "empty values": [[[put("a", ""), put("b", "")]], [[put("a", "")]]],
  "the shortest and the longest keys": times(2, (layer) => [
    [put("k", "1"), put(new Uint8Array(512).fill(0xff), "2"), put(new Uint8Array([0]), "3")],
    times(20, (i) => put(new Uint8Array(512).fill(layer).with(511, i), "long")),
  ]),
  "values of some MiB": times(
    2,
    (layer) => times(4, (i) => [put(`k${i}`, new Uint8Array(3 * MiB + i).fill(layer)), gone("x")]),
  ),
  "one key": times(
    3,
    (layer) => times(60, (i) => [i % 20 === 7 ? gone("hot") : put("hot", `${layer} ${i}`.repeat(9))]),
  ),
  "a hot key between others": times(3, (layer) => [
    [put("a", `${layer}`), put("z", `${layer}`)],
    ...times(60, (i) => [put("hot", `${i}`.repeat(layer * 200))]),
  ]),
  "keys that are the starts of others": times(2, () => times(60, (i) => [put("k".repeat(i + 1), `${i}`)])),
  "LSNs far apart": [
    [[5, [put("a", "1")]], [2 ** 33, [put("a", "2")]]],
    [[2 ** 52, [put("a", "3"), gone("b")]], [Number.MAX_SAFE_INTEGER - 9, []]],
  ],
};

const works: Readonly<Record<string, GivenWork>> = {
  "one window into one output": { window: bigWindow, targetBytes: 1024 * MiB },
  "windows of a row into outputs of a key": {
    window: { bytes: 1, rows: 1 },
    targetBytes: 1,
    mostVersions: 1,
  },
  "windows of three rows into outputs of 10 KiB": { window: { bytes: MiB, rows: 3 }, targetBytes: 10 * KiB },
  "windows of two rows into columns of 3 KiB": {
    window: { bytes: MiB, rows: 2 },
    targetBytes: 9 * KiB,
    columnBytes: 3 * KiB,
  },
  "windows of 5 KiB into outputs of 7 versions": { window: { bytes: 5 * KiB, rows: 100 }, mostVersions: 7 },
};

for (const [words, given] of Object.entries(cases)) {
  Deno.test(`mergeLayers() of ${words} brings every version once`, async () => {
    const t = await MergeFixture.make(given);
    for (const [how, work] of Object.entries(works)) {
      // In any order: which of the inputs stands first means nothing.
      for (const layers of [t.layers, t.layers.reverse()]) {
        const outputs = await t.merge(layers, work);
        await t.assertMerged(layers, outputs).catch((cause) => {
          throw new Error(`By ${how}: ${cause.message}`, { cause });
        });
        assertCut(t, outputs, work);
        // What came of a merge is merged again, and with its own inputs, of which each version is there twice.
        await t.assertMerged(layers, await t.merge(outputs, work));
        await t.assertMerged(layers, await t.merge([...outputs, ...layers], work));
        await t.assertMerged(layers, await t.merge([...layers, ...outputs], work));
      }
    }
    await t.close();
  });
}

/** Outputs stand in the order of keys, and share none but with columns (E1). */
function assertCut(
  t: MergeFixture,
  outputs: readonly StoredLayer[],
  { targetBytes = Infinity, mostVersions = Infinity }: GivenWork,
): void {
  const isColumn = ({ description: { sequence } }: StoredLayer) => t.levels.get(sequence) === columnLevel;
  for (const [i, output] of outputs.entries()) {
    assert(!isColumn(output) || output.description.keys === 1, "a column has one key");
    const before = outputs[i - 1];
    if (before === undefined) continue;
    const order = compareKeys(before.description.lastKey, output.description.firstKey);
    assert(order < 0 || order === 0 && isColumn(output), "outputs are in the order of keys");
    const { valuesEnd, versions } = before.description;
    assert(
      isColumn(before) || isColumn(output) || valuesEnd >= targetBytes || versions >= mostVersions,
      "an output ends when it is full",
    );
  }
}

/** Layers as their level, their keys and how many versions they have. */
function linesOf(t: MergeFixture, layers: readonly StoredLayer[]): string[] {
  const decoder = new TextDecoder();
  return layers.map(({ description: { firstKey, lastKey, versions, sequence } }) =>
    `${t.levels.get(sequence)} ${decoder.decode(firstKey)}–${decoder.decode(lastKey)} ${versions}`
  );
}

Deno.test("mergeLayers() cuts outputs between keys once they are full, and gives what fills layers columns", async () => {
  const value = "x".repeat(900);
  const t = await MergeFixture.make([
    times(40, (i) => [put(`a${10 + i}`, value)]),
    [[put("b", "")], ...times(80, () => [put("hot", value)]), [put("i", value)]],
  ]);
  const outputs = await t.merge(t.layers, { targetBytes: 16 * KiB, columnBytes: 16 * KiB, level: 5 });
  // The header takes 4096 bytes of each, a record 923. What comes before it is known that a key fills layers stays.
  assertEquals(linesOf(t, outputs), [
    "5 a10–a23 14",
    "5 a24–a37 14",
    "5 a38–hot 15",
    "8 hot–hot 20",
    "8 hot–hot 20",
    "8 hot–hot 20",
    "8 hot–hot 18",
    "5 i–i 1",
  ]);
  assertEquals(
    outputs.map(({ description }) => description.sequence),
    times(8, (i) => outputs[0].description.sequence + i),
  );
  const columns = outputs.slice(3, 7).map(({ description: { firstLsn, lastLsn } }) => [firstLsn, lastLsn]);
  assertEquals(columns, [[44, 63], [64, 83], [84, 103], [104, 121]]);
  await t.assertMerged(t.layers, outputs);
  const byVersions = await t.merge(t.layers, { mostVersions: 30 });
  assertEquals(linesOf(t, byVersions), [
    "7 a10–a39 30",
    "7 a40–hot 13",
    "8 hot–hot 26",
    "8 hot–hot 26",
    "8 hot–hot 26",
    "7 i–i 1",
  ]);
  await t.assertMerged(t.layers, byVersions);
  await t.close();
});

Deno.test("mergeLayers() makes one layer at level 0, and nothing but columns beside all levels", async () => {
  const t = await MergeFixture.make([times(60, (i) => [put("hot", `${i}`.repeat(900)), put(`k${i}`, "")])]);
  const work = { targetBytes: 1, columnBytes: 9 * KiB, mostVersions: 20 };
  assertEquals(linesOf(t, await t.merge(t.layers, { ...work, level: 0 })), ["0 hot–k9 120"]);
  const columns = await MergeFixture.make(times(2, () => times(60, (i) => [put("hot", `${i}`.repeat(900))])));
  const outputs = await columns.merge(columns.layers, { ...work, level: 8 });
  assertEquals(
    new Set(linesOf(columns, outputs).map((line) => line.split(" ").slice(0, 2).join(" "))),
    new Set(["8 hot–hot"]),
  );
  await columns.assertMerged(columns.layers, outputs);
  await columns.close();
  await t.close();
});

Deno.test("mergeLayers() ends outputs at cuts: where it must, and where it may if they are nearly full", async () => {
  const value = "x".repeat(900);
  const t = await MergeFixture.make([times(26, (i) => [put(String.fromCharCode(97 + i), value)])]);
  const cut = (letter: string, must: boolean) => ({ key: new TextEncoder().encode(letter), must });
  const lines = async (cuts: MergeOrder["cuts"], atCutBytes: number, anywhereBytes: number) => {
    const outputs = await t.merge(t.layers, { cuts, ends: { atCutBytes, anywhereBytes } });
    await t.assertMerged(t.layers, outputs);
    return linesOf(t, outputs).map((line) => line.split(" ")[1]).join(" ");
  };
  const full = 4096 + 10 * 921;
  assertEquals(
    await lines([cut("d", true), cut("dd", true), cut("h", false)], full, full),
    "a–c d–d e–n o–x y–z",
  );
  assertEquals(await lines([cut("d", false), cut("m", false)], full, 9 * full), "a–l m–z");
  assertEquals(await lines([cut("A", true), cut("a", true), cut("zz", true)], 1, 9 * full), "a–z");
  await t.close();
});

Deno.test("mergeLayers() keeps the last LSN of each output, and that of history in one", async () => {
  const t = await MergeFixture.make([
    [[10, [put("a", "1")]], [20, [put("b", "1")]]],
    [[30, [put("c", "1")]], [40, [put("a", "2")]], [50, []]],
  ]);
  const outputs = await t.merge(t.layers, { targetBytes: 1 });
  const spans = outputs.map(({ description: { firstLsn, lastLsn } }) => [firstLsn, lastLsn]);
  assertEquals(spans, [[10, 40], [10, 20], [10, 50]]);
  await t.close();
});

Deno.test("mergeLayers() of layers without versions is a layer without versions, with their LSNs", async () => {
  const t = await MergeFixture.make([[[7, []]], [[8, []], [99, []]]]);
  const outputs = await t.merge(t.layers);
  const [{ description: { firstLsn, lastLsn, versions, indexPages, filterPages } }, ...others] = outputs;
  assertEquals([firstLsn, lastLsn, versions, indexPages, filterPages, others.length], [7, 99, 0, 0, 1, 0]);
  await t.assertMerged(t.layers, outputs);
  await t.close();
});

Deno.test("mergeLayers() tells of every byte of records that it copied", async () => {
  const t = await MergeFixture.make(plain(3, 50, 400));
  const outputs = await t.merge(t.layers, { window: { bytes: 3 * KiB, rows: 100 } });
  const lengths = (await rowsOf(t, outputs[0])).map(({ length }) => length);
  assertEquals(t.copied, lengths.reduce((sum, length) => sum + length, 0));
  await t.close();
});

Deno.test("mergeLayers() reads records of runs once, with or without a horizon, and copies only what is kept", async () => {
  const t = await MergeFixture.make(plain(4, 200, 400)), [first, second, ...others] = t.layers;
  const inputs = [...await t.merge([first, second]), ...await t.merge(others)];
  const bytes = inputs.reduce((sum, { description }) => sum + description.byteLength, 0);
  for (const horizon of [0, 1, 500, 700, 800]) {
    const retention = horizon === 0 ? undefined : { horizon, isOldest: true }, { objects } = t.t;
    const before = objects.metrics().valueReadBytes;
    const [output] = await t.merge(inputs, { retention, window: { bytes: 9 * KiB, rows: 1 << 19 } });
    const read = objects.metrics().valueReadBytes - before;
    assert(read >= t.copied && read <= 1.1 * bytes, `${read} bytes read of ${bytes}, horizon ${horizon}`);
    // Of each key the newest version at or below the horizon, and all above it.
    const all = await t.union(inputs);
    const expected = all.filter(({ key, lsn }, i) =>
      lsn > horizon || all[i + 1]?.key !== key || all[i + 1].lsn > horizon
    );
    assertEquals(await t.versionsOf(output, inputs), expected);
    assertEquals(output.description.horizon, horizon);
    assertEquals(await t.findings(output), []);
  }
  await t.close();
});

Deno.test("mergeLayers() of anything, by any limits, brings every version once", async () => {
  for (const seed of seeds("merge layers", 4)) {
    const random = new Random(seed);
    const keys = times(random.pick([1, 2, 9, 300]), () => random.bytes(random.pick([1, 2, 20, 512])));
    let lsn = 0;
    const t = await MergeFixture.make(
      times(random.from(1, 7), () =>
        times(random.pick([1, 5, 60]), (): GivenBatch => {
          lsn += random.pick([1, 1, 1, 1000]);
          const count = random.pick([0, 1, 1, 3, 30]);
          return [lsn, times(count, () => randomChange(random, random.pick(keys)))];
        })),
    );
    let inputs = t.layers;
    for (let round = 0; round < 4; round++) {
      const most = random.pick([1, 4, 100, 10_000]);
      const outputs = await t.merge(inputs, {
        window: { bytes: random.pick([1, 100, 4 * KiB, MiB]), rows: most },
        targetBytes: random.pick([1, 5 * KiB, 40 * KiB, 100 * MiB]),
        mostVersions: random.pick([1, 5, 1000]),
      });
      await t.assertMerged(t.layers, outputs);
      inputs = random.shuffle([...outputs, ...t.layers.filter(() => random.once(2))]);
    }
    await t.close();
  }
});

function randomChange(random: Random, key: Uint8Array): Change {
  const length = random.once(40) ? random.below(300 * KiB) : random.below(random.pick([1, 30, 900]));
  return random.once(5) ? gone(key) : put(key, random.bytes(length));
}

function rowsOf(t: MergeFixture, layer: StoredLayer): Promise<Row[]> {
  return walk(pageCursor(layer), new PageSet(t.t.objects, { keep: false }));
}

/** Layers, and the rows of the second one. */
async function damageable(): Promise<{ t: MergeFixture; layer: StoredLayer; rows: Row[] }> {
  const t = await MergeFixture.make(plain(3, 60, 500));
  const [, layer] = t.layers;
  return { t, layer, rows: await rowsOf(t, layer) };
}

/** Changes the file of a layer, checks that it cannot be merged, and why, then changes it back and merges it. */
async function assertRefused(
  t: MergeFixture,
  layer: StoredLayer,
  change: (bytes: Uint8Array) => void,
  offset: number,
): Promise<void> {
  const { path } = layer.object, before = t.bytesOf(layer);
  const damaged = before.slice();
  change(damaged);
  await t.replace(layer, damaged);
  for (const rows of [1, 7, 1 << 19]) {
    const work = { window: { bytes: 32 * MiB, rows }, targetBytes: 9 * KiB };
    const error = await assertRejects(() => t.merge(t.layers, work), CorruptionError);
    assertEquals([error.path, error.offset], [path, offset]);
    assertEquals(t.deltas(), []);
  }
  await t.replace(layer, before);
}

Deno.test("mergeLayers() rejects when a record of an input is damaged, and names it", async () => {
  const { t, layer, rows } = await damageable();
  for (const { offset, length } of [rows[0], rows[30], rows[59]]) {
    for (const at of [0, 4, 5, 6, 12, 20, 25, length - 1]) {
      await assertRefused(t, layer, (bytes) => bytes[offset + at] ^= 4, offset);
    }
    await assertRefused(t, layer, (bytes) => bytes.fill(0, offset, offset + length), offset);
  }
  await t.assertMerged(t.layers, await t.merge(t.layers));
  await t.close();
});

Deno.test("mergeLayers() rejects when a run of an input is damaged, wherever that is", async () => {
  const { t } = await damageable();
  const [layer] = await t.merge(t.layers), rows = await rowsOf(t, layer), before = t.bytesOf(layer);
  const deltas = t.deltas();
  for (const { offset, length } of [rows[0], rows[9], rows[rows.length - 1]]) {
    for (const at of [0, 4, 6, 8, 12, 20, 25, length - 1]) {
      const bytes = before.slice();
      bytes[offset + at] ^= 4;
      await t.replace(layer, bytes);
      const { path } = await assertRejects(() => t.merge([layer]), CorruptionError);
      assertEquals(path, layer.object.path);
      assertEquals(t.deltas(), deltas);
    }
  }
  await t.replace(layer, before);
  await t.assertMerged([layer], await t.merge([layer]));
  await t.close();
});

Deno.test("mergeLayers() rejects when records of an input stand in each other's places, though each checks", async () => {
  const { t, layer, rows } = await damageable();
  const [a, b] = [rows[3], rows[40]];
  assertEquals(a.length, b.length);
  // The one that comes first in the order of keys is met first, unless both are read at once: then any is named.
  const before = t.bytesOf(layer), bytes = before.slice();
  bytes.set(before.subarray(a.offset, a.offset + a.length), b.offset);
  await assertRefused(t, layer, (damaged) => damaged.set(bytes), b.offset);
  bytes.set(before.subarray(b.offset, b.offset + b.length), a.offset);
  bytes.set(before.subarray(b.offset, b.offset + b.length), b.offset);
  await assertRefused(t, layer, (damaged) => damaged.set(bytes), a.offset);
  await t.close();
});

Deno.test("mergeLayers() rejects when the record of another file of the same key and LSN stands in an input", async () => {
  const { t } = await damageable();
  // A layer and what came of it hold the same records but for their seeds.
  const [copy] = await t.merge(t.layers.slice(0, 1));
  const from = (await rowsOf(t, copy))[9], bytes = t.bytesOf(copy);
  const [layer] = t.layers, to = (await rowsOf(t, layer))[9];
  await t.t.objects.remove(copy.object.id as Parameters<typeof t.t.objects.remove>[0]);
  const change = (damaged: Uint8Array) =>
    damaged.set(bytes.subarray(from.offset, from.offset + from.length), to.offset);
  await assertRefused(t, layer, change, to.offset);
  await t.close();
});

Deno.test("mergeLayers() rejects when a page of an input is damaged, or its file is too short", async () => {
  const { t, layer } = await damageable();
  const { valuesEnd, byteLength } = layer.description;
  await assertRefused(t, layer, (bytes) => bytes[valuesEnd + 99] ^= 1, valuesEnd);
  await t.replace(layer, t.bytesOf(layer).slice(0, valuesEnd - 8 * KiB));
  const error = await assertRejects(() => t.merge(t.layers), CorruptionError);
  assert(error.path === layer.object.path && error.offset !== undefined && error.offset <= byteLength);
  assertEquals(t.deltas(), []);
  await t.close();
});

/** Operations that writing outputs uses. */
const writing: readonly Operation[] = ["open", "write", "syncDirectory", "datasync", "truncate", "sync"];

for (const code of ["ENOSPC", "EIO"]) {
  for (const operation of writing) {
    Deno.test(`mergeLayers() rejects and leaves nothing when any ${operation} of an output fails with ${code}`, async () => {
      const t = await MergeFixture.make(plain(3, 60, 1500), 8 * KiB);
      const work = { window: { bytes: 20 * KiB, rows: 1000 }, targetBytes: 48 * KiB };
      let failed = 0;
      for (let nth = 1, isReached = true; isReached; nth++) {
        let count = 0;
        t.engine.hook = (asked, path) => {
          // As long as the disk is full everything fails.
          if (asked !== operation || !/\.delta$|1234$/.test(path)) return;
          if (++count === nth || count > nth && code === "ENOSPC") throw errno(code, asked, path);
        };
        const merged = await t.merge(t.layers, work).catch((error: unknown) => error);
        t.engine.hook = () => {};
        isReached = count >= nth;
        if (isReached) {
          failed++;
          const isRoom = code === "ENOSPC" && !/sync/i.test(operation);
          assertInstanceOf(merged, isRoom ? IoError : PoisonedError, `the ${operation} number ${nth}`);
          if (isRoom) assertEquals((merged as IoError).code, "ENOSPC");
          assertEquals(t.deltas(), [], `after the ${operation} number ${nth}`);
        } else await t.assertMerged(t.layers, merged as StoredLayer[]);
        assert(nth < 200, "a merge needs a bounded number of operations");
        assertEquals(t.t.writer.health.state, "open");
      }
      assert(failed > 2, `${failed} failed`);
      await t.close();
    });
  }
}

Deno.test("mergeLayers() rejects with what stopped it, whenever that is, and leaves nothing", async () => {
  const t = await MergeFixture.make(plain(3, 60, 1500), 8 * KiB);
  const work = { window: { bytes: 20 * KiB, rows: 1000 }, targetBytes: 48 * KiB };
  let asked = 0;
  await t.merge(t.layers, { ...work, check: () => void asked++ });
  const before = t.deltas();
  assert(asked > 10, `${asked} times`);
  const reason = new Error("enough");
  for (let nth = 1; nth <= asked; nth++) {
    let count = 0;
    const check = () => {
      if (++count === nth) throw reason;
    };
    const error = await assertRejects(() => t.merge(t.layers, { ...work, check }));
    assert(error === reason);
    assertEquals(t.deltas(), before);
  }
  await t.close();
});

Deno.test("mergeLayers() rejects with what went wrong first, also when removing what it wrote fails too", async () => {
  const { t, layer, rows } = await damageable();
  const bytes = t.bytesOf(layer);
  bytes[rows[59].offset] ^= 1;
  await t.replace(layer, bytes);
  let removals = 0;
  t.engine.hook = (operation, path) => {
    if (operation === "remove" && ++removals === 1) throw errno("EIO", operation, path);
  };
  const work = { window: { bytes: 5 * KiB, rows: 1000 }, targetBytes: 9 * KiB };
  await assertRejects(() => t.merge(t.layers, work), CorruptionError);
  t.engine.hook = () => {};
  // The one that could not be removed is left to the next opening.
  assert(removals > 2);
  assertEquals(t.deltas().length, 1);
  await t.close();
});
