/**
 * Varve itself, one peer for each IO mode and engine, each measurement in a Deno process of its own.
 *
 * `varve` is what a user gets who asks for nothing: `direct-rw`, and the best engine that the machine offers. The
 * others are named `varve:MODE:ENGINE`.
 */

import { errorLine, runChild } from "./child.ts";
import type { Measurement } from "./measurement.ts";
import type { Assignment, Peer, PeerPresence } from "./peer.ts";
import type { Variant, VarveReply, VarveRequest } from "./varve_request.ts";
import type { Dataset, Work } from "./work.ts";
import type { Workspace } from "./workspace.ts";

const workerPath = new URL("./varve_worker.ts", import.meta.url).pathname;
const modes = ["direct-rw", "direct", "buffered"] as const;
const engines = ["uring", "threads", "node"] as const;

/** Varve with one mode and engine. */
export class VarvePeer implements Peer {
  readonly name: string;
  readonly family: string = "varve";
  readonly byDefault: boolean;
  readonly settings: readonly string[];
  readonly #variant: Variant;

  /** Makes the peer of a variant; without one, of the defaults. */
  constructor(variant?: Variant, byDefault = false) {
    this.#variant = variant ?? { ioMode: "direct-rw", ioEngine: "auto" };
    this.name = variant === undefined ? "varve" : `varve:${variant.ioMode}:${variant.ioEngine}`;
    this.byDefault = byDefault || variant === undefined;
    this.settings = variant === undefined ? settings : [`as varve, with ioMode and ioEngine as it is named`];
  }

  async probe(workspace: Workspace): Promise<PeerPresence | { absent: string }> {
    const directory = await workspace.directory("probe");
    try {
      const { io } = await runVarve({ stage: "probe", variant: this.#variant, directory });
      return { version: io ?? "", notes: [] };
    } catch (error) {
      return { absent: error instanceof Error ? error.message : String(error) };
    }
  }

  supports(_work: Work): boolean {
    return true;
  }

  async prepare(dataset: Dataset, directory: string): Promise<void> {
    await runVarve({ stage: "fill", variant: this.#variant, dataset, directory });
  }

  async measure({ work, directory, dataset, accountPath }: Assignment): Promise<Measurement> {
    const variant = this.#variant;
    if (work.kind === "replay") {
      await runVarve({ stage: "fill", variant, dataset: work.dataset, directory, unsealed: true });
    }
    const reply = await runVarve({ stage: "measure", variant, work, directory, dataset }, accountPath);
    if (reply.measurement === undefined) {
      throw new Error("Cannot read the reply of the worker: it measured nothing");
    }
    return reply.measurement;
  }
}

/** All variants; those that are measured when nobody is named differ from the defaults in one thing each. */
export function varvePeers(): VarvePeer[] {
  const variants = modes.flatMap((ioMode) =>
    engines.map((ioEngine) => {
      const byDefault = ioMode === "direct-rw" ? ioEngine !== "uring" : ioEngine === "uring";
      return new VarvePeer({ ioMode, ioEngine }, byDefault);
    })
  );
  return [new VarvePeer(), ...variants];
}

/** Runs the worker. */
export async function runVarve(request: VarveRequest, accountPath?: string): Promise<VarveReply> {
  const command = [Deno.execPath(), "run", "-A", "--no-check", workerPath, JSON.stringify(request)];
  const outcome = await runChild(command, { accountPath });
  if (outcome.code !== 0) throw new Error(`varve failed: ${errorLine(outcome)}`);
  const reply: VarveReply = JSON.parse(outcome.stdout.trim().split("\n").at(-1) ?? "");
  return reply;
}

const settings: readonly string[] = [
  "ioMode direct-rw, ioEngine auto, strict; every other option as it comes",
  "a Batch of 256 records of 100 B, or of 16 of 8 KiB, for each append; the log is synced at the end, sealed rows end with freeze()",
  "commit: append of one change with sync",
  "before cold reads the index is brought into its cache, as RocksDB does when it opens; values always come from the disk",
  "replay: segmentBytes 1 GiB, so that the whole log is unsealed when the process ends",
];
