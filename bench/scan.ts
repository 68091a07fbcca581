/**
 * `deno task bench:scan`: scans of all kinds, of records that were written in the order of keys and in another.
 *
 * With `--against DIR` another checkout takes turns with this one, run by run, in one process. Figures are medians of all
 * runs; the time that the process had on processors tells more than the clock where the machine is busy with other
 * things. Options: `--records 300000`, `--rounds 5`, `--kinds scan,keys`, `--against DIR`.
 */

import { parseArgs } from "node:util";
import process from "node:process";
import type { ScanRange, Store, Timeline } from "../mod.ts";
import { permutationOf, randomOf, valuesOf } from "./peers/keys.ts";
import { print, progress } from "./peers/print.ts";

const orders = ["sequential", "random"] as const;
const valueBytes = 100, limit = 10, limitedScans = 300;

/** One store of a checkout. */
interface Side {
  readonly name: string;
  readonly order: string;
  readonly checkout: URL;
  readonly path: string;
  readonly store: Store;
  readonly records: number;
  /** By kind: what each run took. */
  readonly runs: Map<string, { milliseconds: number; processor: number }[]>;
}

/** Does some of what is measured, and returns for how many records. */
type Kind = (side: Side) => Promise<number>;

/** The key of a number: 18 bytes of text, which the command line shows as it is. */
function keyOf(number: number): string {
  return `varvebench${String(number).padStart(8, "0")}`;
}

async function countOf(stream: ReadableStream<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of stream) count++;
  return count;
}

const kinds: Readonly<Record<string, Kind>> = {
  "scan": ({ store }) => countOf(store.timeline().scan()),
  "reverse": ({ store }) => countOf(store.timeline().scan({ reverse: true })),
  "keys": ({ store }) => countOf(store.timeline().scan({ keysOnly: true })),
  "count": ({ store }) => store.timeline().count(),
  "limited": async ({ store, records }) => {
    const random = randomOf(3);
    let count = 0;
    for (let i = 0; i < limitedScans; i++) {
      count += await countOf(store.timeline().scan({ start: keyOf(random(records)), limit }));
    }
    return count;
  },
  "rows": rowsOf,
  "cli": async ({ checkout, path, records }) => {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL("cli.ts", checkout).pathname, "scan", path],
      cwd: checkout.pathname,
      stdout: "null",
    }).output();
    if (!success) throw new Error("Cannot bench the command line: it failed");
    return records;
  },
};

/** What the command line reads. */
async function rowsOf({ checkout, store }: Side): Promise<number> {
  const { visitRows } = await import(new URL("src/timeline/mod.ts", checkout).href) as {
    visitRows: typeof import("../src/timeline/mod.ts").visitRows;
  };
  let count = 0;
  const range: ScanRange = {};
  await visitRows(store.timeline(), range, {}, ({ from, to }) => {
    count += to - from;
    return Promise.resolve();
  });
  return count;
}

async function openSide(
  name: string,
  checkout: URL,
  directory: string,
  order: (typeof orders)[number],
  records: number,
): Promise<Side> {
  const { Store: Opened } = await import(new URL("mod.ts", checkout).href);
  const path = `${directory}/${name}_${order}`;
  const store: Store = await Opened.open(path);
  await fill(store.timeline(), order === "random" ? permutationOf(records) : (i) => i, records);
  return { name, order, checkout, path, store, records, runs: new Map() };
}

async function fill(timeline: Timeline, numberOf: (index: number) => number, records: number): Promise<void> {
  const value = valuesOf(valueBytes);
  for (let i = 0; i < records;) {
    const changes = [];
    for (const end = Math.min(records, i + 256); i < end; i++) {
      changes.push({ key: keyOf(numberOf(i)), value: value(i).map((byte) => 0x61 + byte % 26) });
    }
    await timeline.append(changes);
  }
  await timeline.freeze();
}

async function run(side: Side, kind: string): Promise<void> {
  const before = process.cpuUsage(), begin = performance.now();
  const count = await kinds[kind](side);
  const milliseconds = performance.now() - begin, { user, system } = process.cpuUsage(before);
  const expected = kind === "limited" ? undefined : side.records;
  if (expected !== undefined && count !== expected) {
    throw new Error(`Cannot bench ${kind}: expected ${expected} records, found ${count}`);
  }
  const runs = side.runs.get(kind) ?? [];
  runs.push({ milliseconds: milliseconds / count, processor: (user + system) / 1000 / count });
  side.runs.set(kind, runs);
}

function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

function rowOf({ name, order, runs }: Side, kind: string): string {
  const all = runs.get(kind)!.slice(1);
  const clock = medianOf(all.map(({ milliseconds }) => milliseconds)) * 1000;
  const processor = medianOf(all.map(({ processor }) => processor)) * 1000;
  const ownProcess = kind === "cli" ? "–" : processor.toFixed(2);
  return `| ${kind} | ${order} | ${name} | ${clock.toFixed(2)} | ${ownProcess} | ${
    Math.round(1e6 / clock).toLocaleString("en")
  } |`;
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      records: { type: "string", default: "300000" },
      rounds: { type: "string", default: "5" },
      kinds: { type: "string", default: Object.keys(kinds).join(",") },
      against: { type: "string" },
    },
  });
  const chosen = values.kinds.split(",").filter((kind) => kind in kinds);
  const directory = await Deno.makeTempDir({ prefix: "varve_bench_" });
  const checkouts: [string, URL][] = [["here", new URL("../", import.meta.url)]];
  if (values.against !== undefined) {
    checkouts.unshift(["there", new URL(`${values.against}/`, `file://${Deno.cwd()}/`)]);
  }
  const sides: Side[] = [];
  for (const order of orders) {
    for (const [name, checkout] of checkouts) {
      sides.push(await openSide(name, checkout, directory, order, Number(values.records)));
    }
  }
  // The first round of each only warms up.
  for (let round = 0; round <= Number(values.rounds); round++) {
    progress(`round ${round} of ${values.rounds}`);
    for (const kind of chosen) for (const side of sides) await run(side, kind);
  }
  print("| kind | order | checkout | µs a record, median | of processors | records/s |");
  print("| --- | --- | --- | --: | --: | --: |");
  for (const kind of chosen) {
    for (const order of orders) {
      for (const side of sides) if (side.order === order) print(rowOf(side, kind));
    }
  }
  for (const { store } of sides) await store.close();
  await Deno.remove(directory, { recursive: true });
}
