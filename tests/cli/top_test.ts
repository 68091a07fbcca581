import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../../src/cli/mod.ts";
import { parseLocks } from "../../src/cli/seeing/lock_holders.ts";
import { depthOf, type Look, ratesBetween } from "../../src/cli/seeing/look.ts";
import { topLine, topScreen } from "../../src/cli/seeing/top_text.ts";
import { encodePublished } from "../../src/store/published_metrics.ts";
import { type LayerInfo, Store, type StoreMetrics, type StoreOptions } from "../../mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { FakeTerminal, startVarve, varve } from "./fixture.ts";

/** What moves the cursor, clears and changes screens. */
const controls = new RegExp(`${"\x1b"}\\[[?\\w]*?[hlHKJ]`, "g");
const encoder = new TextEncoder(), decoder = new TextDecoder();
const small: StoreOptions = { ioEngine: "node", ioMode: "buffered" };

/** A layer from `kind first last`, such as `L0 a c`. */
function layer(text: string, path = text, byteLength = 100): LayerInfo {
  const [kind, first = "", last = first] = text.split(" ");
  return {
    kind: kind as LayerInfo["kind"],
    path,
    firstLsn: 1,
    lastLsn: 2,
    firstKey: encoder.encode(first),
    lastKey: encoder.encode(last),
    versions: first === "" && kind !== "open" ? 0 : 1,
    tombstones: 0,
    keys: 1,
    byteLength,
  };
}

const depths: [layers: string[], depth: number][] = [
  [[], 0],
  [["L0 a c"], 1],
  [["L0 a c", "L0 c d"], 2],
  [["L0 a b", "L0 c d", "delta e f"], 1],
  [["L0 a z", "delta a b", "delta c d", "delta d e"], 3],
  [["open", "frozen", "L0 a b", "L0 x y"], 3],
  // Those without versions have no keys.
  [["L0", "delta"], 0],
];

Deno.test("depthOf() says into how many layers a get may look", () => {
  for (const [layers, depth] of depths) {
    assertEquals(depthOf(layers.map((text) => layer(text))), depth, `${layers}`);
  }
});

/** A look with such layers. */
function look(at: number, lastLsn: number, versions: number, layers: LayerInfo[]): Look {
  const sums = { count: layers.length, versions, deletions: 0, byteLength: 0 };
  return {
    path: "/s",
    timeline: "main",
    at,
    lookMilliseconds: 1.5,
    lastLsn,
    durableLsn: lastLsn,
    layers,
    sums,
    depth: 1,
    unsealedBytes: 0,
    allocatedBytes: undefined,
    debtBytes: 2048,
    pressure: 1.25,
    holders: undefined,
    published: undefined,
  };
}

Deno.test("ratesBetween() tells what came from what was merged", () => {
  const before = look(1000, 10, 50, [layer("open", "1", 300), layer("L0 a", "0", 100)]);
  const after = look(3000, 30, 90, [
    layer("open", "2", 40),
    layer("L0 a", "1", 500),
    layer("delta a", "3", 150),
  ]);
  assertEquals(ratesBetween(before, after), {
    lsns: 10,
    versions: 20,
    writtenBytes: 120,
    mergedBytes: 75,
    process: undefined,
  });
  assertEquals(ratesBetween(before, { ...before, at: 2000 }), {
    lsns: 0,
    versions: 0,
    writtenBytes: 0,
    mergedBytes: 0,
    process: undefined,
  });
});

Deno.test("parseLocks() finds the locks that stores take", () => {
  const listing = `1: FLOCK  ADVISORY  WRITE 12 fe:00:2974226 0 EOF
2: POSIX  ADVISORY  READ 13 fe:00:2974226 128 128
3: FLOCK  ADVISORY  READ -1 00:2a:7 0 EOF
3: -> FLOCK  ADVISORY  READ 14 00:2a:7 0 EOF
`;
  assertEquals(parseLocks(listing), [
    { isShared: false, pid: 12, inode: 2974226 },
    { isShared: true, pid: 0, inode: 7 },
  ]);
});

Deno.test("topScreen() says what is not known", () => {
  const shown = topScreen(look(0, 5, 1, [layer("L0 a")]), undefined, new Date(0));
  assertMatch(shown, /^\/s {2}main {2}00:00:00 {2}a look takes 2 ms\n/);
  assertMatch(shown, /history +LSN 5 +– +synced up to 5\n/);
  assertMatch(shown, /on disk –\n[^]*held by +– \(the system does not tell\)\n/);
  assertMatch(shown, /\ndebt +2 KiB +to be written by merges, pressure 1.3\n/);
  assertMatch(shown, /\nNo process tells reads, cache and latencies /);
});

