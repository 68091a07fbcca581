import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { drawLayers, type PictureOptions } from "../../../src/cli/layers/picture.ts";
import { escapeBytes } from "../../../src/cli/terminal/escape.ts";
import type { LayerInfo } from "../../../src/timeline/mod.ts";
import { Random, seeds } from "../../random.ts";
import { assertClose, type Element, layer, measure, parseXml, rectanglesOf, wordsOf } from "./fixture.ts";

function draw(layers: readonly LayerInfo[], options: Partial<PictureOptions> = {}): Element {
  const all = { title: "a title", showKey: escapeBytes, showPath: (path: string) => path, ...options };
  return parseXml(drawLayers(layers, all));
}

/** A store as it may be: in memory, above sealed segments, above what was merged. */
const young: readonly LayerInfo[] = [
  layer("open", [601, 650]),
  layer("frozen", [501, 600]),
  layer("L0", [401, 500], ["user/001", "user/999"]),
  layer("image", [200, 200], ["user/001", "user/500"]),
  layer("delta", [1, 400], ["user/001", "user/500"], 2000),
  layer("delta", [1, 400], ["user/501", "user/999"], 2000),
];

/** Layers that tile the plane of keys and LSNs. */
function tiles(columns: number, rows: number): LayerInfo[] {
  const key = (column: number) => `key${String(column).padStart(8, "0")}`;
  return Array.from({ length: columns * rows }, (_, i) => {
    const row = Math.floor(i / columns), column = i % columns;
    return layer("delta", [row * 10 + 1, row * 10 + 10], [key(column * 10), key(column * 10 + 9)]);
  });
}

function titleOf(rectangle: Element): string {
  return rectangle.children[0].text;
}

/** The rectangle whose title says so. */
function named(picture: Element, words: string): Element {
  const found = rectanglesOf(picture).filter((rectangle) => titleOf(rectangle).includes(words));
  assertEquals(found.length, 1, words);
  return found[0];
}

function sides(rectangle: Element): [left: number, top: number, right: number, bottom: number] {
  const left = measure(rectangle, "x"), top = measure(rectangle, "y");
  return [left, top, left + measure(rectangle, "width"), top + measure(rectangle, "height")].map((side) =>
    Math.round(side * 10) / 10
  ) as [number, number, number, number];
}

Deno.test("drawLayers() draws every layer as a rectangle of key × LSN", () => {
  const picture = draw(young);
  assertEquals(rectanglesOf(picture).length, young.length);
  const open = sides(named(picture, "open")), frozen = sides(named(picture, "frozen"));
  const l0 = sides(named(picture, "L0")), image = sides(named(picture, "image"));
  const low = sides(named(picture, "user/001 – user/500\n/store/1/1.delta"));
  const high = sides(named(picture, "user/501"));
  // One upon the other, newest on top, all as wide as the plot.
  assertEquals([open[3], frozen[3], l0[3]], [frozen[1], l0[1], low[1]]);
  assertEquals([open[0], open[2]], [frozen[0], frozen[2]]);
  assertEquals([open[0], open[2]], [l0[0], l0[2]]);
  assertEquals([low[0], low[2], high[2]], [l0[0], high[0], l0[2]]);
  assertEquals([low[1], low[3]], [high[1], high[3]]);
  assert(image[1] > low[1] && image[3] < low[3] && image[0] === low[0] && image[2] === low[2]);
  assertEquals(rectanglesOf(picture).at(-1)?.attributes.get("class"), "image");
});

Deno.test("drawLayers() draws images last, also upon what is smaller", () => {
  const picture = draw([layer("image", [5, 5], ["key00000000", "key00001000"]), ...tiles(100, 1)]);
  const areas = rectanglesOf(picture).map((rectangle) =>
    measure(rectangle, "width") * measure(rectangle, "height")
  );
  assertEquals(rectanglesOf(picture).at(-1)?.attributes.get("class"), "image");
  assert(areas[100] > areas[0], `${areas}`);
});

