/**
 * Embedded stores of node: lmdb and classic-level, each in a process of its own, of node or, as Varve is, of Deno.
 *
 * They are installed by npm, at fixed versions, into the workspace; both bring prebuilt binaries. Their settings
 * stand in `node/lmdb.mjs` and `node/classic_level.mjs`.
 */

import { errorLine, outputOf, runChild } from "../machine/child.ts";
import type { Measurement } from "../measurement.ts";
import type { Assignment, Peer, PeerPresence } from "../peer.ts";
import { type Dataset, datasetOf, type Work } from "../work.ts";
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
  readonly name: string;
  readonly family: string;
  readonly byDefault: boolean = true;
  readonly settings: readonly string[];
  readonly #package: NodePeerName;
  readonly #runtime: "node" | "deno";
  readonly #modules: NodeModules;
  #directory: string | undefined;

  /** Makes a peer of a package, under a runtime; in Deno it is named so. */
  constructor(name: NodePeerName, modules: NodeModules, runtime: "node" | "deno" = "node") {
    this.#package = name;
    this.#runtime = runtime;
    this.name = runtime === "node" ? name : `${name}:${runtime}`;
    this.family = name;
    this.#modules = modules;
    this.settings = settings[name];
  }

  async probe(workspace: Workspace): Promise<PeerPresence | { absent: string }> {
    const runtime = await this.#runtimeVersion();
    if (runtime === undefined) return { absent: "there is no node on the PATH" };
    const directory = await this.#modules.directory(workspace);
    if (typeof directory !== "string") return directory;
    const loads = await outputOf([
      ...this.#command(),
      JSON.stringify(this.#full({ stage: "probe" }, directory)),
    ]);
    if (loads === undefined) return { absent: `npm package "${this.#package}" does not load` };
    this.#directory = directory;
    return { version: `${versions[this.#package]}, ${runtime}`, notes: [] };
  }

  supports(work: Work): boolean {
    if (work.kind === "ingest") return work.batchRecords > 1 && (!work.seal || work.watchMemory);
    if (work.kind === "replay") return this.#package === "classic-level";
    if (["sink", "fill", "busy", "overwrite"].includes(work.kind)) return false;
    // Its cache is that of the pages of files, which has no size; and nothing makes a tree old.
    return datasetOf(work)?.age === undefined || work.kind === "scan" || isWarm(work);
  }

  async prepare(dataset: Dataset, directory: string): Promise<void> {
    // In random order 3 M records took two minutes and four bytes of disk for each, and 30 M would take far longer.
    const written: Dataset = dataset.age === "old" ? { ...dataset, order: "sequential" } : dataset;
    await this.#run({ stage: "fill", dataset: written, directory });
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
    const full = this.#full(request, `${this.#directory}`);
    const outcome = await runChild([...this.#command(), JSON.stringify(full)], { accountPath });
    if (outcome.code !== 0) throw new Error(`${this.name} failed: ${errorLine(outcome)}`);
    const line = outcome.stdout.trim().split("\n").at(-1) ?? "";
    const measurement: Measurement = JSON.parse(line);
    return { ...measurement, peakBytes: measurement.peakBytes ?? outcome.peakBytes };
  }

  #full(request: Record<string, unknown>, modules: string): Record<string, unknown> {
    return { ...request, peer: this.#package, modules };
  }

  #command(): string[] {
    return this.#runtime === "node"
      ? ["node", workerPath]
      : [Deno.execPath(), "run", "-A", "--no-config", workerPath];
  }

  async #runtimeVersion(): Promise<string | undefined> {
    if (this.#runtime === "deno") return `Deno ${Deno.version.deno}`;
    const version = await outputOf(["node", "--version"]);
    return version === undefined ? undefined : `node ${version.trim().slice(1)}`;
  }
}

function isWarm(work: Work): boolean {
  return work.kind === "get" && work.cache === "warm";
}

const settings: Readonly<Record<NodePeerName, readonly string[]>> = {
  "lmdb": [
    "asynchronous puts gathered by lmdb into its own transactions, 512 batches ahead, await db.flushed at the end; commit: put, then db.flushed",
    "binary keys and values, compression off, noMemInit; reads come from the memory map and the page cache: it has no direct IO",
    "cold means that the page cache was dropped before the run",
    "an old store is written in the order of its keys, which is the best state that a tree can be in",
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
