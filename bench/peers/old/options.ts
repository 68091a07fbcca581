/** The arguments of `deno task bench:old`. */

import { parseArgs } from "node:util";
import { listOf, parseBytes, parseCount } from "../options.ts";

/** What is asked for. */
export interface OldOptions {
  /** Tiny sizes and one run: only whether everything still works. */
  quick: boolean;
  /** How many records the old store has. */
  records: number;
  /** The payload that a data set is overwritten with in bytes; left out, twice that of the old store. */
  overwriteBytes: number | undefined;
  /** Only rows whose names begin with one of these. */
  only: string[] | undefined;
  /** Only these peers. */
  peers: string[] | undefined;
  /** How many runs of each. */
  runs: number;
  /** Where old stores are looked for and left. */
  store: string | undefined;
  /** Where the data go; the system's temporary folder if it is left out. */
  dir: string | undefined;
  /** Where the results go. */
  out: string;
  /** A directory with a `node_modules` that holds lmdb, instead of installing it. */
  nodeModules: string | undefined;
}

const units: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };
const defaultRecords = 30e6;
const quickRecords = 20e3;

/** How it is called. */
export const usage: string = `Usage: deno task bench:old [options]

  --records N          records of 18 + 100 bytes in the old store: 300k, 3M (30M)
  --overwrite BYTES    payload that an eighth of it is overwritten with: 8GiB (twice that of the records)
  --only A,B           only rows whose names begin so, such as old.get,old.scan; old.drawn runs only if it is named
  --peers A,B          only these: varve, rocksdb, lmdb:deno, fio (all)
  --runs N             runs of each (3)
  --store DIR          take the old stores that are in DIR; build those there that are not, and leave them
  --dir DIR            where the data go (the system's temporary folder, or DIR of --store)
  --out DIR            where results.json, table.txt and peers.svg go (bench/out/old)
  --node-modules DIR   use lmdb of DIR/node_modules instead of installing it
  --quick              tiny sizes, one run`;

/**
 * Reads the arguments.
 *
 * @param args What stands after the name of the program.
 * @returns What is asked for.
 * @throws {TypeError} If an argument is unknown or malformed.
 */
export function parseOldOptions(args: readonly string[]): OldOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      records: { type: "string" },
      overwrite: { type: "string" },
      only: { type: "string" },
      peers: { type: "string" },
      runs: { type: "string" },
      store: { type: "string" },
      dir: { type: "string" },
      out: { type: "string", default: new URL("../../out/old", import.meta.url).pathname },
      "node-modules": { type: "string" },
    },
  });
  const { quick, records, overwrite, store, dir, out } = values;
  if (store !== undefined && dir !== undefined) {
    throw new TypeError("Cannot have both --store and --dir: what is built goes to where it stays");
  }
  return {
    quick,
    records: records === undefined ? (quick ? quickRecords : defaultRecords) : parseRecords(records),
    overwriteBytes: overwrite === undefined ? undefined : parseBytes(overwrite),
    only: listOf(values.only),
    peers: listOf(values.peers),
    runs: parseCount(values.runs ?? (quick ? "1" : "3")),
    store,
    dir,
    out,
    nodeModules: values["node-modules"],
  };
}

/** Reads a number of records: `300k`, `3M`, `1.5M`, `4096`; at least 20,000, for runs of adjacent keys. */
export function parseRecords(text: string): number {
  const match = text.match(/^(\d+(?:\.\d+)?)\s*([kmg]?)$/i);
  const records = match === null ? NaN : Math.round(Number(match[1]) * units[match[2].toLowerCase()]);
  if (records >= 20_000 && records <= 2e9) return records;
  throw new TypeError(`Cannot read records "${text}": expected something like 3M, from 20k to 2G`);
}
