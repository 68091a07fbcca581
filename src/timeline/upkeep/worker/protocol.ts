/**
 * What the main thread and the Worker of a store say to each other. All of it is plain data.
 *
 * ```
 *   main ── open ─────────────────────────────────────────────────────────────────► Worker
 *        ◄─ ready │ unready ──────────────────────────────────────────────────────
 *        ── seal n ───────────────────► sorts, appends index, filter, footer, syncs
 *        ◄─ done n, failed n ─────────
 *        ── merge m ──────────────────► reads layers
 *        ◄─ reserve m ────────────────  needs numbers of files
 *        ── reserved m ───────────────► a durable manifest says that they are taken
 *        ◄─ copied m, noted m … done m, unable m, failed m
 *        ── abort m ──────────────────► removes what it wrote, then failed m
 *        ── stop ─────────────────────► ends what runs
 *        ◄─ stopped ──────────────────  nothing is open or in flight any more
 * ```
 *
 * Jobs have numbers and run side by side. A number of which the other side knows nothing, since the job has ended
 * meanwhile, is passed over.
 *
 * @module
 */

import type { EngineName, Io, LockTicket } from "../../../io/mod.ts";
import type { FrozenColumns, LayerDescription, LayerIdentity } from "../../../layer/mod.ts";
import type { LevelledLayer } from "../../../manifest/mod.ts";
import type { ObjectId } from "../../../objects/mod.ts";
import type { MergeOrder } from "../merge/merge_layers.ts";
import type { ErrorMessage } from "./error_message.ts";

/** Which store a Worker works for, and how. */
export interface UpkeepSetup {
  /** The engine that it opens. */
  readonly engine: EngineName;
  /** The store's directory. */
  readonly directory: string;
  /** The lock on it, which the main thread holds. */
  readonly ticket: LockTicket;
  /** How the main thread does IO in it. */
  readonly io: Pick<Io, "readDirect" | "writeDirect" | "report">;
  /** The URL of the module that exports `redo`, if there is one. */
  readonly redo?: string | undefined;
}

/** A layer to be sealed, whose values are durable. */
export interface SealTask {
  /** What is to be done. */
  readonly type: "seal";
  /** Its segment. */
  readonly id: ObjectId;
  /** Where its values end, aligned. */
  readonly position: number;
  /** What the layer will be. */
  readonly identity: LayerIdentity;
  /** Its index. */
  readonly columns: FrozenColumns;
}

/** Layers to be merged. */
export interface MergeTask {
  /** What is to be done. */
  readonly type: "merge";
  /** The layers, which stay as long as the job runs. */
  readonly layers: readonly LayerDescription[];
  /** The store's id. */
  readonly storeId: string;
  /** The timeline's id. */
  readonly timeline: number;
  /** How often the store was opened for writing. */
  readonly generation: number;
  /** What is to come of them. */
  readonly order: MergeOrder;
  /** Whether patches are to be redone: then it is refused where that cannot be. */
  readonly mustRedo: boolean;
}

/** A job, as its data. */
export type Task = SealTask | MergeTask;

/** What the main thread says. */
export type Request =
  | { readonly type: "open"; readonly setup: UpkeepSetup }
  | { readonly type: "do"; readonly job: number; readonly task: Task }
  | { readonly type: "reserved"; readonly job: number; readonly first: number }
  | { readonly type: "abort"; readonly job: number }
  | { readonly type: "stop" };

/** What the Worker says. */
export type Answer =
  | { readonly type: "ready"; readonly engine: EngineName }
  | { readonly type: "unready"; readonly error: ErrorMessage }
  | { readonly type: "reserve"; readonly job: number; readonly count: number }
  | { readonly type: "copied"; readonly job: number; readonly bytes: number; readonly heldBytes: number }
  | { readonly type: "done"; readonly job: number; readonly layers: readonly LevelledLayer[] }
  | { readonly type: "noted"; readonly job: number; readonly text: string }
  | { readonly type: "unable"; readonly job: number; readonly why: string }
  | { readonly type: "failed"; readonly job: number; readonly error: ErrorMessage }
  | { readonly type: "aborted"; readonly job: number }
  | { readonly type: "stopped" };
