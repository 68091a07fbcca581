/** What the harness asks of whoever is measured. */

import type { Measurement } from "./measurement.ts";
import type { Dataset, Work } from "./work.ts";
import type { Workspace } from "./machine/workspace.ts";

/** What a peer is, once it is known to be here. */
export interface PeerPresence {
  /** Its version. */
  version: string;
  /** What a reader should know about this build of it. */
  notes: string[];
}

/** One run of one work. */
export interface Assignment {
  /** What is done. */
  work: Work;
  /** An empty directory on the disk that is measured; it is removed after. */
  directory: string;
  /** The directory that {@linkcode Peer.prepare} filled, where the work needs a dataset. */
  dataset: string | undefined;
  /** Where the account of a child may be written. */
  accountPath: string;
}

/** A peer, as it is today, cannot do a work; that is a remark and no failure. */
export class UnableError extends Error {
  override readonly name: string = "UnableError";
}

/** Whoever is measured. A peer that is absent is skipped; one that fails loses that run. */
export interface Peer {
  /** Its name in the table. */
  readonly name: string;
  /** Peers of one family can read each other's datasets. */
  readonly family: string;
  /** Its settings, and why; they are printed with the results. */
  readonly settings: readonly string[];
  /** Whether it is among those that are measured when nobody is named. */
  readonly byDefault: boolean;

  /**
   * Finds out whether it is here, and installs what it needs into the workspace.
   *
   * @returns What it is, or why it is absent.
   */
  probe(workspace: Workspace): Promise<PeerPresence | { absent: string }>;
  /** Whether it has a counterpart of `work`. */
  supports(work: Work): boolean;
  /** Fills an empty directory with a dataset, lets it settle, and closes it. One with an age has that age then. */
  prepare(dataset: Dataset, directory: string): Promise<void>;
  /**
   * Does the work once.
   *
   * @throws {UnableError} If it turns out that it cannot.
   */
  measure(assignment: Assignment): Promise<Measurement>;
}
