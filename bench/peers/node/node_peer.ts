/**
 * Embedded stores of node: lmdb and classic-level, each in a node process of its own.
 *
 * They are installed by npm, at fixed versions, into the workspace; both bring prebuilt binaries. Their settings
 * stand in `node/lmdb.mjs` and `node/classic_level.mjs`.
 */

import { errorLine, outputOf, runChild } from "../machine/child.ts";
import type { Measurement } from "../measurement.ts";
import type { Assignment, Peer, PeerPresence } from "../peer.ts";
import type { Dataset, Work } from "../work.ts";
import type { Workspace } from "../machine/workspace.ts";

const versions: Readonly<Record<NodePeerName, string>> = { "lmdb": "3.5.6", "classic-level": "3.0.0" };
const workerPath = new URL("./worker.mjs", import.meta.url).pathname;

/** The names of the stores. */
export type NodePeerName = "lmdb" | "classic-level";

/** The packages of both stores, installed once for a run. */
export class NodeModules {
  readonly #given: string | undefined;
  #installed: Promise<string | { absent: string }> | undefined;

  /** Uses the packages below `given`, or installs them where there is none. */
  constructor(given?: string) {
    this.#given = given;
  }

  /** The directory that holds `node_modules`, or why there is none. */
  directory(workspace: Workspace): Promise<string | { absent: string }> {
    return this.#installed ??= this.#given === undefined
      ? install(workspace)
      : Promise.resolve(Deno.realPathSync(this.#given));
  }
}

/** A store of node. */
export class NodePeer implements Peer {
  readonly name: NodePeerName;
  readonly family: string;
  readonly byDefault: boolean = true;
  readonly settings: readonly string[];
  readonly #modules: NodeModules;
  #directory: string | undefined;

  /** Makes a peer of a package. */
  constructor(name: NodePeerName, modules: NodeModules) {
    this.name = name;
    this.family = name;
    this.#modules = modules;
    this.settings = settings[name];
  }

  async probe(workspace: Workspace): Promise<PeerPresence | { absent: string }> {
    const node = await outputOf(["node", "--version"]);
    if (node === undefined) return { absent: "there is no node on the PATH" };
    const directory = await this.#modules.directory(workspace);
    if (typeof directory !== "string") return directory;
    const loads = await outputOf(["node", "-e", `require("${directory}/node_modules/${this.name}")`]);
    if (loads === undefined) return { absent: `npm package "${this.name}" does not load` };
    this.#directory = directory;
    return { version: `${versions[this.name]}, node ${node.trim().slice(1)}`, notes: [] };
  }

  supports(work: Work): boolean {
    if (work.kind === "ingest") return work.batchRecords > 1 && (!work.seal || work.watchMemory);
    if (work.kind === "replay") return this.name === "classic-level";
    return work.kind !== "sink";
  }

  async prepare(dataset: Dataset, directory: string): Promise<void> {
    await this.#run({ stage: "fill", dataset, directory });
  }

  async measure({ work, directory, dataset, accountPath }: Assignment): Promise<Measurement> {
    if (work.kind !== "replay") {
      return await this.#run({ stage: "measure", work, directory, dataset }, accountPath);
    }
    await this.#run({ stage: "fill", dataset: work.dataset, directory, unsealed: true });
    return await this.#run({ stage: "measure", work, dataset: directory }, accountPath);
  }

  /** The worker measures itself; the account of the child only fills in what it cannot tell. */
  async #run(request: Record<string, unknown>, accountPath?: string): Promise<Measurement> {
    const full = { ...request, peer: this.name, modules: `${this.#directory}` };
    const outcome = await runChild(["node", workerPath, JSON.stringify(full)], { accountPath });
    if (outcome.code !== 0) throw new Error(`${this.name} failed: ${errorLine(outcome)}`);
    const line = outcome.stdout.trim().split("\n").at(-1) ?? "";
    const measurement: Measurement = JSON.parse(line);
    return { ...measurement, peakBytes: measurement.peakBytes ?? outcome.peakBytes };
  }
}

const settings: Readonly<Record<NodePeerName, readonly string[]>> = {
  "lmdb": [
    "asynchronous puts gathered by lmdb into its own transactions, 512 batches ahead, await db.flushed at the end; commit: put, then db.flushed",
    "binary keys and values, compression off, noMemInit; reads come from the memory map and the page cache: it has no direct IO",
    "cold means that the page cache was dropped before the run",
  ],
  "classic-level": [
    "chained batches of the size that Varve is given, awaited one by one; commit: put with sync",
    "compression off, writeBufferSize 64 MiB, cacheSize 8 MiB (1 GiB for warm reads); no direct IO",
    "datasets are compacted to the end before they are read; cold means that the page cache was dropped before the run",
  ],
};

async function install(workspace: Workspace): Promise<string | { absent: string }> {
  const directory = await workspace.directory("node");
  await Deno.writeTextFile(`${directory}/package.json`, JSON.stringify({ private: true }));
  const packages = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
  const options = ["--no-audit", "--no-fund", "--no-save", "--prefer-offline", "--fetch-retries=1"];
  try {
    const outcome = await runChild(["npm", "install", ...options, ...packages], {
      cwd: directory,
      timeoutMilliseconds: 120_000,
    });
    if (outcome.code === 0) return directory;
    return { absent: `npm could not install it: ${errorLine(outcome)}` };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { absent: "there is no npm on the PATH" };
    throw error;
  }
}