Deno.test("topScreen() shows each level, and what the process that writes tells", async () => {
  await using folder = new TemporaryFolder();
  await using store = await Store.open(folder.join("store"), small);
  const then = store.metrics(), { main } = then.upkeep, { latencies } = then;
  const get = {
    count: 1234,
    p50Milliseconds: 0.5,
    p99Milliseconds: 2,
    p999Milliseconds: 3,
    mostMilliseconds: 44,
  };
  const now: StoreMetrics = {
    ...then,
    batches: 4,
    changes: 2000,
    bytes: 4 << 20,
    syncs: 2,
    keysRead: 20_000,
    valueReads: 30,
    pageReads: 10,
    cacheHits: 75,
    cacheMisses: 25,
    upkeep: { main: { ...main, state: "merging", backPressure: "slowed", slowedMilliseconds: 1500 } },
    latencies: { ...latencies, get },
  };
  const layers = [layer("open"), { ...layer("L0 a"), level: 0 }, { ...layer("delta a"), level: 7 }];
  layers.push({ ...layer("image a"), level: 7 }, { ...layer("L0 b"), level: 7 }, {
    ...layer("L0 c"),
    level: 0,
  });
  const published = (time: number, metrics: StoreMetrics) => ({ time, milliseconds: 1000, metrics });
  const before = { ...look(0, 5, 1, layers), published: published(1000, then) };
  const after = { ...look(2000, 5, 1, layers), published: published(3000, now) };
  const rates = ratesBetween(before, after), shown = topScreen(after, rates, new Date(0));
  for (
    const line of [
      /^ingest +\+1,000\/s changes +\+2\/s batches +\+2 MiB\/s +\+1\/s syncs$/m,
      /^reads +\+10,000\/s keys +\+20\/s of the disk$/m,
      /^cache +0 B of 64 MiB +75 % of pages found +– of records$/m,
      /^upkeep +merging +appends are slowed, so that upkeep keeps up +so far slowed 1.5 s, held 0.0 s$/m,
      /^append +–$/m,
      /^get +0.500 ms +2.0 ms +3.0 ms +44.0 ms +1,234$/m,
      /^memory +open +1 layer .*\nlevel 0 +L0 +2 layers .*\nlevel 7 +L0 +1 layer .*\nlevel 7 +delta .*\nlevel 7 +image /m,
    ]
  ) assertMatch(shown, line);
  const line = topLine(after, rates, new Date(0));
  assertMatch(
    line,
    / {2}changes \+1,000\/s {2}reads \+10,000\/s {2}cache 75 % {2}p99 append – get 2.0 ms {2}back-pressure slowed /,
  );
  // A process that began anew has counted from 0, and one that told nothing new has no rates.
  for (const other of [published(3000, now), published(3000, { ...now, batches: 9 }), undefined]) {
    assertEquals(ratesBetween({ ...before, published: other }, after).process, undefined);
  }
});

Deno.test("varve top shows what another process tells, and not what it told long ago", async () => {
  await using folder = new TemporaryFolder();
  const store = await Store.open(folder.join("store"), { ...small, metricsMilliseconds: 100 });
  await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
  const looks = async () => {
    const { code, out } = await varve(folder, ["top", "store", "--count", "1", "--json"]);
    assertEquals(code, 0);
    return JSON.parse(out);
  };
  let told = await looks();
  while (told.metrics?.batches !== 1) told = await looks();
  assertEquals([told.metrics.upkeep.main.backPressure, told.levels[0].kind], ["none", "open"]);
  const { metrics } = told, path = folder.join("store/metrics");
  await store.close();
  const write = (time: number) =>
    Deno.writeFileSync(path, encodePublished({ time, milliseconds: 100, metrics }));
  write(Date.now() + 3_600_000);
  assertEquals((await looks()).metrics.batches, 1);
  write(Date.now() - 60_000);
  assertEquals((await looks()).metrics, undefined);
});

Deno.test("varve top shows what a clock ahead of its own says until that has stayed as it is", async () => {
  await using folder = new TemporaryFolder();
  const path = folder.join("store"), store = await Store.open(path, small), metrics = store.metrics();
  await store.close();
  const time = Date.now() + 3_600_000;
  Deno.writeFileSync(`${path}/metrics`, encodePublished({ time, milliseconds: 1, metrics }));
  const terminal = new FakeTerminal();
  assertEquals(await main(["top", path, "--interval", "0.5", "--count", "4", "--json"], terminal), 0);
  const looks = terminal.written.map((bytes) => JSON.parse(decoder.decode(bytes)));
  assertEquals([looks.length, looks[0].metrics.batches, looks[3].metrics], [4, 0, undefined]);
});

