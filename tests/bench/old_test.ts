/** What `deno task bench:old` reads of `db_bench`, RocksDB's LOG and fio, how it is called, and what it prints. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { fioReportOf } from "../../bench/peers/fio.ts";
import { figures, type Measurement } from "../../bench/peers/measurement.ts";
import { parseOldOptions, parseRecords } from "../../bench/peers/old/options.ts";
import { checkRoom, neededBytes } from "../../bench/peers/old/room.ts";
import { fullOldScale, oldRows, youngScale } from "../../bench/peers/old/rows.ts";
import type { Peer } from "../../bench/peers/peer.ts";
import { chooseRows } from "../../bench/peers/harness.ts";
import { judgeGoals } from "../../bench/peers/report/goals.ts";
import { renderOld, replaceSection } from "../../bench/peers/report/page.ts";
import { headings } from "../../bench/peers/report/publish.ts";
import { formatTable } from "../../bench/peers/report/table.ts";
import { peerResultOf, type PeersResult, readResult, type RowResult } from "../../bench/peers/result.ts";
import { reportOf, upkeepSecondsOf } from "../../bench/peers/rocksdb/db_bench.ts";
import { readsToFill } from "../../bench/peers/work.ts";

const root = new URL("../../", import.meta.url).pathname;
const MiB = 2 ** 20;
const scale = fullOldScale(3e6);
const young = youngScale(scale, false);
const rows = oldRows(scale, young);

/** A result of `bench:old` with these medians: `{ row: { peer: median } }`. */
async function resultWith(medians: Record<string, Record<string, number>>): Promise<PeersResult> {
  const measured = await readResult(`${root}docs/performance.json`);
  const found = Object.entries(medians).map(([id, peers]): RowResult => {
    const { title, work, figure } = rows.find((row) => row.id === id)!;
    const { unit, better } = figures[figure];
    const results = Object.entries(peers).map(([peer, median]) => {
      return { peer, figure: { median, min: median, max: median }, runs: [median], notes: [], errors: [] };
    });
    return { id, title, work, figure, unit, better, peers: results };
  });
  return { ...measured, old: scale, scale: young, absent: [], rows: found };
}

Deno.test("parseRecords() reads thousands and millions, and nothing that is too small", () => {
  assertEquals(["300k", "3M", "1.5m", "20000", "30 M"].map(parseRecords), [3e5, 3e6, 1.5e6, 20_000, 30e6]);
  for (const text of ["", "3MiB", "-3M", "100", "1e6", "3G"]) {
    assertThrows(() => parseRecords(text), TypeError, `Cannot read records "${text}"`);
  }
});

Deno.test("parseOldOptions() fills in defaults, and refuses two places for the data", () => {
  const { records, overwriteBytes, runs, only, store } = parseOldOptions([]);
  assertEquals([records, overwriteBytes, runs, only, store], [30e6, undefined, 3, undefined, undefined]);
  assertEquals(parseOldOptions(["--overwrite", "8GiB", "--only", "a,b"]).only, ["a", "b"]);
  assertEquals(parseOldOptions(["--overwrite", "8GiB"]).overwriteBytes, 2 ** 33);
  assertThrows(() => parseOldOptions(["--store", "a", "--dir", "b"]), TypeError, "both --store and --dir");
  assertThrows(() => parseOldOptions(["--recrods", "1M"]), TypeError);
});

Deno.test("oldRows() fills before it reads, and draws keys only if that is named", () => {
  const chosen = chooseRows(rows, undefined);
  assertEquals(chosen[0].id, "old.ingest");
  assertEquals(chosen.filter(({ id }) => id.startsWith("old.drawn")), []);
  assertEquals(chooseRows(rows, ["old.drawn"]).map(({ id }) => id), ["old.drawn", "old.drawn.toDisk"]);
  assertEquals(chosen.slice(-2).map(({ id }) => id), ["commit.1", "vector.100B"]);
  assertEquals(new Set(rows.map(({ id }) => id)).size, rows.length);
  assertEquals(scale.records % 256, 0);
});

