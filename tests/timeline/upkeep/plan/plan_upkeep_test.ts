import { assert, assertEquals } from "@std/assert";
import { bottomLevel, boundsOf, columnLevel, Levels } from "../../../../src/timeline/upkeep/plan/levels.ts";
import { planUpkeep } from "../../../../src/timeline/upkeep/plan/plan_upkeep.ts";
import {
  defaultPlanSettings,
  type PlannedJob,
  type PlannedLayer,
  type PlanSettings,
} from "../../../../src/timeline/upkeep/plan/planned_layer.ts";
import { Random, seeds } from "../../../random.ts";
import {
  type FilledLayer,
  layer,
  lineOf,
  needed,
  sealed,
  settings,
  type Version,
  versionBytes,
  work,
} from "./plan_fixture.ts";

/** What is planned for layers that are written as lines, as a line. */
function planned(
  lines: readonly string[],
  change: Partial<PlanSettings> = {},
  out: readonly string[] = [],
): string {
  const layers = lines.map((line) => layer(line));
  const leftOut = layers.filter((each) => out.includes(lineOf(each)));
  const { job } = planUpkeep(Levels.empty.edit([], layers), { ...settings, ...change }, { leftOut });
  if (job === undefined) return "nothing";
  const oldest = job.isOldest ? ", oldest" : "";
  return `${job.work} ${job.inputs.map(lineOf).join(" + ")} to ${job.level}${oldest}`;
}

Deno.test("planUpkeep() plans nothing where nothing is to be gained", () => {
  const cases: string[][] = [
    [],
    ["0 a-f 2..3 90", "7 a-z 1..1 400"],
    ["0 a-f 2..3 90", "0 a-f 4..5 90", "7 a-z 1..1 400"],
    // As much as the base may hold.
    ["6 a-f 2..3 400", "6 g-k 2..3 400", "7 a-z 1..1 700"],
    ["8 a-a 1..9 400", "8 a-a 10..19 400"],
    ["7 a-f 1..3 4000"],
  ];
  for (const lines of cases) assertEquals(planned(lines), "nothing", lines.join());
});

Deno.test("planUpkeep() moves the oldest layers at level 0 to the lowest level where nothing overlaps them", () => {
  const cases: [string[], string][] = [
    [["0 a-f 1..3 200"], "move 0 a-f 1..3 200 to 7"],
    [["0 a-f 1..3 200", "0 g-k 4..6 200"], "move 0 a-f 1..3 200 + 0 g-k 4..6 200 to 7"],
    [["0 a-f 1..3 200", "0 f-k 4..6 200"], "move 0 a-f 1..3 200 to 7"],
    // A small one is worth no file of its own.
    [["0 a-f 1..3 90", "0 g-k 4..6 200"], "nothing"],
    // The newer one waits for the older one, though nothing overlaps it.
    [["0 a-f 4..6 200", "0 x-z 7..9 200", "7 c-d 1..3 200"], "nothing"],
    // Nothing passes another.
    [["0 a-f 4..6 200", "6 f-g 3..3 700", "7 a-z 1..2 400"], "nothing"],
    [["0 a-e 4..6 200", "6 f-g 3..3 700", "7 a-z 1..2 400"], "move 0 a-e 4..6 200 to 6"],
  ];
  for (const [lines, expected] of cases) assertEquals(planned(lines), expected, lines.join());
});

Deno.test("planUpkeep() merges layers at level 0 that a key has too many of, with what they overlap in the base", () => {
  const l0s = ["0 a-f 4..6 200", "0 e-k 7..8 200", "0 b-e 9..9 200"];
  const all = l0s.join(" + ");
  const cases: [string[], Partial<PlanSettings>, string][] = [
    [[...l0s, "7 a-b 1..3 100", "7 l-m 1..3 100"], {}, `merge ${all} + 7 a-b 1..3 100 to 7, oldest`],
    [[...l0s, "6 c-d 2..3 100", "7 a-b 1..1 900"], {}, `merge ${all} + 6 c-d 2..3 100 to 6`],
    // A column is no hindrance, but older.
    [[...l0s, "7 f-g 2..3 100", "8 c-c 1..3 400"], {}, `merge ${all} + 7 f-g 2..3 100 to 7`],
    // Oldest first, as many as one merge takes in.
    [
      [...l0s, "7 a-b 1..3 100"],
      { mostInputBytes: 2000, mergeL0s: 3 },
      `merge ${all} + 7 a-b 1..3 100 to 7, oldest`,
    ],
    [
      [...l0s, "7 a-b 1..3 100"],
      { mostInputBytes: 650 },
      "merge 0 a-f 4..6 200 + 0 e-k 7..8 200 + 7 a-b 1..3 100 to 7, oldest",
    ],
    [[...l0s, "7 a-b 1..3 100"], { mergeL0s: 4 }, "nothing"],
    [[...l0s, "7 a-b 1..3 100"], { mergeL0s: 4, mostL0s: 3 }, `merge ${all} + 7 a-b 1..3 100 to 7, oldest`],
  ];
  for (const [lines, change, expected] of cases) assertEquals(planned(lines, change), expected, lines.join());
});

