import { assert, assertEquals, assertThrows } from "@std/assert";
import { compareKeys, CorruptionError, pageBytes } from "../../../src/base/mod.ts";
import { fileSeed } from "../../../src/layer/formats/file_seed.ts";
import { pageSeed } from "../../../src/layer/formats/page_format.ts";
import {
  Descent,
  DescentSteps,
  filterMayContain,
  findVersion,
  hashKey,
  wantFilter,
} from "../../../src/layer/mod.ts";
import { Finger } from "../../../src/layer/tree/finger.ts";
import { PageBuilder } from "../../../src/layer/tree/page_builder.ts";
import { Random, seeds } from "../../random.ts";
import {
  FixturePages,
  IndexFixture,
  type LayerFixture,
  layerOf,
  randomIndex,
  type Row,
} from "../layer_fixture.ts";
import { blockOf, type Slot } from "./page_fixture.ts";

/** Looks keys up all at once, reading what they need in between; `undefined` where there is no version. */
async function find(
  t: LayerFixture,
  keys: readonly Uint8Array[],
  lsn: number,
  pages: FixturePages = new FixturePages(t),
  finger?: Finger,
): Promise<(Row | undefined)[]> {
  const steps = new DescentSteps(keys.length);
  const codes: number[] = keys.map(() => Descent.WAITING);
  for (;;) {
    keys.forEach((key, i) => {
      if (codes[i] !== Descent.WAITING) return;
      codes[i] = findVersion(t.layer, key, hashKey(key, 0, key.length), lsn, pages, steps, i, finger);
    });
    if (!codes.includes(Descent.WAITING)) break;
    await pages.fetch();
  }
  return keys.map((key, i) => {
    if (codes[i] === Descent.ABSENT) return undefined;
    const place = { lsn: steps.lsnOf(i), offset: steps.offsetOf(i), length: steps.lengthOf(i) };
    return { key: key.toHex(), ...place, flags: steps.flagsOf(i) };
  });
}

Deno.test("findVersion() finds what a model has, as of any LSN", async () => {
  for (const seed of seeds("descent", 4)) {
    const random = new Random(seed);
    const t = randomIndex(random, random.pick([1, 30, 3000]));
    const layer = await layerOf(t);
    const rows = t.rows();
    const known = [...new Set(rows.map(({ key }) => key))];
    const near = known.map((key) => {
      const bytes = Uint8Array.fromHex(key);
      bytes[random.below(bytes.length)] ^= 1;
      return bytes.toHex();
    });
    const keys = [...known, ...near];
    const byKey = Map.groupBy(rows, ({ key }) => key);
    for (const lsn of [0, 9, 10, 25, 30, 2 ** 53 - 1]) {
      const expected = keys.map((key) => byKey.get(key)?.findLast((row) => row.lsn <= lsn));
      assertEquals(await find(layer, keys.map((key) => Uint8Array.fromHex(key)), lsn), expected);
    }
  }
});

Deno.test("findVersion() finds the same from where the key before stood, in whatever order keys come", async () => {
  for (const seed of seeds("descent from a finger", 6)) {
    const random = new Random(seed);
    const t = randomIndex(random, random.pick([1, 30, 3000])), layer = await layerOf(t);
    const known = [...new Set(t.rows().map(({ key }) => key))];
    const keys = known.flatMap((key) => {
      const bytes = Uint8Array.fromHex(key), near = bytes.slice();
      near[near.length - 1] ^= 1;
      return [bytes, near];
    });
    const orders = [
      keys.toSorted(compareKeys),
      keys.toSorted(compareKeys).reverse(),
      random.shuffle([...keys]),
    ];
    for (const order of orders) {
      const lsn = random.pick([9, 25, 2 ** 53 - 1]);
      const pages = new FixturePages(layer), expected = await find(layer, order, lsn, pages);
      assertEquals(await find(layer, order, lsn, pages, new Finger()), expected);
    }
  }
});

