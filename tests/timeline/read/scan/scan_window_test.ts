/** Windows of scans over cursors made by hand. */

import { assert, assertEquals } from "@std/assert";
import { mergeCursors } from "../../../../src/layer/mod.ts";
import { ScanWindow } from "../../../../src/timeline/read/scan/scan_window.ts";
import { Random, seeds } from "../../../random.ts";
import { listOf, noTurns, TestCursor, testFile, TestLayers, type TestVersion, versions } from "../layers.ts";

interface Question {
  readonly sources: readonly (readonly TestVersion[])[];
  readonly lsn: number;
  readonly reverse: boolean;
  /** Keys of a window. */
  readonly most: number;
}

/** Takes windows to the end; returns what each holds, such as `a:3 b:5~,2`. */
function windowsOf({ sources, lsn, reverse, most }: Question): string[] {
  const sign = reverse ? -1 : 1;
  const order = (a: TestVersion, b: TestVersion) =>
    (a.key < b.key ? -1 : a.key > b.key ? 1 : a.lsn - b.lsn) * sign;
  const cursor = mergeCursors(sources.map((source) => new TestCursor([...source].sort(order))), reverse);
  const files = sources.map((_, i) => ({ file: testFile(i + 1), lsn }));
  const windows: string[] = [];
  for (;;) {
    const window = new ScanWindow(cursor, files, most);
    while (window.advance(new TestLayers(), noTurns) !== "done");
    if (window.keys.length === 0) return windows;
    const keys = Array.from(
      { length: window.keys.length },
      (_, i) => new TextDecoder().decode(window.keys.keyAt(i)),
    );
    windows.push(keys.map((key, i) => `${key}:${listOf(window.places, i).replaceAll(" ", ",")}`).join(" "));
  }
}

interface Case {
  readonly name: string;
  readonly sources: readonly string[];
  /** By the LSN that is read as of. */
  readonly found: Readonly<Record<number, string>>;
}

const cases: Case[] = [
  { name: "there are no layers", sources: [], found: { 9: "" } },
  { name: "a layer is empty", sources: [""], found: { 9: "" } },
  {
    name: "one layer has them",
    sources: ["a@1 b@2 b@5 c@4x d@3"],
    found: { 0: "", 4: "a:1 b:2 d:3", 9: "a:1 b:5 d:3" },
  },
  {
    name: "newer layers hide older ones",
    sources: ["b@8 c@9x", "a@5x c@6", "a@1 b@2 c@3"],
    found: { 4: "a:1 b:2 c:3", 7: "b:2 c:6", 9: "b:8" },
  },
  {
    name: "layers overlap in LSN",
    sources: ["a@2 b@20 c@1", "a@10 b@11 c@12x", "a@5x b@30"],
    found: { 9: "c:1", 15: "a:10 b:11", 30: "a:10 b:30" },
  },
  {
    name: "everything was deleted",
    sources: ["a@5x b@6x c@7x", "a@1 b@2 c@3"],
    found: { 4: "a:1 b:2 c:3", 9: "" },
  },
  {
    name: "versions are not terminal",
    sources: ["a@7~ b@8~ c@9", "a@4~ a@5~ c@4~", "a@1 b@2"],
    found: { 9: "a:7~,5~,4~,1 b:8~,2 c:9", 6: "a:5~,4~,1 b:2 c:4~" },
  },
  {
    name: "a version stands in two layers",
    sources: ["a@5 b@5", "a@1 a@3~ a@5~ b@5"],
    found: { 9: "a:5 b:5", 4: "a:3~,1" },
  },
];

