import { assert, assertEquals } from "@std/assert";
import { bottomLevel, columnLevel, Levels } from "../../../../src/timeline/upkeep/plan/levels.ts";
import { planCompaction } from "../../../../src/timeline/upkeep/plan/plan_compaction.ts";
import type { PlanSettings } from "../../../../src/timeline/upkeep/plan/planned_layer.ts";
import { Random, seeds } from "../../../random.ts";
import { type FilledLayer, layer, lineOf, sealed, settings, type Version, work } from "./plan_fixture.ts";

/** What is planned for layers that are written as lines, as a line. */
function planned(lines: readonly string[], change: Partial<PlanSettings> = {}): string {
  const levels = Levels.empty.edit([], lines.map((line) => layer(line)));
  const job = planCompaction(levels, { ...settings, ...change });
  if (job === undefined) return "nothing";
  return `${job.work} ${job.inputs.map(lineOf).join(" + ")} to ${job.level}${job.isOldest ? ", oldest" : ""}`;
}

Deno.test("planCompaction() takes everything down to the bottom, and sorts what lies there", () => {
  const cases: [string[], Partial<PlanSettings>, string][] = [
    [[], {}, "nothing"],
    [["7 a-f 1..3 400", "7 g-z 1..3 400", "8 a-a 1..9 400"], {}, "nothing"],
    // A lone segment is sorted.
    [["0 a-f 1..3 90"], {}, "merge 0 a-f 1..3 90 to 7, oldest"],
    [
      ["0 a-c 5..6 90", "0 b-d 7..8 90", "6 d-f 4..4 90", "6 x-z 4..4 90", "7 f-k 1..3 400"],
      {},
      "merge 0 a-c 5..6 90 + 0 b-d 7..8 90 + 6 d-f 4..4 90 + 7 f-k 1..3 400 to 7, oldest",
    ],
    // What is more than one merge goes to the base first.
    [
      ["0 a-c 5..6 90", "6 b-d 4..4 90", "7 a-k 1..3 4000"],
      { sizeRatio: 10 },
      "merge 0 a-c 5..6 90 + 6 b-d 4..4 90 to 6",
    ],
    [
      ["5 a-b 5..6 90", "5 c-d 5..6 90", "6 b-c 3..4 90", "7 x-z 1..2 90"],
      {},
      "merge 5 a-b 5..6 90 + 5 c-d 5..6 90 + 6 b-c 3..4 90 to 7, oldest",
    ],
    // From further down, where that is one merge and it is not from high up.
    [
      ["5 a-z 5..6 90", "6 c-d 3..4 90", "7 a-c 1..2 3000", "7 d-d 1..2 300"],
      {},
      "merge 6 c-d 3..4 90 + 7 a-c 1..2 3000 + 7 d-d 1..2 300 to 7, oldest",
    ],
    [["6 c-d 3..4 90", "7 a-c 1..2 9000"], {}, "merge 6 c-d 3..4 90 + 7 a-c 1..2 9000 to 7, oldest"],
  ];
  for (const [lines, change, expected] of cases) assertEquals(planned(lines, change), expected, lines.join());
});

Deno.test("planCompaction() sorts segments first where there is much to merge", () => {
  const segments = ["L0 a-f 4..4 200", "L0 a-f 5..5 200"], joined = segments.join(" + ");
  assertEquals(planned([...segments, "7 a-f 1..3 90"]), "merge L0 a-f 4..4 200 to 0");
  assertEquals(planned(["0 a-f 4..4 200", segments[1], "7 a-f 1..3 90"]), "merge L0 a-f 5..5 200 to 0");
  assertEquals(planned(segments, { scatteredBytes: 500 }), `merge ${joined} to 7, oldest`);
  const small = "L0 a-f 6..6 20";
  assertEquals(planned([small, "7 a-f 1..3 900"]), `merge ${small} + 7 a-f 1..3 900 to 7, oldest`);
});

Deno.test("planCompaction() writes segments anew that were moved to the bottom and never sorted", () => {
  const moved = ["7 a-b 1..2 900", "7 c-d 3..4 900"].map((line) => layer(line, { kind: "L0" }));
  const levels = Levels.empty.edit([], [...moved, layer("7 e-f 1..2 90")]);
  assertEquals(planCompaction(levels, settings)?.inputs, moved);
  const some = planCompaction(levels, { ...settings, mostInputBytes: 1000 });
  assertEquals(some?.inputs, moved.slice(0, 1));
});

Deno.test("planCompaction() comes to an end, keeps every version and reorders no history", () => {
  for (const seed of seeds("plan compaction", 20)) {
    const random = new Random(seed);
    let levels = Levels.empty, lsn = 0;
    const all: Version[] = [];
    for (let i = random.from(1, 30); i > 0; i--) {
      const rows = Array.from({ length: random.from(1, 60) }, (): Version => {
        const letter = String.fromCharCode(97 + random.below(random.pick([1, 3, 26])));
        return { key: letter, lsn: ++lsn };
      });
      all.push(...rows);
      levels = levels.edit([], [sealed(rows)]);
      // Some are compacted early, so that there is something on the way.
      const job = random.once(4) ? planCompaction(levels, settings) : undefined;
      if (job !== undefined) levels = levels.edit(job.inputs, work(job, settings));
    }
    let jobs = 0;
    for (
      let job = planCompaction(levels, settings);
      job !== undefined;
      job = planCompaction(levels, settings)
    ) {
      levels = levels.edit(job.inputs, work(job, settings));
      assert(++jobs < 300, "it comes to an end");
    }
    const left = [...levels.sorted[bottomLevel].layers, ...levels.columns.layers] as FilledLayer[];
    assertEquals(left.length, levels.count);
    assert(left.every(({ level }) => level === bottomLevel || level === columnLevel));
    assertEquals(left.reduce((sum, { rows }) => sum + rows.length, 0), all.length);
    assertEquals(new Set(left.flatMap(({ rows }) => rows.map(({ lsn }) => lsn))).size, all.length);
  }
});
