/** Imports go down only, and through doors; no folder, no class and no circle of modules is too large. */

import { assert, assertEquals } from "@std/assert";
import { codeOf, modulesUnder, root, textOf } from "./source.ts";

/** The level of each floor; floors of the same level do not know each other. */
const levels: Readonly<Record<string, number>> = {
  base: 0,
  io: 1,
  direct: 2,
  sim: 2,
  objects: 3,
  layer: 4,
  manifest: 5,
  segment: 5,
  log: 6,
  timeline: 6,
  store: 7,
  git: 8,
  cli: 9,
};
/** The level of the modules at the root, which are what others see. */
const rootLevel = 10;
const mostFilesInFolder = 15;
const mostLinesInClass = 260;

/** A module, and where it stands. */
interface Place {
  readonly floor: string | undefined;
  readonly level: number;
  readonly isDoor: boolean;
}

function placeOf(path: string): Place {
  const [top, floor, ...rest] = path.split("/");
  if (top !== "src") return { floor: undefined, level: rootLevel, isDoor: true };
  const level = levels[floor];
  assert(level !== undefined && rest.length > 0, `${path} is on no floor that is known`);
  return { floor, level, isDoor: rest.join("/") === "mod.ts" };
}

/** Why an import must not be, or `undefined`. */
function objection(from: string, to: string): string | undefined {
  const here = placeOf(from), there = placeOf(to);
  if (here.floor !== undefined && here.floor === there.floor) return undefined;
  if (there.level > here.level) return "goes up";
  if (there.level === here.level && here.level !== rootLevel) return "goes sideways";
  return there.isDoor ? undefined : "goes around a door";
}

/** The modules that a module imports or exports from, without those in comments and examples. */
function specifiersOf(text: string): string[] {
  const pattern = /\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+\.ts)["']/g;
  return [...codeOf(text).matchAll(pattern)].map(([, specifier]) => specifier);
}

function modules(): string[] {
  const atRoot = [...Deno.readDirSync(root)].map(({ name }) => name).filter((name) => name.endsWith(".ts"));
  return [...atRoot, ...modulesUnder("src/")];
}

/** What each module imports from. */
function importsOf(paths: readonly string[]): Map<string, string[]> {
  const resolve = (from: string, to: string) => new URL(to, new URL(from, root)).href.slice(root.href.length);
  return new Map(paths.map((from) => [from, specifiersOf(textOf(from)).map((to) => resolve(from, to))]));
}

/** A circle among modules that import each other, if there is one. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const to of imports.get(path) ?? []) {
      const circle = visit(to, [...way, path]);
      if (circle !== undefined) return circle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of imports.keys()) {
    const circle = visit(path, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

/** The classes of a module and how many lines each has, from its first to its closing brace. */
function classLines(text: string): Map<string, number> {
  const lines = text.split("\n"), found = new Map<string, number>();
  lines.forEach((line, start) => {
    const [, indent, name] = /^(\s*)(?:export )?(?:default )?(?:abstract )?class (\w+)/.exec(line) ?? [];
    if (name === undefined) return;
    const isClosing = (closing: string, at: number) => at >= start && closing.startsWith(`${indent}}`);
    const end = line.endsWith("{}") ? start : lines.findIndex(isClosing);
    found.set(name, end - start + 1);
  });
  return found;
}

Deno.test("modules import from floors under theirs only, and through their doors", () => {
  const wrong: string[] = [];
  let edges = 0;
  for (const [from, all] of importsOf(modules())) {
    for (const to of all) {
      const why = objection(from, to);
      edges++;
      if (why !== undefined) wrong.push(`${from} imports ${to}: it ${why}`);
    }
  }
  assertEquals(wrong, []);
  assert(edges > 200, `${edges} imports were seen`);
});

Deno.test("no modules import each other in a circle", () => {
  assertEquals(circleIn(importsOf(modules())), undefined);
});

Deno.test("every floor has a door", () => {
  const doors = [...modulesUnder("src/")].filter((path) => /^src\/[^/]+\/mod\.ts$/.test(path)).sort();
  assertEquals(doors, Object.keys(levels).map((floor) => `src/${floor}/mod.ts`).sort());
  const floors = [...Deno.readDirSync(new URL("src/", root))].map(({ name }) => name).sort();
  assertEquals(floors, Object.keys(levels).sort());
});

Deno.test(`no folder holds more than ${mostFilesInFolder} modules`, () => {
  const folders = Map.groupBy(modulesUnder("src/"), (path) => path.slice(0, path.lastIndexOf("/")));
  const large = [...folders].filter(([, { length }]) => length > mostFilesInFolder);
  assertEquals(large.map(([folder, { length }]) => `${folder}: ${length}`), []);
});

Deno.test(`no class is longer than ${mostLinesInClass} lines`, () => {
  const long: string[] = [];
  let seen = 0;
  for (const path of modulesUnder("src/")) {
    for (const [name, lines] of classLines(textOf(path))) {
      seen++;
      if (lines > mostLinesInClass) long.push(`${path}: ${name} has ${lines}`);
    }
  }
  assertEquals(long, []);
  assert(seen > 40, `${seen} classes were seen`);
});

Deno.test("objection() tells the edges that must not be from those that may", () => {
  assertEquals(objection("src/layer/a.ts", "src/layer/deep/b.ts"), undefined);
  assertEquals(objection("src/layer/deep/a.ts", "src/base/mod.ts"), undefined);
  assertEquals(objection("src/layer/a.ts", "src/base/lsn.ts"), "goes around a door");
  assertEquals(objection("src/base/a.ts", "src/io/mod.ts"), "goes up");
  assertEquals(objection("src/segment/a.ts", "src/manifest/mod.ts"), "goes sideways");
  assertEquals(objection("src/cli/a.ts", "mod.ts"), "goes up");
  assertEquals(objection("mod.ts", "src/store/mod.ts"), undefined);
  assertEquals(objection("mod.ts", "src/store/options.ts"), "goes around a door");
});

Deno.test("specifiersOf() sees every way to import, and no example", () => {
  const text = `
    /** import { a } from "./example.ts"; */
    // import "./comment.ts";
    import { b } from "./b.ts"; // import "./comment.ts";
    import type { c } from '../c/mod.ts';
    import {
      d,
    } from "./d.ts";
    import "./side_effect.ts";
    export * from "./e.ts";
    export { f } from "./f.ts";
    const g = await import("./g.ts");
    import { assert } from "@std/assert";
    import config from "../deno.json" with { type: "json" };
  `;
  const expected = ["./b.ts", "../c/mod.ts", "./d.ts", "./side_effect.ts", "./e.ts", "./f.ts", "./g.ts"];
  assertEquals(specifiersOf(text), expected);
});

Deno.test("circleIn() finds the modules of a circle", () => {
  const imports = new Map([["a", ["b", "c"]], ["b", ["d"]], ["c", ["d"]], ["d", []]]);
  assertEquals(circleIn(imports), undefined);
  assertEquals(circleIn(imports.set("d", ["c"])), ["d", "c", "d"]);
});

Deno.test("classLines() counts from the first line of a class to its brace", () => {
  const text =
    "const a = 1;\nexport class B {\n  c() {\n  }\n}\nclass D extends B {}\nabstract class E {\n}\n";
  assertEquals([...classLines(text)], [["B", 4], ["D", 1], ["E", 2]]);
});