Deno.test("planUpkeep() lets level 0 have what levels in use leave of ten layers, and three at rest", () => {
  const l0s = Array.from({ length: 5 }, (_, i) => `0 a-f ${i + 4}..${i + 4} 200`);
  const levels = ["6 a-f 3..3 100", "7 a-f 1..2 900"];
  const all = [...l0s, levels[0]].join(" + ");
  const cases: [number, Partial<PlanSettings>, string][] = [
    [0, { mostDepth: 8 }, "nothing"],
    [0, { mostDepth: 7 }, `merge ${all} to 6`],
    [0, { mostDepth: 8, isAtRest: true }, `merge ${all} to 6`],
    [3, { mostDepth: 8, isAtRest: true }, "nothing"],
    // Three may be there in any case.
    [3, { mostDepth: 1 }, "nothing"],
    [2, { mostDepth: 1 }, `merge ${[...l0s.slice(2), levels[0]].join(" + ")} to 6`],
  ];
  for (const [from, change, expected] of cases) {
    assertEquals(
      planned([...l0s.slice(from), ...levels], change),
      expected,
      `${from} ${JSON.stringify(change)}`,
    );
  }
});

Deno.test("planUpkeep() sorts segments whose keys others have, each where it stands, before they go down", () => {
  const four = ["L0 a-f 4..4 200", "0 a-f 5..5 200", "L0 a-f 6..6 200", "0 a-f 7..7 200"];
  const bottom = "7 a-z 1..3 400", wide = { mostDepth: 9 };
  const cases: [string[], Partial<PlanSettings>, string][] = [
    [[...four, bottom], wide, "merge L0 a-f 4..4 200 to 0"],
    [[...four.slice(1), bottom], wide, "nothing"],
    [[...four.slice(1), bottom], { ...wide, isAtRest: true }, "merge L0 a-f 6..6 200 to 0"],
    [["L0 a-f 4..4 200", bottom], { isAtRest: true }, "merge L0 a-f 4..4 200 to 0"],
    // What is due by its depth is sorted first.
    [[...four.slice(1), bottom], { mostDepth: 3 }, "merge L0 a-f 6..6 200 to 0"],
    // Where merges are small it is read as it came.
    [[...four, bottom], { ...wide, scatteredBytes: settings.mostInputBytes }, "nothing"],
    // One that is small is, too.
    [[...four.slice(1, 2), "L0 a-f 6..6 20", "0 a-f 7..7 200", "0 a-f 8..8 200", bottom], wide, "nothing"],
  ];
  for (const [lines, change, expected] of cases) assertEquals(planned(lines, change), expected, lines.join());
});

Deno.test("planUpkeep() moves segments as they are whose keys come in order, and not before that is seen", () => {
  const four = ["L0 a-c 1..1 200", "L0 c-e 2..2 200", "L0 e-g 3..3 200", "L0 g-i 4..4 200"];
  assertEquals(planned(four.slice(0, 1)), "nothing");
  assertEquals(planned(four.slice(0, 3)), "nothing");
  assertEquals(planned(four), `move ${four[0]} to 7`);
  assertEquals(planned(four.slice(0, 1), { isAtRest: true }), `move ${four[0]} to 7`);
  assertEquals(planned([...four.slice(1), "L0 i-k 5..5 200", "7 a-c 1..1 900"]), `move ${four[1]} to 6`);
  assertEquals(planned([four[1], "7 a-c 1..1 200"], { isAtRest: true }), `merge ${four[1]} to 0`);
});

Deno.test("planUpkeep() joins small layers at level 0 among themselves", () => {
  const base = "7 a-z 1..3 400";
  const cases: [string[], string][] = [
    [
      [base, "0 a-f 4..4 50", "0 a-f 5..5 50", "0 a-f 6..6 50"],
      "merge 0 a-f 4..4 50 + 0 a-f 5..5 50 + 0 a-f 6..6 50 to 0",
    ],
    // What is large already is not written anew for a little.
    [
      [base, "0 a-f 4..4 200", "0 a-f 5..5 50", "0 a-f 6..6 20"],
      "merge 0 a-f 4..4 200 + 0 a-f 5..5 50 + 0 a-f 6..6 20 + 7 a-z 1..3 400 to 7, oldest",
    ],
    [[base, "0 a-f 4..4 200", "0 a-f 5..5 50", "0 a-f 6..6 40"], "merge 0 a-f 5..5 50 + 0 a-f 6..6 40 to 0"],
  ];
  for (const [lines, expected] of cases) assertEquals(planned(lines), expected, lines.join());
});

