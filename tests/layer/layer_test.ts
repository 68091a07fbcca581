import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError, blockBytes, CorruptionError, pageBytes } from "../../src/base/mod.ts";
import { fileSeed } from "../../src/layer/formats/file_seed.ts";
import { pageSeed, stampPage } from "../../src/layer/formats/page_format.ts";
import {
  descriptionFault,
  encodeFooter,
  type LayerDescription,
  layoutOf,
  mayHold,
  MemoryIndex,
  MemoryLayer,
  StoredLayer,
} from "../../src/layer/mod.ts";
import type { Objects, PageLayout, StoredObject } from "../../src/objects/mod.ts";
import { Random } from "../random.ts";
import { IndexFixture, type LayerFixture, layerOf, randomIndex } from "./layer_fixture.ts";

async function someLayer(): Promise<LayerFixture> {
  const random = new Random(6);
  return await layerOf(
    new IndexFixture().add(1, Array.from({ length: 2000 }, () => [random.bytes(18), undefined])),
  );
}

/** Whether the layout takes a page or, after the last page, the footer. */
function takes(layout: PageLayout, pages: number, number: number, bytes: Uint8Array): boolean {
  try {
    if (number < pages) layout.checkPage(number, bytes);
    else layout.checkFooter(bytes);
    return true;
  } catch (error) {
    assert(error instanceof CorruptionError, `${error}`);
    return false;
  }
}

Deno.test("layoutOf() says where pages lie", async () => {
  const { description, tail } = await someLayer();
  const layout = layoutOf(description, "/layer");
  assertEquals(layout.byteLength, description.valuesEnd + tail.length);
  assertEquals([layout.offsetOf(0), layout.offsetOf(3)], [
    description.valuesEnd,
    description.valuesEnd + 24_576,
  ]);
});

Deno.test("layoutOf() notices any byte of a page or of the footer that is changed", async () => {
  const t = await layerOf(randomIndex(new Random(1), 60, 2));
  const layout = layoutOf(t.description, "/layer");
  const pages = t.description.indexPages + t.description.filterPages;
  for (let number = 0; number <= pages; number++) {
    const bytes = t.tail.slice(number * pageBytes, (number + 1) * pageBytes);
    assert(takes(layout, pages, number, bytes), "it checks");
    for (let at = 0; at < bytes.length; at++) {
      bytes[at] ^= 1 << (at & 7);
      if (takes(layout, pages, number, bytes)) throw new Error(`byte ${at} of page ${number} went unnoticed`);
      bytes[at] ^= 1 << (at & 7);
    }
  }
});

Deno.test("layoutOf() names file and offset of a page that is damaged or elsewhere", async () => {
  const t = await someLayer();
  const layout = layoutOf(t.description, "/layer");
  const pages = t.description.indexPages + t.description.filterPages;
  for (let number = 0; number < pages; number++) {
    const page = t.page(number).slice();
    for (let other = 0; other < pages; other++) {
      if (other !== number) assertThrows(() => layout.checkPage(other, page), CorruptionError);
    }
    page[5000] ^= 1;
    const error = assertThrows(() => layout.checkPage(number, page), CorruptionError);
    assertEquals([error.path, error.offset], ["/layer", t.description.valuesEnd + number * pageBytes]);
  }
  assertThrows(() => layout.checkPage(0, new Uint8Array(pageBytes)), CorruptionError);
  assertThrows(() => layout.checkPage(0, t.page(0).subarray(0, 4096)), CorruptionError);
});

Deno.test("layoutOf() refuses a page of the wrong level although its checksum is right", async () => {
  const t = await someLayer();
  const root = t.description.indexPages - 1;
  const seed = fileSeed(t.description.fileId);
  const layout = layoutOf(t.description, "/layer");
  const leaf = t.page(0).slice(), parent = t.page(root).slice();
  stampPage(leaf, pageSeed(seed, root));
  stampPage(parent, pageSeed(seed, 0));
  assertThrows(() => layout.checkPage(root, leaf), CorruptionError);
  assertThrows(() => layout.checkPage(0, parent), CorruptionError);
});

