/**
 * Appending on condition that keys have not moved on.
 *
 * Where memory tells what stands, a batch is applied in the turn of the call. Otherwise it waits for pages of indexes, beside
 * which others append, and is applied or refused in the turn in which they have come. Nothing is held for it meanwhile but
 * memory and its view.
 *
 * N1  What is expected stands in the turn in which the batch is applied; where it does not, nothing is applied.
 *
 * @module
 */

import { ConflictError, type Lsn } from "../../base/mod.ts";
import type { EncodedBatch } from "../../segment/mod.ts";
import type { ViewSource } from "../read/reads.ts";
import type { View } from "../read/view.ts";
import type { TimelineContext } from "../timeline_context.ts";
import type { TimelineWriter } from "../write/timeline_writer.ts";
import type { Expectations } from "./expectations.ts";
import { NewestVersions, type ReadOn } from "./newest_versions.ts";
import { WarmNewest } from "./warm_newest.ts";

/** What is charged for a batch that waits, beside its records and keys: its view, its lookup, its promises. */
const bytesPerBatch = 4096;

/** A batch and what is expected of keys. */
interface Proposal {
  readonly records: EncodedBatch;
  readonly given: Lsn | undefined;
  readonly expected: Expectations;
  readonly newest: NewestVersions;
}

/** Applies batches whose expectations are met. */
export class Agreement {
  readonly #context: TimelineContext;
  readonly #writer: TimelineWriter;
  readonly #source: Pick<ViewSource, "lineage" | "open">;
  readonly #warm: WarmNewest;

  /**
   * Stands before a writer.
   *
   * @param context The timeline.
   * @param writer Its writer.
   * @param source What is seen of it.
   */
  constructor(
    context: TimelineContext,
    writer: TimelineWriter,
    source: Pick<ViewSource, "lineage" | "open">,
  ) {
    this.#context = context;
    this.#writer = writer;
    this.#source = source;
    this.#warm = new WarmNewest(context.objects);
  }

  /**
   * Appends a batch if its expectations are met.
   *
   * @param records The batch, which may be changed after the call.
   * @param given The LSN that the caller chose, if it did.
   * @param expected What is expected.
   * @returns Its LSN, if memory tells that they are met: it is applied. Else when that is so.
   * @throws {ConflictError} If they are not met. Nothing is applied.
   * @throws {CorruptionError} If that cannot be told, for damage. Else it throws as {@linkcode TimelineWriter.append} does.
   */
  append(records: EncodedBatch, given: Lsn | undefined, expected: Expectations): Lsn | Promise<Lsn> {
    const newest = new NewestVersions(expected.keys), proposal = { records, given, expected, newest };
    if (newest.learnFrom(this.#source.lineage.map.memory, 0)) return this.#apply(proposal, false);
    expected.own();
    using held = new DisposableStack();
    const view = held.use(this.#source.open(undefined, undefined));
    const readOn = newest.lookUp(this.#warm, this.#context.objects, view);
    if (readOn === undefined) return this.#apply(proposal, false);
    held.use(this.#writer.hold(records.end + expected.byteLength + bytesPerBatch));
    return this.#applyLater({ ...proposal, records: records.copy() }, view, readOn, held.move());
  }

  async #applyLater(
    proposal: Proposal,
    view: View,
    readOn: ReadOn,
    held: DisposableStack,
  ): Promise<Lsn> {
    using _ = held;
    const { turns } = this.#context.host;
    // As a get, it goes before appends that need not wait.
    turns.awaiting();
    try {
      await readOn(turns);
    } finally {
      turns.answered();
    }
    // From here on in one turn. What was appended since the view began is newer than what it shows (N2).
    view.check();
    proposal.newest.learnFrom(this.#writer.layers.inMemory(), view.lsn);
    return this.#apply(proposal, true);
  }

  #apply({ records, given, expected, newest }: Proposal, isHeld: boolean): Lsn {
    try {
      for (let i = 0; i < expected.keys.length; i++) expected.meet(i, newest.lsnOf(i), newest.hasValue(i));
    } catch (error) {
      if (error instanceof ConflictError) this.#context.meters.conflicts++;
      throw error;
    }
    return this.#writer.append(records, given, isHeld);
  }
}