Deno.test("every line of the goals has a row, and every row a line or a reason", async () => {
  const result = await resultWith(Object.fromEntries(rows.map(({ id }) => [id, { varve: 2 }])));
  const outcomes = judgeGoals(result);
  assertEquals(outcomes.filter(({ ours }) => ours === "not measured"), []);
  assertEquals(outcomes.length, 25);
});

Deno.test("judgeGoals() says of an old store what is met, what is missed, and by how much", async () => {
  const result = await resultWith({
    "old.ingest": { varve: 600, rocksdb: 100 },
    "old.ingest.toDisk": { varve: 6, rocksdb: 5 },
    "old.ingest.memory": { varve: -20, rocksdb: 30 },
    "old.get.32MiB": { varve: 120, fio: 50 },
    "old.busy": { varve: 900 },
    "old.busy.idle": { varve: 100 },
    "old.open": { varve: 25 },
  });
  const judged = judgeGoals(result).filter(({ verdict }) => verdict !== "").map(
    ({ work, verdict, margin, ratio }) => [work.split(",")[0], verdict, margin, ratio],
  );
  assertEquals(judged, [
    ["ingest", "met", "2.00 ×", "6.00 ×"],
    ["bytes to disk by byte of payload", "missed", "1.20 ×", "1.20 ×"],
    ["memory over the ingest and its upkeep", "met", "", ""],
    ["one get", "met", "1.00 ×", "2.40 ×"],
    ["get p99 while ingesting and compacting at full speed", "missed", "3.00 ×", "9.00 ×"],
    ["open of the old store", "met", "2.00 ×", ""],
  ]);
  assertEquals(judgeGoals(result).some(({ work }) => work.includes("drawn")), false);
});

Deno.test("formatTable() sets goals beside figures, and names who was left out and why", async () => {
  const result = await resultWith({ "old.ingest": { varve: 200, rocksdb: 100 }, "old.space": { varve: 1 } });
  result.rows[1].peers[0] = peerResultOf(rows[0], "varve", [], [], ["it has no option for less"]);
  const text = formatTable({ ...result, absent: [{ name: "fio", reason: "there is no fio on the PATH" }] });
  const line = text.split("\n").find((found) => found.includes("each key once in random order, until"));
  assert(line !== undefined && /missed by 1\.50 × .* ≥ 3 × .* 2\.00 × .* 200 records\/s/.test(line), line);
  assert(/varve +left out\n.*varve: it has no option for less/.test(text), text);
  assert(text.endsWith("    fio was left out: there is no fio on the PATH"), text);
});

Deno.test("an old result fits its section of the page", async () => {
  const result = await resultWith({ "old.ingest": { varve: 200, rocksdb: 100 } });
  const page = await Deno.readTextFile(`${root}docs/performance.md`);
  const changed = replaceSection(page, headings.old, renderOld(result));
  assert(changed.includes("| 200 records/s | RocksDB, filluniquerandom"));
  assert(changed.includes("2,999,808 records of 18 + 100 B"));
  assert(changed.includes("## How to repeat it"));
});

Deno.test("reportOf() reads what a benchmark that was warmed up reports", () => {
  const text = "DB path: [/tmp/x]\nWarming up benchmark by running 2 times\n" +
    "readrandom   :     103.203 micros/op 9688 ops/sec 0.310 seconds 3000 operations;    1.1 MB/s (2998 of 3000 found)\n\n" +
    "Microseconds per read:\nCount: 3000 Average: 104.1340  StdDev: 164.36\n" +
    "Min: 2  Median: 96.3543  Max: 4419\n" +
    "Percentiles: P50: 96.35 P75: 124.67 P99: 282.50 P99.9: 2900.00 P99.99: 4419.00\n";
  assertEquals(reportOf(text, "readrandom"), {
    seconds: 0.31,
    operations: 3000,
    latency: { p50: 96.35, p99: 282.5, p999: 2900, max: 4419 },
  });
  assertThrows(() => reportOf(text, "readseq"), Error, 'it has no line for "readseq"');
});