Deno.test("planUpkeep() takes no more than 256 layers at level 0 in, the oldest or the newest", () => {
  const plan = (bytes: number) => {
    const l0s = Array.from({ length: 2000 }, (_, i) => layer(`0 a-f ${i + 1}..${i + 1} ${bytes}`));
    const { job, pressure } = planUpkeep(Levels.empty.edit([], l0s), {
      ...settings,
      mostInputBytes: 160_000,
    });
    return [job!.inputs.length, job!.inputs[0].firstLsn, job!.level, Math.round(pressure)];
  };
  assertEquals(plan(30), [256, 1, bottomLevel, Math.round(2000 / settings.mostL0s - 1)]);
  assertEquals(plan(3), [256, 1745, 0, Math.round(2000 / settings.mostL0s - 1)]);
});

Deno.test("planUpkeep() takes down what costs the least, and what fits between", () => {
  const bottom = ["7 a-d 1..1 400", "7 e-h 1..1 400", "7 i-m 1..1 400", "7 n-z 1..1 400"];
  const cases: [string[], string][] = [
    // 1600 + 900 bytes: the base is 5, whose bound is 800.
    [["6 b-b 2..2 500", "6 g-j 2..2 500", ...bottom], "merge 6 b-b 2..2 500 + 7 a-d 1..1 400 to 7, oldest"],
    [
      ["6 b-b 2..2 500", "6 c-d 2..2 100", "6 g-j 2..2 500", ...bottom],
      "merge 6 b-b 2..2 500 + 6 c-d 2..2 100 + 7 a-d 1..1 400 to 7, oldest",
    ],
    [
      ["6 b-b 2..2 500", "6 d-f 2..2 100", "6 g-j 2..2 500", ...bottom],
      "merge 6 b-b 2..2 500 + 7 a-d 1..1 400 to 7, oldest",
    ],
    [["6 0-9 2..2 900", "6 b-b 2..2 500", ...bottom], "move 6 0-9 2..2 900 to 7"],
  ];
  for (const [lines, expected] of cases) {
    assertEquals(planned(lines, { sizeRatio: 10 }), expected, lines.join());
  }
});

Deno.test("planUpkeep() takes down several levels at once where that is cheaper", () => {
  const lines = [
    "5 a-d 5..5 900",
    "6 a-b 3..4 500",
    "6 c-d 3..4 500",
    "6 p-p 3..4 400",
    "7 a-d 1..2 900",
    "7 e-z 1..2 4000",
  ];
  const all = lines.slice(0, 3).join(" + ");
  assertEquals(planned(lines, { sizeRatio: 3 }), `merge ${all} + 7 a-d 1..2 900 to 7, oldest`);
  assertEquals(planned(lines, { mostLevels: 1 }), `merge ${all} to 6`);
  assertEquals(planned(lines, { mostInputBytes: 2700, sizeRatio: 10 }), `merge ${all} to 6`);
});

Deno.test("planUpkeep() divides a layer that reaches over more than one merge takes in", () => {
  const bottom = [..."abcdefghijk"].map((letter) => `7 ${letter}-${letter} 1..1 600`);
  const lines = ["6 a-k 2..2 900", ...bottom];
  const levels = Levels.empty.edit([], lines.map((line) => layer(line)));
  const { job } = planUpkeep(levels, { ...settings, sizeRatio: 10 });
  assertEquals(planned(lines, { sizeRatio: 10 }), "merge 6 a-k 2..2 900 to 6");
  assertEquals(job!.cuts.filter(({ must }) => must).length, 2);
});

Deno.test("planUpkeep() writes anew what a horizon has left half empty, and only if nothing else is due", () => {
  const horizon = 20;
  const at = (line: string, keys: number) => layer(line, { keys });
  const plan = (layers: PlannedLayer[], change: Partial<PlanSettings> = {}) =>
    planUpkeep(Levels.empty.edit([], layers), { ...settings, mostStale: 9, horizon, ...change }).job?.inputs
      .map(lineOf).join(" + ");
  const half = at("7 a-d 1..20 400", 20), more = at("7 e-h 1..20 400", 21), late = at("7 i-k 1..21 400", 1);
  assertEquals(plan([half, more, late]), "7 a-d 1..20 400");
  assertEquals(plan([more, late]), undefined);
  assertEquals(plan([half], { horizon: undefined }), undefined);
  assertEquals(plan([half, at("6 e-h 1..20 900", 90)]), "6 e-h 1..20 900");
  const column = ["8 p-p 1..1 10", "8 p-p 2..12 400", "8 p-p 13..40 400"].map((line) => at(line, 1));
  assertEquals(plan([...column, at("8 o-o 1..9 10", 1)]), "8 p-p 1..1 10 + 8 p-p 2..12 400");
});

