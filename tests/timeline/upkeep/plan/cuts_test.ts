import { assertEquals } from "@std/assert";
import { cutsOf, outputEnds } from "../../../../src/timeline/upkeep/plan/cuts.ts";
import { columnLevel, Levels } from "../../../../src/timeline/upkeep/plan/levels.ts";
import type { PlannedJob } from "../../../../src/timeline/upkeep/plan/planned_layer.ts";
import { key, layer, settings } from "./plan_fixture.ts";

function textOf(levels: Levels, level: number, first: string, last: string): string {
  const cuts = cutsOf(levels, settings, level, key(first), key(last));
  return cuts.map((cut) => new TextDecoder().decode(cut.key) + (cut.must ? "!" : "")).join(" ");
}

Deno.test("cutsOf() gives the layers that begin under a merge", () => {
  const lines = ["5 b-c 1..9 100", "5 e-f 1..9 100", "5 h-k 1..9 100", "5 m-p 1..9 100", "6 d-d 1..9 100"];
  const levels = Levels.empty.edit([], lines.map((line) => layer(line)));
  const cases: [number, string, string, string][] = [
    [4, "a", "z", "e h m"],
    [4, "c", "h", "e h"],
    [4, "d", "g", ""],
    [4, "i", "j", ""],
    [5, "a", "z", ""],
    [0, "a", "z", ""],
    [7, "a", "z", ""],
    [columnLevel, "a", "z", ""],
  ];
  for (const [level, first, last, expected] of cases) {
    assertEquals(textOf(levels, level, first, last), expected, `${level} ${first}-${last}`);
  }
});

Deno.test("cutsOf() lets no output reach over more than a merge takes in with it", () => {
  // 3200 less two outputs of 400: four layers of 600 lie under an output at the most.
  const lines = [..."abcdefghijk"].map((letter) => layer(`5 ${letter}-${letter} 1..9 600`));
  const levels = Levels.empty.edit([], lines);
  assertEquals(textOf(levels, 4, "a", "k"), "b c d e! f g h i! j k");
  assertEquals(textOf(levels, 4, "b", "f"), "c d e f!");
});

Deno.test("outputEnds() divides a merge into outputs of about the size that its level has", () => {
  const job = (level: number, bytes: number, cuts: number): PlannedJob => ({
    work: "merge",
    inputs: [layer(`1 a-z 1..9 ${bytes}`)],
    level,
    cuts: Array.from({ length: cuts }, () => ({ key: key("k"), must: false })),
    isOldest: false,
  });
  const cases: [PlannedJob, number, number][] = [
    [job(7, 800, 0), 350, 400],
    [job(7, 10, 0), 8.75, 10],
    [job(3, 800, 0), 350, 400],
    [job(3, 800, 1), 350, 500],
    [job(3, 800, 2), 87.5, 125],
    [job(0, 1000, 0), Infinity, Infinity],
    [job(columnLevel, 1000, 0), Infinity, Infinity],
  ];
  for (const [given, atCutBytes, anywhereBytes] of cases) {
    assertEquals(outputEnds(given, settings), { atCutBytes, anywhereBytes });
  }
});