const log = [
  '2026/11/22-23:59:50.100000 7 EVENT_LOG_v1 {"time_micros": 1, "job": 3, "event": "compaction_finished"}',
  "2026/11/22-23:59:58.500000 7 [db/db_impl_compaction_flush.cc:1746] [default] Manual flush start.",
  '2026/11/22-23:59:59.000000 7 EVENT_LOG_v1 {"time_micros": 2, "job": 4, "event": "flush_finished"}',
  '2026/11/23-00:00:10.750000 7 EVENT_LOG_v1 {"time_micros": 3, "job": 5, "event": "compaction_finished"}',
  '2026/11/23-00:00:30.000000 7 EVENT_LOG_v1 {"time_micros": 4, "job": 5, "event": "table_file_deletion"}',
];

Deno.test("upkeepSecondsOf() counts from the flush by hand to the last compaction, and no longer", () => {
  assertEquals(upkeepSecondsOf(log.join("\n")), 12.25);
  assertEquals(upkeepSecondsOf(log.slice(0, 3).join("\n")), 0.5);
  assertEquals(upkeepSecondsOf(log.slice(0, 2).join("\n")), 0);
  assertThrows(() => upkeepSecondsOf(log[0]), Error, "it tells of no flush by hand");
  assertThrows(() => upkeepSecondsOf("Manual flush start."), Error, "has no time");
});

Deno.test("fioReportOf() reads the side that did something, behind a warning", () => {
  const side = (ios: number) => ({
    total_ios: ios,
    io_bytes: ios * 4096,
    runtime: 500,
    lat_ns: { max: 9000 },
    clat_ns: { percentile: { "50.000000": 4000, "99.000000": 5000, "99.900000": 6000 } },
  });
  const text = (read: number, write: number) =>
    `fio: a warning\n${JSON.stringify({ jobs: [{ read: side(read), write: side(write) }] })}`;
  const latency = { p50: 4, p99: 5, p999: 6, max: 9 };
  assertEquals(fioReportOf(text(10, 0)), { seconds: 0.5, transfers: 10, bytes: 40_960, latency });
  assertEquals(fioReportOf(text(0, 20)).transfers, 20);
  assertThrows(() => fioReportOf("fio: no such file"), Error, "Cannot read the report of fio");
});

Deno.test("figures of an ingest count its memory above settings, and the disk by payload", () => {
  const measurement: Measurement = {
    seconds: 2,
    operations: 100,
    payloadBytes: 1000,
    peakBytes: 400 * MiB,
    settingsBytes: 320 * MiB,
    writtenBytes: 2500,
  };
  assertEquals(figures.above.of(measurement), 80);
  assertEquals(figures.toDisk.of(measurement), 2.5);
  assertEquals(figures.above.of({ ...measurement, settingsBytes: undefined }), undefined);
  assertEquals(figures.toDisk.of({ ...measurement, writtenBytes: undefined }), undefined);
});

Deno.test("readsToFill() reads four times what a cache holds, and never more than there is", () => {
  assertEquals([readsToFill(32 * MiB, 30e6), readsToFill(32 * MiB, 5000)], [16_384, 5000]);
});

Deno.test("neededBytes() grows with the records and the peers, and checkRoom() says what is missing", async () => {
  const peerOf = (name: string) => ({ name, supports: () => true }) as unknown as Peer;
  const varve = [peerOf("varve")], both = [...varve, peerOf("rocksdb")];
  const needed = neededBytes(rows, varve);
  assert(needed > 3e6 * 118 * 2 && needed < 3e6 * 118 * 6, `${needed}`);
  assert(neededBytes(rows, both) > needed);
  assert(neededBytes(oldRows(fullOldScale(30e6), young), varve) > needed * 7);
  const huge = oldRows({ ...scale, records: 256 * 2 ** 40 }, young);
  const error = await checkRoom(undefined, huge, varve).then(() => undefined, (found) => found);
  assert(error instanceof TypeError && error.message.startsWith("Cannot begin: expected "), `${error}`);
});
