/**
 * `deno task bench:keys`: what structured keys cost, by themselves and in an ingest.
 *
 * With `--against DIR` another checkout takes turns with this one, in what both have. Figures are medians of all rounds.
 * Options: `--keys 200000`, `--rounds 7`, `--against DIR`.
 */

import { parseArgs } from "node:util";
import type { Batch, Keyspace, KeyWriter, Timeline } from "../mod.ts";
import { print } from "./peers/print.ts";

type Part = string | number;
const batchKeys = 256;
const value = new Uint8Array(100).fill(0x61);

/** A checkout, and how long its work took. */
interface Side {
  readonly name: string;
  readonly product: typeof import("../mod.ts");
  readonly times: Map<string, number[]>;
}

/** The parts of the key of a number: 24 bytes when they are encoded. */
function partsOf(i: number): Part[] {
  return ["user", i * 2654435761 % 2 ** 32, "name"];
}

/** What encodes keys, by its name. */
function encoders({ encodeKey, KeyWriter }: Side["product"]): Map<string, (parts: Part[]) => Uint8Array> {
  const each = new Map<string, (parts: Part[]) => Uint8Array>([["encodeKey", encodeKey]]);
  if (KeyWriter === undefined) return each;
  const writer: KeyWriter = new KeyWriter();
  return each.set("KeyWriter", (parts) => writer.write(parts));
}

function encodeAll(encode: (parts: Part[]) => Uint8Array, keys: readonly Part[][]): number {
  let bytes = 0;
  for (const parts of keys) bytes += encode(parts).length;
  return bytes;
}

/** What fills and appends a batch of keys `[from, to)`, by its name. */
function appends(
  { product, timeline, keys, raw }: {
    product: Side["product"];
    timeline: Timeline;
    keys: readonly Part[][];
    raw: readonly Uint8Array[];
  },
): Map<string, (from: number, to: number) => Promise<unknown>> {
  const batch: Batch = new product.Batch(), { encodeKey, KeyWriter } = product;
  const filled = (keyOf: (i: number) => Uint8Array) => (from: number, to: number) => {
    batch.clear();
    for (let i = from; i < to; i++) batch.put(keyOf(i), value);
    return timeline.append(batch);
  };
  const each = new Map([
    ["ingest: bytes at hand", filled((i) => raw[i])],
    ["ingest: encodeKey", filled((i) => encodeKey(keys[i]))],
  ]);
  if (KeyWriter === undefined) return each;
  const writer: KeyWriter = new KeyWriter(),
    under: Keyspace<Uint8Array, Uint8Array> = timeline.under(["user"]) as never;
  each.set("ingest: KeyWriter", filled((i) => writer.write(keys[i])));
  each.set("ingest: parts", (from, to) => {
    batch.clear();
    for (let i = from; i < to; i++) batch.put(keys[i], value);
    return timeline.append(batch);
  });
  each.set("ingest: parts under a prefix", (from, to) => {
    return under.append(keys.slice(from, to).map((parts) => ({ key: parts.slice(1), value })));
  });
  return each;
}

async function runIngests(side: Side, keys: readonly Part[][], round: number): Promise<void> {
  const { product } = side, raw = keys.map((parts) => product.encodeKey(parts));
  const directory = await Deno.makeTempDir({ prefix: "varve_bench_" });
  {
    await using store = await product.Store.open(directory, { upkeep: "manual", memoryBytes: 2 ** 30 });
    const names = [...appends({ product, timeline: store.timeline(), keys, raw }).keys()];
    // Each begins another round, so that none is always the first.
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length];
      const timeline = await store.createTimeline(name);
      const append = appends({ product, timeline, keys, raw }).get(name)!;
      const began = performance.now();
      for (let from = 0; from < keys.length; from += batchKeys) {
        await append(from, Math.min(keys.length, from + batchKeys));
      }
      note(side, name, performance.now() - began);
      await timeline.freeze();
    }
  }
  await Deno.remove(directory, { recursive: true });
}

function note({ times }: Side, name: string, milliseconds: number): void {
  const taken = times.get(name) ?? [];
  taken.push(milliseconds);
  times.set(name, taken);
}

function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      keys: { type: "string", default: "200000" },
      rounds: { type: "string", default: "7" },
      against: { type: "string" },
    },
  });
  const keys = Array.from({ length: Number(values.keys) }, (_, i) => partsOf(i));
  const open = async (name: string, checkout: URL): Promise<Side> => {
    return { name, product: await import(new URL("mod.ts", checkout).href), times: new Map() };
  };
  const sides = [await open("here", new URL("../", import.meta.url))];
  if (values.against !== undefined) {
    sides.unshift(await open("there", new URL(`${values.against}/`, `file://${Deno.cwd()}/`)));
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const side of sides) {
      for (const [name, encode] of encoders(side.product)) {
        const began = performance.now();
        encodeAll(encode, keys);
        note(side, name, performance.now() - began);
      }
      await runIngests(side, keys, round);
    }
  }
  print("| work | checkout | ns a key | keys/s |");
  print("| --- | --- | --: | --: |");
  for (const { name, times } of sides) {
    for (const [work, taken] of times) {
      const milliseconds = medianOf(taken), each = milliseconds * 1e6 / keys.length;
      print(`| ${work} | ${name} | ${each.toFixed(0)} | ${Math.round(1e9 / each)} |`);
    }
  }
}
