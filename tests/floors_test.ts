/** Imports go down only, and through doors. */

import { assert, assertEquals } from "@std/assert";

/** The level of each floor; floors of the same level do not know each other. */
const levels: Readonly<Record<string, number>> = {
  base: 0,
  io: 1,
  objects: 2,
  layer: 3,
  manifest: 4,
  segment: 4,
  timeline: 5,
  store: 6,
  cli: 7,
};
/** The level of the modules at the root, which are what others see. */
const rootLevel = 8;

const root = new URL("../", import.meta.url);

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
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const pattern = /\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+\.ts)["']/g;
  return [...code.matchAll(pattern)].map(([, specifier]) => specifier);
}

function* modulesUnder(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(directory, root))) {
    if (isDirectory) yield* modulesUnder(`${directory}${name}/`);
    else if (name.endsWith(".ts")) yield `${directory}${name}`;
  }
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, new URL(from, root)).href.slice(root.href.length);
}

Deno.test("modules import from floors under theirs only, and through their doors", () => {
  const wrong: string[] = [];
  let edges = 0;
  const atRoot = ["mod.ts", "cli.ts", "direct.ts"].filter((name) => exists(name));
  for (const from of [...atRoot, ...modulesUnder("src/")]) {
    for (const specifier of specifiersOf(Deno.readTextFileSync(new URL(from, root)))) {
      const to = resolve(from, specifier);
      const why = objection(from, to);
      edges++;
      if (why !== undefined) wrong.push(`${from} imports ${to}: it ${why}`);
    }
  }
  assertEquals(wrong, []);
  assert(edges > 200, `${edges} imports were seen`);
});

Deno.test("every floor has a door", () => {
  for (const floor of Object.keys(levels)) assert(exists(`src/${floor}/mod.ts`), `src/${floor}/mod.ts`);
  const floors = [...Deno.readDirSync(new URL("src/", root))].map(({ name }) => name).sort();
  assertEquals(floors, Object.keys(levels).sort());
});

Deno.test("objection() tells the edges that must not be from those that may", () => {
  assertEquals(objection("src/layer/a.ts", "src/layer/deep/b.ts"), undefined);
  assertEquals(objection("src/layer/a.ts", "src/base/mod.ts"), undefined);
  assertEquals(objection("src/layer/a.ts", "src/base/lsn.ts"), "goes around a door");
  assertEquals(objection("src/base/a.ts", "src/io/mod.ts"), "goes up");
  assertEquals(objection("src/segment/a.ts", "src/manifest/mod.ts"), "goes sideways");
  assertEquals(objection("src/cli/a.ts", "mod.ts"), "goes up");
  assertEquals(objection("mod.ts", "src/store/mod.ts"), undefined);
  assertEquals(objection("mod.ts", "src/store/lock.ts"), "goes around a door");
});

Deno.test("specifiersOf() sees every way to import, and no example", () => {
  const text = `
    /** import { a } from "./example.ts"; */
    // import "./comment.ts";
    import { b } from "./b.ts";
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

function exists(path: string): boolean {
  try {
    return Deno.statSync(new URL(path, root)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