Deno.test("findVersion() asks no filter of keys that stand beside one that it found, there or not", async () => {
  const keys = Array.from({ length: 200 }, (_, i) => Uint8Array.of(7, i));
  const layer = await layerOf(new IndexFixture().add(7, keys.map((key) => [key, undefined])));
  const { indexPages, filterPages } = layer.description;
  assertEquals([indexPages, filterPages], [1, 1]);
  const pages = new FixturePages(layer), finger = new Finger();
  await find(layer, [keys[3]], 7, pages, finger);
  const asked: number[] = [], { get } = pages;
  pages.get = (object, page) => {
    asked.push(page);
    return get.call(pages, object, page);
  };
  const beside = [keys[3], Uint8Array.of(7, 3, 1), keys[4], keys[9], Uint8Array.of(7, 100, 0), keys[198]];
  const found = await find(layer, beside, 7, pages, finger);
  assertEquals(found.map((row) => row?.key), ["0703", undefined, "0704", "0709", undefined, "07c6"]);
  assertEquals(asked, beside.map(() => 0));
  // Of what is before it, and from the last slot on, nothing is known.
  for (const other of [keys[2], keys[199]]) {
    asked.length = 0;
    await find(layer, [keys[9]], 7, pages, finger);
    await find(layer, [other], 7, pages, finger);
    assert(asked.includes(indexPages));
  }
});

Deno.test("findVersion() finds each of the versions of one key that span pages, from new to old", async () => {
  const t = new IndexFixture();
  const key = Uint8Array.of(5);
  t.add(1, [[Uint8Array.of(4), undefined], [Uint8Array.of(6), undefined]]);
  for (let lsn = 2; lsn <= 5000; lsn++) t.add(lsn, [[key, lsn % 3 === 0 ? undefined : key]]);
  const layer = await layerOf(t);
  assert(layer.description.leafPages > 2, "they span pages");
  const pages = new FixturePages(layer);
  const steps = new DescentSteps(1);
  const hash = hashKey(key, 0, 1);
  const found: Row[] = [];
  for (let lsn = 10_000;;) {
    steps.restart(0);
    let code: number;
    while ((code = findVersion(layer.layer, key, hash, lsn, pages, steps, 0)) === Descent.WAITING) {
      await pages.fetch();
    }
    if (code === Descent.ABSENT) break;
    lsn = steps.lsnOf(0);
    found.push({
      key: "05",
      lsn,
      offset: steps.offsetOf(0),
      length: steps.lengthOf(0),
      flags: steps.flagsOf(0),
    });
    lsn--;
  }
  assertEquals(found.reverse(), t.rows().filter((row) => row.key === "05"));
});

Deno.test("findVersion() reads each page once, a level at a time, for many keys", async () => {
  const random = new Random(3);
  const keys = Array.from({ length: 4000 }, (_, i) => {
    const key = random.bytes(400);
    key[0] = i;
    return key;
  });
  const layer = await layerOf(new IndexFixture().add(7, keys.map((key) => [key, undefined])));
  const { height, filterPages } = layer.description;
  assert(height >= 3, "it has levels");
  const pages = new FixturePages(layer);
  await find(layer, keys, 7, pages);
  assertEquals(pages.rounds, 1 + height);
  assertEquals(pages.fetched.length, layer.description.indexPages + filterPages);
  await find(layer, keys, 7, pages);
  assertEquals(pages.rounds, 1 + height, "all is in memory");
});

Deno.test("findVersion() reads nothing of a layer that cannot have the key, and the filter of one that has not", async () => {
  const t = new IndexFixture().add(5, [[Uint8Array.of(2), undefined], [Uint8Array.of(200), undefined]]);
  const layer = await layerOf(t, { firstLsn: 5 });
  const pages = new FixturePages(layer);
  assertEquals(await find(layer, [Uint8Array.of(1), Uint8Array.of(201)], 9, pages), [undefined, undefined]);
  assertEquals(await find(layer, [Uint8Array.of(2)], 4, pages), [undefined]);
  assertEquals(pages.rounds, 0);
  const absent = Array.from({ length: 100 }, (_, i) => Uint8Array.of(3 + i));
  assertEquals(await find(layer, absent, 9, pages), absent.map(() => undefined));
  assertEquals(pages.rounds, 1);
  assertEquals((await find(await layerOf(new IndexFixture()), [Uint8Array.of(1)], 9))[0], undefined);
});

Deno.test("findVersion() finds no key that only the filter takes for one of the layer", async () => {
  const random = new Random(4);
  const keys = Array.from({ length: 5000 }, () => random.bytes(18));
  const layer = await layerOf(new IndexFixture().add(7, keys.map((key) => [key, undefined])));
  const { indexPages, filterPages, height } = layer.description;
  assertEquals(filterPages, 1);
  const filter = layer.page(indexPages);
  const absent = Array.from({ length: 10_000 }, () => random.bytes(18));
  const lucky = absent.filter((key) => filterMayContain(filter, hashKey(key, 0, key.length)));
  assert(lucky.length >= 3, "some absent keys pass the filter");
  for (const key of lucky) {
    const pages = new FixturePages(layer);
    assertEquals(await find(layer, [key], 9, pages), [undefined]);
    assertEquals(pages.rounds, 1 + height, "it went down to the leaf");
  }
});