Deno.test("planUpkeep() writes columns anew behind one that is left out, but for those of its key", () => {
  const column = (line: string) => layer(line, { keys: 1 });
  const out = column("8 a-a 1..9 400"), same = column("8 a-a 10..12 400"), other = column("8 b-b 1..12 400");
  const levels = Levels.empty.edit([], [out, same, other]), given = { ...settings, horizon: 20 };
  const plan = (leftOut: PlannedLayer[]) => planUpkeep(levels, given, { leftOut }).job?.inputs.map(lineOf);
  assertEquals(plan([]), [lineOf(out)]);
  assertEquals(plan([out]), [lineOf(other)]);
  assertEquals(plan([out, other]), undefined);
});

Deno.test("planUpkeep() takes down what supersedes much under a horizon, less where nothing is appended", () => {
  const bottom = ["7 a-d 1..10 400", "7 e-h 1..10 400", "7 i-p 1..10 400"];
  const plan = (above: readonly string[], change: Partial<PlanSettings> = {}) =>
    planned([...above, ...bottom], { horizon: 20, mostStale: 0.2, ...change });
  // Of 120 versions 20 may be stale.
  const few = "6 b-f 11..20 200", more = "6 b-f 11..20 250", rest = { isAtRest: true };
  assertEquals(plan([few]), "nothing");
  assertEquals(plan([more]), `merge ${more} + ${bottom[0]} + ${bottom[1]} to 7, oldest`);
  assertEquals(plan([few], rest), `merge ${few} + ${bottom[0]} + ${bottom[1]} to 7, oldest`);
  assertEquals(plan(["6 b-f 11..20 80"], rest), "nothing");
  // What is above the horizon stays whatever is done, and without a horizon everything does.
  assertEquals(plan(["6 b-f 21..30 250"], rest), "nothing");
  assertEquals(plan([more], { ...rest, horizon: undefined }), "nothing");
  // Few segments wait for others, but where none come.
  const l0s = ["0 b-f 11..15 90", "0 b-f 16..20 90"];
  assertEquals(plan([...l0s, "6 b-f 1..10 200"]), "nothing");
  assertEquals(plan(l0s, rest), `merge ${l0s.join(" + ")} to 6`);
});

Deno.test("planUpkeep() writes the layer of the bottom anew that a horizon has left the most in", () => {
  const two = layer("7 a-d 1..20 400", { keys: 25, horizon: 10 });
  const three = layer("7 e-h 1..20 400", { keys: 24, horizon: 10 });
  const levels = Levels.empty.edit([], [two, three]), given = { ...settings, horizon: 20, mostStale: 0.6 };
  assertEquals(planUpkeep(levels, given).job?.inputs, [three]);
  assertEquals(planUpkeep(levels, { ...given, mostStale: 0.7 }).job, undefined);
});

Deno.test("planUpkeep() leaves no more at rest than it may, of what is not needed", () => {
  for (const seed of seeds("plan rest", 5)) {
    const random = new Random(seed), all: Version[] = [];
    let levels = Levels.empty;
    const upkeep = (given: PlanSettings) => {
      for (let job = planUpkeep(levels, given).job; job !== undefined; job = planUpkeep(levels, given).job) {
        levels = levels.edit(job.inputs, work(job, given));
      }
    };
    const keys = random.from(200, 800), given = { ...settings, horizon: 0 };
    for (let lsn = 1; lsn < 5000;) {
      const rows = Array.from({ length: 50 }, () => ({ key: `${1000 + random.below(keys)}`, lsn: lsn++ }));
      all.push(...rows);
      levels = levels.edit([], [sealed(rows)]);
      given.horizon = Math.max(0, lsn - 300);
      upkeep(given);
    }
    upkeep({ ...given, isAtRest: true });
    const layers = [...levels.l0s, ...levels.sorted.flatMap((level) => level.layers)] as FilledLayer[];
    const found = layers.reduce((sum, { versions }) => sum + versions, 0);
    const wanted = [...Map.groupBy(all, (row) => row.key).values()].flatMap((rows) => {
      return needed(rows, given.horizon);
    });
    // Versions do not lie quite evenly, by which the estimate goes.
    assert(found <= wanted.length * (1 + settings.mostStaleAtRest + 0.03), `${found} for ${wanted.length}`);
  }
});