Deno.test("layoutOf() takes no footer that says anything else than the description", async () => {
  const { description } = await someLayer();
  const layout = layoutOf(description, "/layer");
  layout.checkFooter(encodeFooter(description));
  const key = description.lastKey.slice();
  key[17]++;
  const others: Partial<LayerDescription>[] = [
    { kind: "delta" },
    { fileId: 1 },
    { sequence: 8 },
    { generation: 4 },
    { firstLsn: 2 },
    { lastLsn: 5 },
    { versions: description.versions + 1 },
    { tombstones: 3 },
    { keys: description.keys - 1 },
    { filterPages: 5, byteLength: description.byteLength + 4 * pageBytes },
    { valuesEnd: description.valuesEnd + blockBytes, byteLength: description.byteLength + blockBytes },
    { lastKey: key },
  ];
  for (const part of others) {
    const block = encodeFooter({ ...description, ...part });
    const error = assertThrows(() => layout.checkFooter(block), CorruptionError);
    assertEquals([error.path, error.offset], ["/layer", description.byteLength - blockBytes]);
    assert(error.found.includes(Object.keys(part)[0]), error.found);
  }
  for (const block of [new Uint8Array(blockBytes), encodeFooter(description).subarray(0, 100)]) {
    assertThrows(() => layout.checkFooter(block), CorruptionError, "the footer of this file");
  }
});

Deno.test("descriptionFault() finds what no layer can be", async () => {
  const { description } = await someLayer();
  assertEquals(descriptionFault(description), undefined);
  const wrong: Partial<Record<keyof LayerDescription, number | Uint8Array>>[] = [
    { sequence: 0 },
    { sequence: 1.5 },
    { fileId: 0 },
    { fileId: NaN },
    { generation: -1 },
    { firstLsn: 0 },
    { lastLsn: 0 },
    { lastLsn: 2 ** 53 },
    { versions: 0 },
    { tombstones: 2001 },
    { keys: 0 },
    { keys: 2001 },
    { keys: 1 },
    { byteLength: description.byteLength + 1 },
    { valuesEnd: 0, byteLength: description.byteLength - description.valuesEnd },
    { valuesEnd: 4095 },
    { indexPages: 0 },
    { leafPages: 0 },
    { leafPages: description.indexPages + 1 },
    { height: 0 },
    { height: 1 },
    { height: 33 },
    { filterPages: NaN },
    { firstKey: new Uint8Array(0) },
    { lastKey: new Uint8Array(513).fill(255) },
    { firstKey: description.lastKey, lastKey: description.firstKey },
    { firstKey: description.lastKey },
  ];
  for (const part of wrong) {
    const fault = descriptionFault({ ...description, ...part } as LayerDescription);
    assert(fault !== undefined, JSON.stringify(part));
  }
});

Deno.test("mayHold() tells by the ranges of keys and LSNs, their ends included", async () => {
  const t = new IndexFixture().add(5, [[Uint8Array.of(2), undefined], [Uint8Array.of(4), undefined]]);
  const { layer } = await layerOf(t, { firstLsn: 5, lastLsn: 9 });
  const cases: [number[], number, boolean][] = [
    [[2], 5, true],
    [[2], 4, false],
    [[4], 100, true],
    [[3], 9, true],
    [[1, 255], 9, false],
    [[4, 0], 9, false],
  ];
  for (const [key, lsn, expected] of cases) assertEquals(mayHold(layer, Uint8Array.from(key), lsn), expected);
  assertEquals(mayHold((await layerOf(new IndexFixture())).layer, Uint8Array.of(2), 9), false);
});

Deno.test("StoredLayer.of() finds the object of a layer by its name", async () => {
  const { description } = await someLayer();
  const seen: unknown[] = [];
  const objects = {
    directory: "/store",
    object: (id: string, layout: PageLayout) => {
      seen.push(id, layout.byteLength);
      return { id } as unknown as StoredObject;
    },
  } as unknown as Objects;
  const ends = { L0: "seg", delta: "delta", image: "image" } as const;
  for (const [kind, end] of Object.entries(ends)) {
    seen.length = 0;
    const layer = StoredLayer.of(objects, 0x1234, { ...description, kind: kind as keyof typeof ends });
    const id = `0000000000001234/00000000000001-00000007-00000003.${end}`;
    assertEquals([seen, layer.object.id, layer.description.kind], [[id, description.byteLength], id, kind]);
  }
});

Deno.test("MemoryLayer.advance() moves its last LSN on", () => {
  const layer = new MemoryLayer(new MemoryIndex(), {} as StoredObject, { fileId: 1, firstLsn: 5 });
  assertEquals([layer.firstLsn, layer.lastLsn], [5, 5]);
  layer.advance(5);
  layer.advance(9);
  assertEquals([layer.firstLsn, layer.lastLsn], [5, 9]);
  assertThrows(() => layer.advance(8), AssertionError);
  assertEquals(
    new MemoryLayer(new MemoryIndex(), {} as StoredObject, { fileId: 1, firstLsn: 5 }, 7).lastLsn,
    7,
  );
});