Deno.test("drawLayers() says what it shows: title, sums, keys, LSNs, and each layer under the mouse", () => {
  const picture = draw(young, { title: "Layers of main" }), words = wordsOf(picture);
  assertEquals([picture.children[0].text, words[0]], ["Layers of main", "Layers of main"]);
  const at = words.indexOf("delta");
  assertEquals(words.slice(at, at + 6), ["delta", "2", "391 KiB", "4,000", "400", "merged"]);
  const all = words.indexOf("all");
  assertEquals(words.slice(all, all + 5), ["all", "6", "781 KiB", "8,000", "800"]);
  for (const word of ["…001", "…999", "1", "401", "650", "keys →, where … is user/"]) {
    assert(words.includes(word), word);
  }
  assertStringIncludes(
    titleOf(named(picture, "L0")),
    "L0\nLSNs 401 – 500\n1,000 versions, 97.7 KiB\n1,000 keys: user/001",
  );
  assertStringIncludes(titleOf(named(picture, "image")), "LSN 200\n");
  assertEquals(titleOf(named(picture, "open")).split("\n").slice(3), ["1,000 keys", "/store/1/601.open"]);
  assert(words.includes("L0 · 1,000 versions · 97.7 KiB"));
});

Deno.test("drawLayers() says up to which LSN images have everything", () => {
  const at = (imageLsn: number | undefined, keys: [string, string]) => ({
    ...layer("image", [100, 200], keys),
    imageLsn,
  });
  const apart = draw([at(1150, ["a", "c"]), at(undefined, ["d", "f"])]);
  assertEquals(rectanglesOf(apart).map((image) => titleOf(image).split("\n")[0]).sort(), [
    "image",
    "image at LSN 1,150",
  ]);
  // Those that share their pixels say it if it is the same of all.
  const many = (lsnOf: (i: number) => number) =>
    Array.from({ length: 7000 }, (_, i) => at(lsnOf(i), [`k${i}`.padEnd(9), `k${i}`.padEnd(9, "~")]));
  const heads = (layers: LayerInfo[]) =>
    rectanglesOf(draw(layers)).map((image) => titleOf(image).split("\n")[0]).filter((head) =>
      head.includes("×")
    );
  const same = heads(many(() => 150)), mixed = heads(many((i) => 100 + i));
  assert(same.length > 0 && same.every((head) => head.endsWith("× image at LSN 150")), same[0]);
  assert(mixed.length > 0 && mixed.every((head) => head.endsWith("× image")), mixed[0]);
});

Deno.test("drawLayers() of no layers says so", () => {
  const words = wordsOf(draw([], { horizon: 5 }));
  assert(words.includes("there are no layers"));
  assert(!words.some((word) => word.includes("horizon")));
});

Deno.test("drawLayers() draws the horizon, if there is one, where its LSN is", () => {
  const lineOf = (picture: Element) =>
    picture.children.find(({ name, attributes }) => name === "path" && attributes.get("class") === "horizon");
  assertEquals(lineOf(draw(young)), undefined);
  const picture = draw(young, { horizon: 501 });
  const at = Number(lineOf(picture)?.attributes.get("d")?.split(/[ H]/)[1]);
  assertClose(at, sides(named(picture, "frozen"))[3], "the horizon", 0.1);
  assert(wordsOf(picture).includes("horizon 501"));
});

Deno.test("drawLayers() of more layers has thinner outlines and no labels in them", () => {
  const groups = [[5, 2], [5, 20], [40, 25]].map(([columns, rows]) => {
    const picture = draw(tiles(columns, rows));
    const labels = wordsOf(picture).filter((word) => word.includes("versions ·") || word.endsWith("KiB"));
    const group = picture.children.find(({ name }) => name === "g");
    return [group?.attributes.get("class"), rectanglesOf(picture).length, labels.length > 5];
  });
  assertEquals(groups, [["layers", 10, true], ["layers many", 100, false], ["layers most", 1000, false]]);
});