Deno.test("planUpkeep() gives another job than one with layers that are left out, or none that would meet them", () => {
  const bottom = ["7 a-d 1..1 400", "7 e-h 1..1 400", "7 i-m 1..1 400", "7 n-z 1..1 400"];
  const above = ["6 b-b 2..2 900", "6 c-j 2..2 900", "6 o-p 2..2 900"];
  const first = [above[0], bottom[0]];
  const change = { sizeRatio: 10, mostLevels: 1 };
  assertEquals(planned([...above, ...bottom], change), `merge ${first.join(" + ")} to 7, oldest`);
  assertEquals(
    planned([...above, ...bottom], change, first),
    `merge ${above[2]} + ${bottom[3]} to 7, oldest`,
  );
  const both = [...first, above[2], bottom[3]];
  assertEquals(planned([...above, ...bottom], change, both), "nothing");
  // The base is within its bound but for what is left out.
  assertEquals(planned([above[0], "6 f-g 2..2 600", ...bottom], change, first), "nothing");
  const l0s = ["0 a-f 4..6 200", "0 a-f 7..8 200", "0 a-f 9..9 200"];
  // What is newer at level 0 waits for what is older, in few layers.
  const newer = ["0 a-f 10..11 200", "0 a-f 12..12 200", "0 a-f 13..13 200"], base = "7 a-b 1..3 100";
  const joined = `merge ${newer.join(" + ")} to 0`;
  assertEquals(planned([...l0s, ...newer, base], {}, [...l0s, base]), joined);
  assertEquals(planned([...l0s, ...newer.slice(1), base], {}, [...l0s, base]), "nothing");
  const passing = "0 x-x 14..14 200";
  assertEquals(planned([...l0s, ...newer, passing, base], {}, [...l0s, base]), `move ${passing} to 7`);
});

Deno.test("planUpkeep() says how much is to be written, and how far over its bounds it is", () => {
  const of = (...lines: string[]) => {
    const { debt, pressure } = planUpkeep(Levels.empty.edit([], lines.map((line) => layer(line))), settings);
    return [debt, pressure];
  };
  assertEquals(of(), [0, 0]);
  assertEquals(of("0 a-f 4..6 200", "0 a-f 7..8 200"), [0, 0]);
  const l0s = ["0 a-f 4..6 200", "0 a-f 7..8 200", "0 a-f 9..9 200"];
  assertEquals(of(...l0s, "7 a-f 1..1 100"), [700, 0]);
  const six = [...l0s, "0 a-f 10..10 200", "0 a-f 11..11 200", "0 a-f 12..12 200"];
  assertEquals(of(...six, "7 a-f 1..1 100"), [1300, 1]);
  // 800 of 1600 go down, and with each of them 2400 / 1600 of what is there.
  assertEquals(of("6 a-f 2..2 1600", "7 a-f 1..1 800"), [800 * (1 + 800 / 1600), 1]);
});

Deno.test("planUpkeep() presses the most where a key has 36 layers at level 0, whatever levels are in use", () => {
  const press = (count: number, ...levels: string[]) => {
    const l0s = Array.from({ length: count }, (_, i) => `0 a-f ${i + 4}..${i + 4} 200`);
    const lines = [...l0s, ...levels].map((line) => layer(line));
    return planUpkeep(Levels.empty.edit([], lines), { ...settings, mostDepth: 10, mostL0s: 99 }).pressure;
  };
  assertEquals([press(10), press(36), press(36, "7 a-f 1..3 100")], [0, 11, 11]);
  assertEquals([press(18) < 5, press(22) > 5, press(21, "7 a-f 1..3 100") > 5], [true, true, false]);
});

Deno.test("planUpkeep() has bounds that keep ten layers over a key, whatever the size", () => {
  assertEquals([defaultPlanSettings.mergeL0s + bottomLevel, defaultPlanSettings.mostDepth], [10, 10]);
  const levels = Levels.empty.edit([], [layer("7 a-z 1..1 99999999999990")]);
  assert(boundsOf(levels, settings).base >= 1);
});

/** A trial: layers that come, also while a job runs, and what must be true all the time. */
class Trial {
  readonly #random: Random;
  readonly #rows: Version[] = [];
  #running: PlannedJob | undefined;
  readonly #settings: PlanSettings;
  #levels = Levels.empty;
  #damaged: PlannedLayer[] = [];
  #lsn = 0;

  constructor(seed: number) {
    const random = this.#random = new Random(seed);
    const mostLevels = random.below(2) === 0 ? 1 : 7, mostDepth = random.from(1, 10);
    this.#settings = { ...settings, sizeRatio: random.from(2, 5), mostLevels, mostDepth };
  }

