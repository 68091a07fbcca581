/**
 * Varve itself, one peer for each IO mode and engine, each measurement in a Deno process of its own.
 *
 * `varve` is what a user gets who asks for nothing: `direct-rw`, and the best engine that the machine offers. The
 * others are named `varve:MODE:ENGINE`; `before` is the Varve of another checkout, under the same worker.
 */

import { errorLine, runChild } from "../machine/child.ts";
import { commitOf, thisCheckout } from "../machine/machine.ts";
import type { Measurement } from "../measurement.ts";
import { type Assignment, type Peer, type PeerPresence, UnableError } from "../peer.ts";
import type { Variant, VarveReply, VarveRequest } from "./request.ts";
import type { Dataset, Work } from "../work.ts";
import type { Workspace } from "../machine/workspace.ts";

const workerPath = new URL("./worker.ts", import.meta.url).pathname;
// `product.ts` reads it; that file loads a whole Varve, which the harness has no use for.
const checkoutVariable = "VARVE_BENCH_CHECKOUT";
const modes = ["direct-rw", "direct", "buffered"] as const;
const engines = ["uring", "threads", "node"] as const;
const defaults: Variant = { ioMode: "direct-rw", ioEngine: "auto" };

/** Which Varve a peer is, beside how it does IO. */
export interface VarvePeerOptions {
  /** Its name in the table; the default is made from the variant. */
  name?: string | undefined;
  /** The directory of another checkout, without a slash at its end. */
  checkout?: string | undefined;
}

/** Varve with one mode and engine, of one checkout. */
export class VarvePeer implements Peer {
  readonly name: string;
  readonly family: string;
  readonly byDefault: boolean;
  readonly settings: readonly string[];
  readonly #variant: Variant;
  readonly #checkout: string;

  /** Makes the peer of a variant; without one, of the defaults. */
  constructor(variant?: Variant, { name, checkout }: VarvePeerOptions = {}) {
    this.#variant = variant ?? defaults;
    this.#checkout = checkout ?? thisCheckout;
    this.name = name ?? (variant === undefined ? "varve" : `varve:${variant.ioMode}:${variant.ioEngine}`);
    // Checkouts may differ in their files' format.
    this.family = `varve in ${this.#checkout}`;
    this.byDefault = variant === undefined;
    const isPlain = variant === undefined && checkout === undefined;
    this.settings = isPlain ? settings : ["as varve, but for what its name and version say"];
  }

  async probe(workspace: Workspace): Promise<PeerPresence | { absent: string }> {
    const directory = await workspace.directory("probe");
    try {
      const { io } = await this.#run({ stage: "probe", variant: this.#variant, directory });
      const isOther = this.#checkout !== thisCheckout;
      const origin = isOther ? `, ${this.#checkout} at ${await commitOf(this.#checkout)}` : "";
      return { version: (io ?? "") + origin, notes: [] };
    } catch (error) {
      return { absent: error instanceof Error ? error.message : String(error) };
    }
  }

  supports(_work: Work): boolean {
    return true;
  }

  async prepare(dataset: Dataset, directory: string): Promise<void> {
    await this.#run({ stage: "fill", variant: this.#variant, dataset, directory });
  }

  async measure({ work, directory, dataset, accountPath }: Assignment): Promise<Measurement> {
    const variant = this.#variant;
    if (work.kind === "replay") {
      await this.#run({ stage: "fill", variant, dataset: work.dataset, directory, unsealed: true });
    }
    const request: VarveRequest = { stage: "measure", variant, work, directory, dataset };
    const { reply, writtenBytes } = await this.#account(request, accountPath);
    const { measurement, unable } = reply;
    if (unable !== undefined) throw new UnableError(unable);
    if (measurement === undefined) {
      throw new Error("Cannot read the reply of the worker: it measured nothing");
    }
    // What RocksDB wrote is known of its whole process; where that is compared, so it is of this one.
    return work.kind === "fill" ? { ...measurement, writtenBytes } : measurement;
  }

  async #run(request: VarveRequest): Promise<VarveReply> {
    return (await this.#account(request)).reply;
  }

  /** Runs this checkout's worker, with the packages that the measured checkout names. */
  async #account(
    request: VarveRequest,
    accountPath?: string,
  ): Promise<{ reply: VarveReply; writtenBytes: number | undefined }> {
    const config = `--config=${this.#checkout}/deno.json`;
    const command = [Deno.execPath(), "run", "-A", "--no-check", "--no-lock", config, workerPath];
    const outcome = await runChild([...command, JSON.stringify(request)], {
      accountPath,
      env: { [checkoutVariable]: this.#checkout },
    });
    if (outcome.code !== 0) throw new Error(`varve failed: ${errorLine(outcome)}`);
    const reply: VarveReply = JSON.parse(outcome.stdout.trim().split("\n").at(-1) ?? "");
    return { reply, writtenBytes: outcome.writtenBytes };
  }
}

/** Varve as it comes, and in every mode with every engine. */
export function varvePeers(): VarvePeer[] {
  const variants = modes.flatMap((ioMode) => engines.map((ioEngine) => ({ ioMode, ioEngine })));
  return [undefined, ...variants].map((variant) => new VarvePeer(variant));
}

const settings: readonly string[] = [
  "ioMode direct-rw, ioEngine auto, strict; every other option as it comes",
  "a Batch of the size that the row names for each append, which is awaited; the log is synced at the end, sealed rows end with freeze()",
  "commit: append of one change with sync",
  "before cold reads the index is brought into its cache, as RocksDB does when it opens; values always come from the disk",
  "an old store is one whose upkeep has nothing left to do; the cache that a row names is full before it begins",
  "replay: segmentBytes 1 GiB, so that the whole log is unsealed when the process ends",
];
