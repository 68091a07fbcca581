/** The arguments of `deno task bench:peers`. */

import { parseArgs } from "node:util";

/** What is asked for. */
export interface PeersOptions {
  /** Tiny sizes and one run: only whether everything still works. */
  quick: boolean;
  /** Only rows whose names begin with one of these. */
  only: string[] | undefined;
  /** Another checkout of Varve, which is measured beside this one. */
  against: string | undefined;
  /** Only these peers. */
  peers: string[] | undefined;
  /** How many runs of each. */
  runs: number;
  /** The payload of an 8 KiB ingest in bytes. */
  sizeBytes: number;
  /** The payload of the ingest over which memory is watched, in bytes. */
  memoryBytes: number;
  /** Where the results go. */
  out: string;
  /** Where the data go; the system's temporary folder if it is left out. */
  dir: string | undefined;
  /** A directory with a `node_modules` that holds lmdb and classic-level, instead of installing them. */
  nodeModules: string | undefined;
}

const units: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** How it is called. */
export const usage: string = `Usage: deno task bench:peers [options]

  --quick              tiny sizes, one run
  --only A,B           only rows whose names begin so, such as ingest.100B,commit
  --against DIR        measure the Varve of another checkout beside this one's, those two and some rows unless
                       others are named: rows before and after a change
  --peers A,B          only these: varve, varve:MODE:ENGINE, before, rocksdb, lmdb, classic-level, fio (all but
                       modes and engines, which bench:ingest and bench:read compare)
  --runs N             runs of each (5)
  --size BYTES         payload of an ingest of 8 KiB values; of 100 B values a quarter (1GiB)
  --memory-size BYTES  payload of the ingest over which memory is watched, and of the store that is opened (8 × size)
  --out DIR            where results.json, table.txt and peers.svg go (bench/out)
  --dir DIR            where the data go (the system's temporary folder)
  --node-modules DIR   use the packages in DIR/node_modules instead of installing them`;

/**
 * Reads the arguments.
 *
 * @param args What stands after the name of the program.
 * @returns What is asked for.
 * @throws {TypeError} If an argument is unknown or malformed.
 */
export function parseOptions(args: readonly string[]): PeersOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      against: { type: "string" },
      peers: { type: "string" },
      runs: { type: "string" },
      size: { type: "string", default: "1GiB" },
      "memory-size": { type: "string" },
      out: { type: "string", default: new URL("../out", import.meta.url).pathname },
      dir: { type: "string" },
      "node-modules": { type: "string" },
    },
  });
  const sizeBytes = parseBytes(values.size);
  return {
    quick: values.quick,
    only: listOf(values.only),
    against: values.against === undefined ? undefined : Deno.realPathSync(values.against),
    peers: listOf(values.peers),
    runs: parseCount(values.runs ?? (values.quick ? "1" : "5")),
    sizeBytes,
    memoryBytes: values["memory-size"] === undefined ? sizeBytes * 8 : parseBytes(values["memory-size"]),
    out: values.out,
    dir: values.dir,
    nodeModules: values["node-modules"],
  };
}

/** Reads a size: `512MiB`, `1G`, `4096`. */
export function parseBytes(text: string): number {
  const match = text.match(/^(\d+)\s*([KMG]?)(?:iB|B)?$/i);
  if (match === null) throw new TypeError(`Cannot read size "${text}": expected something like 512MiB`);
  return Number(match[1]) * units[match[2].toUpperCase()];
}

/** Reads names with commas between them. */
export function listOf(text: string | undefined): string[] | undefined {
  return text?.split(",").filter(Boolean);
}

/** Reads a number of runs. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new TypeError(`Cannot read count "${text}"`);
  return count;
}
