/** What `varve.ts` asks of `varve_worker.ts`, and what it answers, each as one line of JSON. */

import type { Measurement } from "../measurement.ts";
import type { Dataset, Work } from "../work.ts";

/** How Varve does IO. */
export interface Variant {
  /** Which IO bypasses the page cache. */
  ioMode: "buffered" | "direct" | "direct-rw";
  /** Who does the IO. */
  ioEngine: "auto" | "uring" | "threads" | "node";
}

/** What the worker is to do. */
export interface VarveRequest {
  /** Opens a store to see whether it can; writes a dataset; or measures a work. */
  stage: "probe" | "fill" | "measure";
  /** How it does IO. */
  variant: Variant;
  /** An empty directory. */
  directory: string;
  /** What is written, or where it lies that is read. */
  dataset?: Dataset | string | undefined;
  /** What is measured. */
  work?: Work | undefined;
  /** Whether the process ends without closing the store, so that its log must be replayed. */
  unsealed?: boolean | undefined;
}

/** What the worker answers. */
export interface VarveReply {
  /** To `"probe"`: the mode and the engine that were obtained. */
  io?: string;
  /** To `"measure"`: what was measured. */
  measurement?: Measurement;
  /** To `"measure"`: why this Varve cannot do it. */
  unable?: string;
}