  /** Seals a segment of some shape, with keys that come in some order. */
  seal(): void {
    const random = this.#random,
      shape = random.below(4),
      count = random.from(2, 60),
      start = random.below(900);
    const rows = Array.from({ length: count }, (_, i) => {
      const number = [random.below(1000), start + i, start + random.below(30), random.below(20) ** 2][shape];
      return { key: `${1000 + number}`, lsn: ++this.#lsn };
    });
    this.#rows.push(...rows);
    this.#levels = this.#levels.edit([], [sealed(rows)]);
  }

  /** Has another layer left out that no job takes in, or those that are taken in again. */
  damage(): void {
    const busy = this.#running?.inputs ?? [];
    const sound = this.#layers().filter((layer) => !busy.includes(layer) && !this.#damaged.includes(layer));
    if (sound.length === 0 || this.#damaged.length === 3) this.#damaged = [];
    else this.#damaged.push(sound[this.#random.below(sound.length)]);
  }

  /** Starts a job, if none runs and there is one. */
  start(): boolean {
    if (this.#running !== undefined) return false;
    const apart = { leftOut: this.#damaged };
    const plan = planUpkeep(this.#levels, this.#settings, apart);
    assertEquals(planUpkeep(this.#levels, this.#settings, apart), plan, "the same layers give the same job");
    const { job } = plan;
    if (job === undefined) return false;
    assert(job.inputs.every((input) => !this.#damaged.includes(input)), "a damaged layer is not taken in");
    this.#checkSize(job);
    this.#running = job;
    return true;
  }

  /** Ends the job. */
  finish(): boolean {
    const job = this.#running;
    if (job === undefined) return false;
    this.#running = undefined;
    const outputs = work(job, this.#settings), inputs = job.inputs.map(lineOf);
    assert(job.work === "move" || outputs.map(lineOf).join() !== inputs.join(), "a merge changes something");
    this.#levels = this.#levels.edit(job.inputs, outputs);
    this.#check();
    return true;
  }

  /** Runs jobs until nothing is to do. */
  settle(): void {
    this.#damaged = [];
    for (let steps = 0; this.start() || this.finish(); steps++) {
      assert(steps < 5000, "upkeep comes to an end");
    }
    const { debt, pressure } = planUpkeep(this.#levels, this.#settings);
    assertEquals([debt, pressure < 1], [0, true]);
    const { mergeL0s, mostDepth } = this.#settings;
    const used = this.#levels.sorted.filter(({ layers }) => layers.length > 0).length;
    assert(this.#depth() < Math.max(mergeL0s + used, mostDepth));
  }

  #layers(): FilledLayer[] {
    const { l0s, sorted, columns } = this.#levels;
    return [...l0s, ...sorted.flatMap(({ layers }) => layers), ...columns.layers] as FilledLayer[];
  }

  #checkSize({ work: kind, inputs, level }: PlannedJob): void {
    const bytes = inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const top = Math.min(...inputs.map((input) => input.level));
    const few = inputs.filter((input) => input.level === top).length === 1 &&
      (top === 0 || inputs.length <= 3);
    assert(
      kind === "move" || level === columnLevel || few || bytes <= this.#settings.mostInputBytes,
      `${bytes}`,
    );
  }

  /** Every version is there once, and those of a key are newer the higher their level (C2). */
  #check(): void {
    const found = this.#layers().flatMap((each) => each.rows.map((row) => ({ ...row, level: each.level })));
    const lsns = new Float64Array(found.map(({ lsn }) => lsn)).sort();
    assertEquals(lsns, Float64Array.from(this.#rows, ({ lsn }) => lsn), "every version is there once");
    const inLevels = found.filter(({ level }) => level !== columnLevel);
    for (const [name, rows] of Map.groupBy(inLevels, (row) => row.key)) {
      rows.sort((a, b) => a.lsn - b.lsn);
      const isOrdered = rows.every(({ level }, i) => i === 0 || level <= rows[i - 1].level);
      assert(isOrdered, `${name}: ${rows.map(({ lsn, level }) => `${lsn}@${level}`)}`);
    }
  }

  #depth(): number {
    const layers = this.#layers().filter(({ level }) => level !== columnLevel);
    return Math.max(
      ...this.#rows.map(({ key }) =>
        layers.filter(({ rows }) => rows[0].key <= key && key <= rows[rows.length - 1].key).length
      ),
    );
  }
}

Deno.test("planUpkeep() brings any layers to an end, whatever comes meanwhile, and reorders no history", () => {
  for (const seed of seeds("plan upkeep", 5)) {
    const random = new Random(seed), trial = new Trial(seed);
    for (let step = 0; step < 150; step++) {
      [() => trial.seal(), () => trial.start(), () => trial.finish()][random.below(3)]();
      if (random.below(20) === 0) trial.damage();
    }
    trial.settle();
  }
});

Deno.test("planUpkeep() leaves what is needed as of a horizon and later, and not much more", () => {
  for (const seed of seeds("plan horizon", 5)) {
    const random = new Random(seed), all: Version[] = [];
    let levels = Levels.empty, horizon = 0;
    for (let lsn = 1; lsn < 3000;) {
      const rows = Array.from({ length: 50 }, () => ({ key: `${1000 + random.below(40) ** 2}`, lsn: lsn++ }));
      all.push(...rows);
      levels = levels.edit([], [sealed(rows)]);
      horizon = Math.max(horizon, lsn - random.from(100, 1000));
      const given = { ...settings, horizon };
      for (let job = planUpkeep(levels, given).job; job !== undefined; job = planUpkeep(levels, given).job) {
        levels = levels.edit(job.inputs, work(job, given));
      }
    }
    const layers = [
      ...levels.l0s,
      ...levels.sorted.flatMap((level) => level.layers),
      ...levels.columns.layers,
    ];
    const found = new Set((layers as FilledLayer[]).flatMap(({ rows }) => rows.map(({ lsn }) => lsn)));
    const wanted = [...Map.groupBy(all, (row) => row.key).values()].flatMap((rows) => needed(rows, horizon));
    assertEquals(wanted.filter(({ lsn }) => !found.has(lsn)), []);
    assert(found.size * versionBytes < all.length * versionBytes / 2, `${found.size} of ${all.length}`);
  }
});

Deno.test("planUpkeep() presses nobody for what no job can help: layers that one which is left out blocks", () => {
  const l0s = Array.from({ length: 60 }, (_, i) => layer(`0 a-z ${i * 10 + 1}..${i * 10 + 9} 90`));
  const base = layer("7 a-z 0..0 3000"), levels = Levels.empty.edit([], [...l0s, base]);
  assert(planUpkeep(levels, settings).pressure > 10);
  assertEquals(planUpkeep(levels, settings, { leftOut: [l0s[0]] }).pressure, 0);
  // They are joined among themselves, as many as one merge takes in.
  const { job } = planUpkeep(levels, settings, { leftOut: [l0s[0]] });
  assertEquals([job?.level, job?.inputs.map(lineOf)], [0, l0s.slice(-35).map(lineOf)]);
  const few = Levels.empty.edit([], [...l0s.slice(0, 3), base]);
  assertEquals(planUpkeep(few, settings, { leftOut: [l0s[0]] }).job, undefined);
});

Deno.test("planUpkeep() presses nobody for what lies above a layer that is left out, and cannot pass it", () => {
  const out = layer("7 a-d 1..1 900"), above = layer("6 b-c 2..9 5000"), free = layer("6 g-h 2..9 5000");
  const plan = (...layers: PlannedLayer[]) => {
    return planUpkeep(Levels.empty.edit([], [out, ...layers]), settings, { leftOut: [out] });
  };
  assertEquals([plan(above).pressure, plan(above).debt, plan(above).job], [0, 0, undefined]);
  const { pressure, job } = plan(above, free);
  assertEquals([pressure > 0, job?.inputs], [true, [free]]);
});

Deno.test("planUpkeep() merges layers at level 0 into a level above the base that they cannot go to", () => {
  const l0s = ["0 a-f 4..6 200", "0 e-k 7..8 200", "0 b-e 9..9 200"],
    under = ["6 a-b 2..3 90", "7 a-m 1..1 900"];
  const out = "6 i-k 2..3 100", all = l0s.join(" + ");
  const cases: [string[], string, string][] = [
    // The oldest, which has none of its keys, goes to the base.
    [[...l0s, ...under, out], out, `merge ${l0s[0]} + ${under[0]} to 6`],
    [
      [...l0s.slice(1), "0 e-j 10..12 200", ...under, out],
      out,
      `merge ${l0s.slice(1).join(" + ")} + 0 e-j 10..12 200 to 5`,
    ],
    // What was put there before is taken in again.
    [[...l0s, "6 a-k 2..3 90", "7 a-m 1..1 900"], "7 a-m 1..1 900", `merge ${all} + 6 a-k 2..3 90 to 6`],
  ];
  for (const [lines, left, expected] of cases) {
    assertEquals(planned(lines, {}, [left]), expected, lines.join());
  }
});

Deno.test("planUpkeep() plans smaller jobs where there is little room, and first what gives some back", () => {
  const l0s = ["0 a-f 4..6 90", "0 e-k 7..8 90", "0 b-e 9..9 90"], all = l0s.join(" + ");
  const base = ["7 a-c 1..1 900", "7 d-k 1..1 900"], bottom = [...base, "7 l-z 1..1 900"];
  const above = ["6 a-k 3..3 700", "6 l-m 3..3 200"],
    of = (roomBytes: number, change: Partial<PlanSettings> = {}) => {
      return { roomBytes, mostInputBytes: 2400, sizeRatio: 10, ...change };
    };
  const cases: [string[], Partial<PlanSettings>, string][] = [
    [[...l0s, ...base], of(Infinity), `merge ${all} to 0`],
    [[...l0s, ...base], of(260), `merge ${l0s[1]} + ${l0s[2]} to 0`],
    [[...l0s, ...base], of(100), "nothing"],
    // The cheapest does not fit, and another does.
    [[...above, ...bottom], of(1100), `merge ${above[1]} + ${bottom[2]} to 7, oldest`],
    [[...above, ...bottom], of(1099), "nothing"],
    // What is moved needs none.
    [["6 0-1 3..3 900", ...above, ...bottom], of(0), "move 6 0-1 3..3 900 to 7"],
  ];
  for (const [lines, change, expected] of cases) assertEquals(planned(lines, change), expected, lines.join());
});

Deno.test("planUpkeep() writes anew what a horizon has left half empty before all else where there is little room", () => {
  const half = layer("7 a-d 1..20 400", { keys: 10 }), whole = layer("7 e-h 1..20 4000", { keys: 200 });
  const l0s = ["0 a-h 30..30 90", "0 a-h 31..31 90", "0 a-h 32..32 90"].map((line) => layer(line));
  const levels = Levels.empty.edit([], [whole, half, ...l0s]), given = { ...settings, horizon: 20 };
  const plan = (roomBytes?: number) => planUpkeep(levels, { ...given, roomBytes }).job?.inputs.map(lineOf);
  assertEquals(plan(), l0s.map(lineOf));
  // 40 versions of ten keys.
  assertEquals([plan(100), plan(99)], [[lineOf(half)], undefined]);
});

/** Has random keys come and all jobs done, but with layers left out; returns how many layers each key then has, at most. */
function ingested(
  out: PlannedLayer,
  under: readonly PlannedLayer[],
  count: number,
): [l0s: number, depth: number] {
  const random = new Random(count), given = { ...settings, mostDepth: 10 };
  const layers = [...under, out].map((each) => {
    const keys = [each.firstKey, each.lastKey].map((bytes) => new TextDecoder().decode(bytes));
    return { ...each, rows: keys.map((key) => ({ key, lsn: each.lastLsn })) };
  });
  let levels = Levels.empty.edit([], layers), l0s = 0, depth = 0;
  for (let lsn = 100, sealing = 0; sealing < count; sealing++) {
    const rows = Array.from({ length: 20 }, () => ({ key: `${1000 + random.below(1000)}`, lsn: lsn++ }));
    levels = levels.edit([], [sealed(rows)]);
    for (let jobs = 0;; jobs++) {
      const { job, pressure } = planUpkeep(levels, given, { leftOut: [out] });
      assert(pressure < 5 && jobs < 500, `pressure ${pressure} after ${jobs} jobs`);
      if (job === undefined) break;
      assert(!job.inputs.includes(out), "what is left out is not taken in");
      levels = levels.edit(job.inputs, work(job, given));
    }
    l0s = Math.max(l0s, levels.l0s.length);
    depth = Math.max(
      depth,
      levels.l0s.length + levels.sorted.filter((level) => level.layers.length > 0).length,
    );
  }
  return [l0s, depth];
}

Deno.test("planUpkeep() keeps level 0 small above a layer that is left out, however much comes", () => {
  const bottom = ["7 1000-1299 1..1 3200", "7 1300-1599 1..1 3200", "7 1600-1999 1..1 3200"].map((line) =>
    layer(line)
  );
  for (const level of [7, 6, 5, 4, 3]) {
    const out = layer(`${level} 1300-1399 2..2 400`), under = level < 7 ? bottom : [bottom[0], bottom[2]];
    const [l0s, depth] = ingested(out, under, 100);
    assert(l0s <= 10 && depth <= 13, `above level ${level}: ${l0s} at level 0, ${depth} over a key`);
  }
  // No level is free above these: what comes is joined, up to what one merge takes in.
  for (const line of ["1 1300-1399 2..2 400", "0 1000-1999 2..2 400"]) {
    const [l0s] = ingested(layer(line), bottom, 100);
    assert(l0s <= 100 * 20 * versionBytes / settings.mostInputBytes * 2 + 10, `${line}: ${l0s} at level 0`);
  }
});

Deno.test("planUpkeep() leaves what no job can take in out of what is stale, be it all there is", () => {
  const out = layer("0 a-z 1..10 400"), blocked = layer("0 b-c 11..20 90");
  const given = { ...settings, horizon: 20, isAtRest: true };
  assertEquals(planUpkeep(Levels.empty.edit([], [out, blocked]), given, { leftOut: [out] }).job, undefined);
  // Nothing of the bottom is written anew for it, which would free next to nothing.
  const bottom = layer("7 a-z 1..10 900", { keys: 89, horizon: 5 });
  const levels = Levels.empty.edit([], [out, blocked, bottom]);
  assertEquals(planUpkeep(levels, given, { leftOut: [out] }).job, undefined);
});

Deno.test("planUpkeep() has layers at level 0 pass one that is left out where they have none of its keys", () => {
  const out = layer("0 a-c 1..9 200"), blocked = layer("0 b-z 30..39 200");
  const newer = ["0 d-f 10..19 90", "0 d-f 20..29 90", "0 d-f 40..49 90"].map((line) => layer(line));
  const plan = (...l0s: PlannedLayer[]) => {
    const levels = Levels.empty.edit([], [layer("7 a-z 0..0 1000"), out, ...l0s]);
    return planUpkeep(levels, settings, { leftOut: [out] });
  };
  assertEquals(plan(...newer).job?.inputs.map(lineOf).slice(0, 3), newer.map(lineOf));
  // What is blocked blocks what is newer and has its keys.
  assertEquals(plan(newer[0], newer[1], blocked, newer[2]).job, undefined);
});