/** Looks at a store; something else is done between the first look and the second. */
async function top(
  path: string,
  terminal: FakeTerminal,
  meanwhile: () => Promise<unknown>,
  ...args: string[]
) {
  const between = Promise.withResolvers<void>();
  terminal.held = between.promise;
  const running = main(["top", path, "--interval", "0.05", "--io-engine", "node", ...args], terminal);
  while (terminal.written.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await meanwhile().finally(between.resolve);
  const code = await running;
  return { code, out: terminal.written.map((bytes) => decoder.decode(bytes)).join("") };
}

Deno.test("varve top shows what another store writes, a line for each look", async () => {
  await using folder = new TemporaryFolder();
  await using store = await Store.open(folder.join("store"), small);
  const timeline = store.timeline();
  await timeline.append([{ key: "a", value: "1" }], { sync: true });
  const write = async () => {
    await timeline.append([{ key: "a", value: "2" }, { key: "b", value: "x".repeat(9000) }]);
    await timeline.freeze();
  };
  const { code, out } = await top(store.path, new FakeTerminal(), write, "--count", "4", "--json");
  assertEquals(code, 0);
  const looks = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  const [first] = looks, last = looks.at(-1);
  assertEquals([looks.length, first.lastLsn, first.rates, first.depth], [4, 1, undefined, 1]);
  assertEquals([first.layers.open.count, first.unsealedBytes > 0], [1, true]);
  assertEquals([last.lastLsn, last.durableLsn, last.versions, last.unsealedBytes], [2, 2, 3, 0]);
  assertEquals(Object.keys(last.layers), ["L0"]);
  assert(last.byteLength >= 9000 + 2 * 8192 && last.allocatedBytes >= last.byteLength);
  const grew = looks.filter(({ rates }) => rates?.lsns > 0);
  assert(grew.some(({ rates }) => rates.writtenBytes / rates.lsns > 9000), "it tells what a batch brought");
  if (Deno.build.os === "linux") assertEquals([last.writer, last.readers], [Deno.pid, 0]);
  assertEquals(last.rates, { lsns: 0, versions: 0, writtenBytes: 0, mergedBytes: 0 });
  // Its leases were given up, so that what is merged can be removed.
  await timeline.append([{ key: "a", value: "3" }]);
  await timeline.compact();
  assertEquals([...Deno.readDirSync(timeline.layers()[0].path.replace(/\/[^/]+$/, ""))].length, 1);
  const lines = await top(store.path, new FakeTerminal(), async () => {}, "--count", "2");
  assertMatch(
    lines.out,
    /^[\d:]{8} {2}LSN 3 – .*\n[\d:]{8} {2}LSN 3 \+0\/s .*layers 1 delta, 1 over a key .*\n$/,
  );
});

Deno.test("varve top draws over a terminal and gives it back, also when the store is gone", async () => {
  await using folder = new TemporaryFolder();
  const path = folder.join("store");
  await (await Store.open(path, small)).close();
  const terminal = new FakeTerminal(true, 30, true);
  const { code, out } = await top(path, terminal, () => Deno.remove(path, { recursive: true }));
  assertEquals(code, 1);
  assertMatch(terminal.notes.join(""), /^varve: Cannot open store /);
  assert(out.startsWith("\x1b[?1049h\x1b[?25l\x1b[H") && out.endsWith("\x1b[?25h\x1b[?1049l"));
  const widths = out.split("\n").map((line) => line.replaceAll(controls, "").length);
  assert(Math.max(...widths) === 30, `${widths}`);
});

Deno.test("varve top ends at Ctrl-C with 0", async () => {
  await using folder = new TemporaryFolder();
  await (await Store.open(folder.join("store"), small)).close();
  const child = startVarve(folder, ["top", "store", "--interval", "600"]);
  const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await child.stdin.close();
  const reader = child.stdout.getReader();
  assertMatch(decoder.decode((await reader.read()).value), /^[\d:]{8} {2}LSN 0 –/);
  child.kill("SIGINT");
  while (!(await reader.read()).done);
  assertEquals((await child.status).code, 0);
  clearTimeout(late);
  assertEquals(await new Response(child.stderr).text(), "");
});

Deno.test("varve top refuses what it cannot do", async () => {
  await using folder = new TemporaryFolder();
  const cases: [string[], number, string][] = [
    [["absent"], 1, "there is no store"],
    [["absent", "--interval", "0"], 2, '--interval takes seconds, more than 0, not "0"'],
    [["absent", "--interval", "Infinity"], 2, "--interval takes seconds"],
    [["absent", "--count", "0"], 2, '--count takes a count from 1 on, not "0"'],
    [["absent", "--count", "x"], 2, '--count takes a count, not "x"'],
    [[], 2, "<store> is missing"],
  ];
  for (const [args, expected, message] of cases) {
    const { code, out, err } = await varve(folder, ["top", ...args]);
    assertEquals([code, out, err.includes(message)], [expected, "", true], err);
  }
});