Deno.test("wantFilter() reads the page of the filter ahead", async () => {
  const layer = await layerOf(randomIndex(new Random(5), 12_000, 1));
  assert(layer.description.filterPages > 1, "it has pages");
  const pages = new FixturePages(layer);
  const key = layer.description.firstKey;
  wantFilter(layer.layer, hashKey(key, 0, key.length), pages);
  assertEquals(pages.rounds, 0);
  await pages.fetch();
  assertEquals(pages.fetched.length, 1);
  assert((await find(layer, [key], 99, pages))[0] !== undefined, "it is found");
  assertEquals(pages.fetched.length, 1 + layer.description.height);
});

/** Replaces a page by one that checks and says something else. */
function forge(t: LayerFixture, number: number, level: number, slots: readonly Slot[]): void {
  const builder = new PageBuilder(level);
  builder.add(blockOf(slots), 0, slots.length);
  const page = t.tail.subarray(number * pageBytes, (number + 1) * pageBytes);
  builder.finish(page, pageSeed(fileSeed(t.description.fileId), number));
}

Deno.test("findVersion() follows no slot out of the values of its layer", async () => {
  const key = Uint8Array.of(1, 2);
  const t = await layerOf(new IndexFixture().add(5, [[key, key]]), { firstLsn: 5, lastLsn: 9 });
  const good = { key, lsn: 5, offset: 4096, tagged: 24 * 4 + 1 };
  const { valuesEnd } = t.description;
  const cases: [Partial<Slot>, boolean][] = [
    [{}, true],
    [{ offset: valuesEnd - 24 }, true],
    [{ offset: valuesEnd - 23 }, false],
    [{ offset: 4095 }, false],
    [{ offset: 0 }, false],
    [{ offset: 2 ** 48 - 1 }, false],
    [{ tagged: (valuesEnd - 4096) * 4 + 1 }, true],
    [{ tagged: (valuesEnd - 4095) * 4 + 1 }, false],
    [{ tagged: 2 ** 34 - 1 }, false],
    [{ tagged: 21 * 4 + 1 }, false],
    [{ tagged: 0 }, false],
    [{ lsn: 4 }, false],
    [{ lsn: 9 }, true],
    [{ lsn: 10 }, false],
  ];
  for (const [part, sound] of cases) {
    forge(t, 0, 0, [{ ...good, ...part }]);
    const found = find(t, [key], 10);
    if (sound) assert((await found)[0] !== undefined, JSON.stringify(part));
    else {
      const error = await found.then(() => undefined, (error) => error);
      assert(error instanceof CorruptionError, JSON.stringify(part));
      assertEquals([error.path, error.offset], [t.layer.object.path, valuesEnd]);
    }
  }
});

Deno.test("findVersion() goes down only, and a level at a time", async () => {
  const random = new Random(8);
  const keys = Array.from({ length: 400 }, () => random.bytes(512));
  const t = await layerOf(new IndexFixture().add(7, keys.map((key) => [key, undefined])));
  const { indexPages, leafPages, height, firstKey } = t.description;
  assertEquals(height, 3);
  const root = indexPages - 1;
  for (const child of [0, leafPages - 1, root, root + 1, 2 ** 40]) {
    forge(t, root, 2, [{ key: firstKey, lsn: 7, offset: child, tagged: 0 }]);
    const error = await find(t, [firstKey], 7).then(() => undefined, (error) => error);
    assert(error instanceof CorruptionError, `child ${child}`);
  }
  forge(t, root, 5, [{ key: firstKey, lsn: 7, offset: leafPages, tagged: 0 }]);
  assertThrows(() => t.layer.object.layout?.checkPage(0, t.tail.subarray(root * pageBytes)), CorruptionError);
  const error = await find(t, [firstKey], 7).then(() => undefined, (error) => error);
  assert(error instanceof CorruptionError && error.expected === "level 2", `${error}`);
});

Deno.test("findVersion() throws for a damaged page, and only for keys that need it", async () => {
  const random = new Random(9);
  const keys = Array.from({ length: 2000 }, () => random.bytes(18)).sort((a, b) => a[0] - b[0]);
  const t = await layerOf(new IndexFixture().add(7, keys.map((key) => [key, undefined])));
  t.tail[100] ^= 1;
  const error = await find(t, [t.description.firstKey], 7).then(() => undefined, (error) => error);
  assert(error instanceof CorruptionError && error.offset === t.description.valuesEnd, `${error}`);
  assert((await find(t, [t.description.lastKey], 7))[0] !== undefined, "others are found");
});