Deno.test("drawLayers() keeps skewed keys and small new layers readable", () => {
  const old = Array.from({ length: 8 }, (_, i) =>
    // Seven eighths of all keys begin alike.
    layer("delta", [1, 1_000_000], i === 7 ? ["b", "z"] : [`a/same/${i}`, `a/same/${i}~`], 100_000));
  const recent = Array.from(
    { length: 4 },
    (_, i) => layer("L0", [1_000_001 + i, 1_000_001 + i], ["a/same/0", "z"], 1),
  );
  const picture = draw([...recent, ...old]);
  for (const rectangle of rectanglesOf(picture)) {
    const [left, top, right, bottom] = sides(rectangle);
    assert(right - left > 60 && bottom - top > 40, titleOf(rectangle));
  }
});

Deno.test("drawLayers() draws layers that span the same keys but for some as wide as the plot", () => {
  const random = new Random(1);
  const layers = Array.from({ length: 100 }, (_, i) => {
    const first = random.below(1000), last = 99_999_999 - random.below(1000);
    return layer("L0", [i * 10 + 1, i * 10 + 10], [String(first).padStart(8, "0"), String(last)]);
  });
  const all = rectanglesOf(draw(layers)).map(sides);
  const left = Math.min(...all.map(([left]) => left)), right = Math.max(...all.map(([, , right]) => right));
  for (const side of all) assert(side[0] - left < 3 && right - side[2] < 3, `${side}`);
});

Deno.test("drawLayers() is well-formed and safe whatever keys, paths and titles are", () => {
  const hostile = `</title><script>&"'\u202e\ufffe\ud800]]>`;
  for (const seed of seeds("hostile pictures", 10)) {
    const random = new Random(seed), text = new TextEncoder();
    const layers = Array.from({ length: random.from(1, 20) }, (_, i) => {
      const key = () => random.once(2) ? text.encode(hostile.repeat(9)) : random.bytes(random.from(1, 512));
      const [a, b] = [key(), key()].map((key) => key.toHex()).sort().map((hex) => Uint8Array.fromHex(hex));
      return { ...layer("L0", [i + 1, i + 1 + random.below(5)], [a, b]), path: hostile };
    });
    const verbatim = (key: Uint8Array) =>
      Array.from(key, (byte) => String.fromCharCode(byte)).join("") + hostile;
    for (const showKey of [escapeBytes, verbatim]) {
      const picture = draw(layers, { title: hostile.repeat(40), showKey });
      assert(rectanglesOf(picture).length > 0);
    }
  }
});

Deno.test("drawLayers() of 100,000 layers has a bounded size and loses none", () => {
  const lines = Array.from({ length: 100_000 }, (_, i) => layer("L0", [i + 1, i + 1], ["a", "z"]));
  for (const layers of [lines, tiles(400, 250)]) {
    const svg = drawLayers(layers, { title: "t", showKey: escapeBytes, showPath: (path) => path });
    assert(svg.length < 1_000_000, `${svg.length}`);
    const counts = rectanglesOf(parseXml(svg)).map((rectangle) => {
      const [, count = "1"] = /^([\d,]+) ×/.exec(titleOf(rectangle)) ?? [];
      return Number(count.replaceAll(",", ""));
    });
    assertEquals(counts.reduce((sum, count) => sum + count, 0), 100_000);
  }
});

Deno.test("drawLayers() of as many layers as are drawn alone has a bounded size, also with the longest keys", () => {
  const svg = drawLayers(tiles(100, 60), {
    title: "t",
    showKey: () => '"'.repeat(2048),
    showPath: () => "&".repeat(512),
  });
  assertEquals(rectanglesOf(parseXml(svg)).length, 6000);
  assert(svg.length < 10_000_000, `${svg.length}`);
});