for (const { name, sources, found } of cases) {
  Deno.test(`ScanWindow takes the newest versions when ${name}`, () => {
    for (const [lsn, keys] of Object.entries(found)) {
      const expected = keys === "" ? [] : keys.split(" ");
      for (const reverse of [false, true]) {
        const inOrder = reverse ? expected.toReversed() : expected;
        for (const most of [1, 2, 100]) {
          const windows = windowsOf({ sources: sources.map(versions), lsn: Number(lsn), reverse, most });
          assertEquals(windows.join(" "), inOrder.join(" "), `reverse ${reverse}, ${most} at once`);
          assertEquals(windows.length, Math.ceil(expected.length / most));
        }
      }
    }
  });
}

Deno.test("ScanWindow takes the newest versions when keys have hundreds of them", () => {
  const all = ["a", "b", "c"].flatMap((key) =>
    Array.from({ length: 700 }, (_, i) => ({ key, lsn: i + 1, flags: 1 }))
  );
  for (const reverse of [false, true]) {
    const windows = windowsOf({ sources: [all], lsn: 650, reverse, most: 2 });
    assertEquals(windows, reverse ? ["c:650 b:650", "a:650"] : ["a:650 b:650", "c:650"]);
  }
});

Deno.test("ScanWindow lets the event loop turn among tombstones", () => {
  const all = Array.from({ length: 5000 }, (_, i) => ({ key: `k${10_000 + i}`, lsn: 1, flags: 3 }));
  const window = new ScanWindow(mergeCursors([new TestCursor(all)]), [{ file: testFile(1), lsn: 9 }], 100);
  let turns = 0;
  while (window.advance(new TestLayers(), { ...noTurns, due: () => true }) !== "done") turns++;
  assert(turns >= 10, `${turns} turns`);
  assertEquals(window.keys.length, 0);
});

Deno.test("ScanWindow takes what a sorted list of versions says when layers are random", () => {
  for (const seed of seeds("timeline scan", 30)) {
    const random = new Random(seed);
    const taken = new Set<string>();
    const sources = Array.from({ length: random.from(1, 6) }, () => {
      const source: TestVersion[] = [];
      for (let i = random.below(40); i > 0; i--) {
        const version = {
          key: `k${random.below(30)}`,
          lsn: random.from(1, 50),
          flags: random.pick([0, 1, 1, 3]),
        };
        const name = `${version.key}@${version.lsn}`;
        if (!taken.has(name)) source.push(version);
        taken.add(name);
      }
      return source;
    });
    const lsn = random.from(0, 50), reverse = random.once(2);
    const byKey = Map.groupBy(sources.flat().filter((version) => version.lsn <= lsn), ({ key }) => key);
    const expected: string[] = [];
    for (const [key, mine] of [...byKey].sort(([a], [b]) => a < b ? -1 : 1)) {
      mine.sort((a, b) => b.lsn - a.lsn);
      if (mine[0].flags === 3) continue;
      const end = mine.findIndex(({ flags }) => flags !== 0);
      const list = end < 0 ? mine : mine.slice(0, end + 1);
      expected.push(`${key}:${list.map((one) => `${one.lsn}${["~", "", "", "x"][one.flags]}`).join(",")}`);
    }
    if (reverse) expected.reverse();
    const windows = windowsOf({ sources, lsn, reverse, most: random.from(1, 20) });
    assertEquals(windows.join(" "), expected.join(" "));
  }
});

Deno.test("ScanWindow reads each source as of the LSN of its level", () => {
  const newer = new TestCursor(versions("a@12 b@13x d@14")),
    older = new TestCursor(versions("a@5 a@15 a@30 b@6 c@7 c@17x e@18"));
  const sources = [{ file: testFile(1), lsn: 20 }, { file: testFile(2), lsn: 10 }];
  const window = new ScanWindow(mergeCursors([newer, older]), sources, 100);
  while (window.advance(new TestLayers(), noTurns) !== "done");
  const found = Array.from({ length: window.keys.length }, (_, i) => {
    return `${new TextDecoder().decode(window.keys.keyAt(i))}:${listOf(window.places, i)}`;
  });
  assertEquals(found, ["a:12", "c:7", "d:14"]);
});
