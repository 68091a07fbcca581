/** The documentation's figures are those of `docs/performance.json`, and goals are judged by the way they point. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { judgeGoals } from "../../bench/peers/report/goals.ts";
import {
  renderGoals,
  renderMachine,
  renderReadme,
  replaceSection,
  replaceTable,
} from "../../bench/peers/report/page.ts";
import { mergeResults, type PeersResult, readResult, type RowResult } from "../../bench/peers/result.ts";

const root = new URL("../../", import.meta.url).pathname;
const measured = await readResult(`${root}docs/performance.json`);

/** Text without what `deno fmt` may change: where lines break, and how tables are padded. */
function bare(text: string): string {
  return text.replace(/-{3,}/g, "---").replace(/\s+/g, " ");
}

/** The measured result with other medians: `{ row: { peer: median } }`. */
function withMedians(medians: Record<string, Record<string, number>>): PeersResult {
  const rows = Object.entries(medians).map(([id, peers]): RowResult => ({
    ...measured.rows[0],
    id,
    peers: Object.entries(peers).map(([peer, median]) => {
      return { peer, figure: { median, min: median, max: median }, runs: [], notes: [], errors: [] };
    }),
  }));
  return { ...measured, rows };
}

Deno.test("the page and the README have the figures of performance.json", async () => {
  const page = bare(await Deno.readTextFile(`${root}docs/performance.md`));
  const readme = bare(await Deno.readTextFile(`${root}README.md`));
  assert(page.includes(bare(renderGoals(measured))));
  assert(page.includes(bare(renderMachine(measured))));
  assert(readme.includes(bare(renderReadme(measured))));
});

Deno.test("the page's table has at most 20 lines", () => {
  assert(judgeGoals(measured).length <= 20);
});

Deno.test("judgeGoals() compares with what stands beside, in the direction of the goal", () => {
  const result = withMedians({
    "commit.1": { varve: 90, rocksdb: 100 },
    "commit.16": { varve: 129, rocksdb: 100 },
    "get.100B.cold": { varve: 12, fio: 10 },
    "delay.100B.sealed": { varve: 10.1 },
    "delay.8KiB.sealed": { varve: 9.9 },
    "vector.100B": { varve: 5 },
  });
  const verdicts = judgeGoals(result).filter(({ verdict }) => verdict !== "").map(({ work, verdict }) => [
    work,
    verdict,
  ]);
  assertEquals(verdicts, [
    ["one get, cold, 100 B", "met"],
    ["durable commits of 200 B, 1 committer", "met"],
    ["durable commits of 200 B, 16 committers", "missed"],
    ["event loop delay, ingest of 100 B", "missed"],
    ["event loop delay, ingest of 8 KiB", "met"],
  ]);
});

Deno.test("judgeGoals() says what was not measured", () => {
  const outcomes = judgeGoals(withMedians({ "vector.100B": { varve: 5 } }));
  assertEquals(outcomes.filter(({ ratio }) => ratio !== ""), []);
  const vector = outcomes.find(({ work }) => work.startsWith("64 random keys"));
  assertEquals([vector?.ours, vector?.beside], ["5.00 records/s", "RocksDB, MultiGet of 64: not measured"]);
});

Deno.test("mergeResults() puts later rows in place of earlier ones, with their command", () => {
  const first = withMedians({ a: { varve: 1 }, b: { varve: 2 } });
  const later = { ...withMedians({ b: { varve: 3 }, c: { varve: 4 } }), command: "later" };
  const rows = mergeResults(first, [later]).rows;
  assertEquals(rows.map(({ id, command, peers }) => [id, command, peers[0].figure?.median]), [
    ["a", undefined, 1],
    ["b", "later", 3],
    ["c", "later", 4],
  ]);
});

Deno.test("replaceTable() and replaceSection() change what stands under their heading and nothing else", () => {
  const text = "# T\n\n| x |\n\n## A\n\nsays\n\n| a |\n| - |\n\nafter\n\n## B\n\n| b |\n";
  assertEquals(
    replaceTable(text, "## A", "| new |"),
    "# T\n\n| x |\n\n## A\n\nsays\n\n| new |\n\nafter\n\n## B\n\n| b |\n",
  );
  assertEquals(replaceSection(text, "## A", "new"), "# T\n\n| x |\n\n## A\n\nnew\n\n## B\n\n| b |\n");
  assertEquals(replaceTable(text, "## B", "| c |"), text.replace("| b |", "| c |"));
  assertThrows(() => replaceTable(text, "## C", "| c |"), TypeError, 'Cannot find the heading "## C"');
  assertThrows(
    () => replaceTable("\n## A\ntext", "## A", "| c |"),
    TypeError,
    'Cannot find a table under "## A"',
  );
});
