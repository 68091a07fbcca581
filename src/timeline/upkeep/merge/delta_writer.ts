/**
 * Writing a delta or an image layer: records in the order of their keys, then the index that was built beside them.
 *
 * ```
 *   header │ record │ record │ … │ pad ┃ leaf 0 │ leaf 1 │ …  │ root │ filter │ footer
 *                                        └ kept in memory until the last record stands
 * ```
 *
 * @module
 */

import { assert, blockBytes, type Health, type Lsn, pageBytes } from "../../../base/mod.ts";
import {
  encodeHeader,
  encodePad,
  type FileHeader,
  LayerBuilder,
  type LayerDescription,
  type LayerKind,
  padBytes,
} from "../../../layer/mod.ts";
import { type ObjectId, objectId, type ObjectWriter } from "../../../objects/mod.ts";
import type { MergeContext } from "./merge_context.ts";
import type { MergeWindow } from "./merge_window.ts";

/** A delta layer that is being written, or an image. */
export class DeltaWriter {
  /** The id of its object. */
  readonly id: ObjectId;
  readonly #context: MergeContext;
  readonly #header: FileHeader & { readonly kind: LayerKind };
  readonly #horizon: Lsn;
  readonly #imageLsn: Lsn;
  readonly #writer: ObjectWriter;
  readonly #builder: LayerBuilder;
  #leaves: Uint8Array[] | undefined = [];
  #lastLsn: Lsn = 0;

  /**
   * Makes its file. No manifest names it before whoever makes it says so.
   *
   * @param context The timeline.
   * @param health Is told what fails; belongs to the merge alone.
   * @param place Its sequence, the least LSN that it may hold, the horizon under which it is merged, and the LSN at which
   * it is an image, 0 for a delta.
   */
  constructor(
    context: MergeContext,
    health: Health,
    { sequence, firstLsn, horizon, imageLsn }: Pick<
      LayerDescription,
      "sequence" | "firstLsn" | "horizon" | "imageLsn"
    >,
  ) {
    const { objects, generation, host: { random }, storeId, id: timelineId } = context;
    this.#context = context;
    const kind = imageLsn > 0 ? "image" : "delta";
    this.#horizon = horizon;
    this.#imageLsn = imageLsn;
    this.id = objectId({ timeline: timelineId, firstLsn, sequence, generation, kind });
    this.#header = {
      kind,
      storeId,
      timelineId,
      fileId: random.id(),
      sequence,
      generation,
      firstLsn,
      previousSequence: 0,
      previousLsn: 0,
    };
    this.#builder = new LayerBuilder(this.#header.fileId, (page) => {
      if (this.#leaves !== undefined) this.#leaves.push(page.slice());
      else this.#writer.append(page);
    });
    this.#writer = objects.create(this.id, { health, reserveBytes: 0 });
  }

  /** Writes what it starts with, before its first record. */
  begin(): void {
    this.#writer.append(encodeHeader(this.#header));
  }

  /** The id of its file. */
  get fileId(): number {
    return this.#header.fileId;
  }

  /** Whether it is an image. */
  get isImage(): boolean {
    return this.#imageLsn > 0;
  }

  /** The LSN at which it is an image; 0 if it is none. */
  get imageLsn(): Lsn {
    return this.#imageLsn;
  }

  /** Where its next record will stand. */
  get position(): number {
    return this.#writer.position;
  }

  /** The memory of the leaves that wait for its last record, in bytes. */
  get heldBytes(): number {
    return (this.#leaves?.length ?? 0) * pageBytes;
  }

  /** How many versions it has. */
  get versions(): number {
    return this.#builder.versions;
  }

  /**
   * Appends a window.
   *
   * @param window Rows behind those before them, which were told where they stand.
   * @param records Their records.
   */
  async append({ rows }: MergeWindow, records: Uint8Array): Promise<void> {
    const { turns } = this.#context.host;
    assert(rows.count > 0 && rows.offset[0] === this.position, "records stand where their rows say");
    for (let row = 0; row < rows.count; row++) this.#lastLsn = Math.max(this.#lastLsn, rows.lsn[row]);
    for (let at = 0; at < records.length; at += pieceBytes) {
      this.#writer.append(records.subarray(at, at + pieceBytes));
      await this.#writer.room();
      if (turns.due()) await turns.turn();
    }
    for (let row = 0; row < rows.count; row += pieceRows) {
      this.#builder.addRuns(rows, row, Math.min(rows.count, row + pieceRows), records, rows.offset[0]);
      if (turns.due()) await turns.turn();
    }
  }

  /**
   * Makes all of it durable.
   *
   * @param leastLastLsn The least that it says its last LSN is.
   * @returns What it is.
   */
  async finish(leastLastLsn: Lsn): Promise<LayerDescription> {
    const { host: { turns } } = this.#context,
      { kind, fileId, sequence, generation, firstLsn } = this.#header;
    const lastLsn = Math.max(this.#lastLsn, leastLastLsn, firstLsn), writer = this.#writer;
    this.#pad(lastLsn);
    const valuesEnd = writer.position, leaves = this.#leaves ?? [];
    this.#leaves = undefined;
    for (const leaf of leaves) {
      writer.append(leaf);
      await writer.room();
      if (turns.due()) await turns.turn();
    }
    const identity = {
      kind,
      fileId,
      sequence,
      generation,
      firstLsn,
      lastLsn,
      horizon: this.#horizon,
      imageLsn: this.#imageLsn,
    };
    const layer = await this.#builder.finish(writer, identity, valuesEnd, turns);
    await writer.finish();
    return layer;
  }

  #pad(lsn: Lsn): void {
    const offset = this.#writer.position, left = blockBytes - offset % blockBytes;
    if (left === blockBytes) return;
    const length = left < padBytes ? left + blockBytes : left;
    this.#writer.append(
      encodePad(length, lsn, { fileId: this.fileId, offset, durableOffset: 0, durableLsn: 0 }),
    );
  }

  /** Gives it up: closes its file and removes it. */
  async abandon(): Promise<void> {
    await this.#writer.abort();
    await this.#context.objects.remove(this.id);
  }
}

/** Bytes that are appended between two looks at the clock, and rows that are indexed. */
const pieceBytes = 1024 * 1024, pieceRows = 4096;
