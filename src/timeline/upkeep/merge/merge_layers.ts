/**
 * Merging layers: the versions of the inputs, sorted by (key, LSN), in delta layers side by side; below a horizon only
 * those that can still be read.
 *
 * ```
 *   L0  ─┐  indexes in order ─► window ─► records, from wherever they lie ─► delta │ delta │ delta
 *   L0  ─┤     of keys           32 MiB    in order                          64 MiB each, cut between two keys
 *   run ─┘
 * ```
 *
 * G1  What comes out holds versions of the inputs alone, each once: all above the horizon, and of each key what is read
 *     as of it. Without a horizon that is every version.
 * G2  Memory is bounded by a window and by the index of one output, however large the inputs are.
 * G3  The outputs are durable when it resolves; if it rejects, they are removed.
 * G6  Nothing is written before a durable manifest says that its number is taken.
 *
 * @module
 */

import { Health, type Lsn, maxLsn } from "../../../base/mod.ts";
import {
  divideIntoRuns,
  fileSeed,
  type LayerDescription,
  mergeCursors,
  type MergedCursor,
  type RunCursor,
  runCursor,
  type StoredLayer,
  type VersionBlock,
} from "../../../layer/mod.ts";
import { PageSet } from "../../../objects/mod.ts";
import { DeltaWriter } from "./delta_writer.ts";
import type { MergeContext } from "./merge_context.ts";
import { MergeWindow, type WindowLimits } from "./merge_window.ts";
import { RetainedCursor, type Retention } from "./retained.ts";

/** How a merge is done. */
export interface MergeWork {
  /** The bytes of records after which an output ends with the key that it has come to. */
  readonly targetBytes: number;
  /** The versions after which it does. @default {mostVersions} */
  readonly targetVersions?: number | undefined;
  /** What is merged at once. */
  readonly window?: WindowLimits | undefined;
  /** What may be given up; left out, nothing. */
  readonly retention?: Retention | undefined;
  /** Takes numbers of files, of which a durable manifest says that they are taken; returns the first. */
  reserve(count: number): Promise<number>;
  /** Says that the merge must stop, to who cannot ask {@linkcode MergeWork.check} all the time. */
  readonly signal?: AbortSignal | undefined;
  /** Throws if the merge must stop. */
  check(): void;
  /** Is told of bytes of records that were copied, and of the bytes of memory that the merge holds then. */
  copied(bytes: number, heldBytes: number): void;
}

/**
 * Merges layers.
 *
 * @param context The timeline.
 * @param layers The layers, at least one; they stay as they are.
 * @param work How.
 * @returns The layers that stand for them, which no manifest names yet.
 * @throws {CorruptionError} If an input is damaged.
 * @throws {IoError} If an input cannot be read, or the disk is full.
 */
export async function mergeLayers(
  context: MergeContext,
  layers: readonly StoredLayer[],
  work: MergeWork,
): Promise<LayerDescription[]> {
  const merge = new Merge(context, layers, work);
  try {
    return await merge.run();
  } catch (error) {
    await merge.abandon();
    throw error;
  }
}

/** What comes of the inputs. */
interface MergedRows {
  readonly cursor: MergedCursor;
  /** The layer that the row lies in that the cursor stands at. */
  readonly layer: () => StoredLayer;
}

class Merge {
  readonly #context: MergeContext;
  readonly #layers: readonly StoredLayer[];
  readonly #work: MergeWork;
  readonly #health = new Health("merged layers");
  readonly #window: MergeWindow;
  /** The one that is written, and those that are finished. */
  #output: DeltaWriter | undefined;
  readonly #outputs: DeltaWriter[] = [];
  readonly #finished: LayerDescription[] = [];
  /** Numbers that are taken for outputs. */
  #nextSequence = 0;
  #endSequence = 0;

  constructor(context: MergeContext, layers: readonly StoredLayer[], work: MergeWork) {
    this.#context = context;
    this.#layers = layers;
    this.#work = work;
    this.#window = new MergeWindow(work.window);
    // Nobody waits for a disk with room: what was written is removed, which makes some.
    this.#health.watch(() => {
      if (this.#health.state === "full") this.#health.close();
    });
  }

  /** The memory that it holds now, which is most of what it takes. */
  get heldBytes(): number {
    return this.#window.heldBytes + (this.#output?.heldBytes ?? 0);
  }

  async run(): Promise<LayerDescription[]> {
    const layers = this.#layers.filter(({ description }) => description.versions > 0);
    const cursors = divideIntoRuns(layers).map((run) => runCursor(run.layers));
    const merged = this.#rowsOf(cursors), pages = new PageSet(this.#context.objects, { keep: false });
    while (await this.#settle(merged.cursor, pages)) {
      const output = this.#output ??= await this.#open();
      const isFull = await this.#fill(merged, pages, output);
      if (this.#window.count > 0) await this.#copy(output);
      if (isFull) await this.#finish(output, 0);
    }
    // The last LSN of history may be that of a batch without changes.
    const lastLsn = this.#layers.reduce((most, { description }) => Math.max(most, description.lastLsn), 0);
    await this.#finish(this.#output ?? await this.#open(), lastLsn);
    return this.#finished;
  }

  /** The versions that are kept, and where they lie. */
  #rowsOf(cursors: readonly RunCursor[]): MergedRows {
    const { retention } = this.#work, layers = this.#layers, cursor = mergeCursors(cursors);
    const layer = () => cursors[cursor.source].layer;
    const isKept = ({ description }: StoredLayer) => description.firstLsn > (retention?.horizon ?? 0);
    if (retention === undefined || layers.every(isKept)) return { cursor, layer };
    const places = new Map(layers.map((layer, place) => [layer, place]));
    const retained = new RetainedCursor(cursor, retention, () => places.get(layer()) as number);
    return { cursor: retained, layer: () => layers[retained.source] };
  }

  async #copy(output: DeltaWriter): Promise<void> {
    const records = await this.#window.read(this.#context.objects, () => this.#work.check());
    await output.append(this.#window, records);
    this.#work.copied(records.length, this.heldBytes);
  }

  /** Whether there is a row. */
  async #settle(cursor: MergedCursor, pages: PageSet): Promise<boolean> {
    while (!cursor.settle(pages)) {
      this.#work.check();
      await pages.fetch();
    }
    return !cursor.ended;
  }

  /** Takes rows into the window; returns whether the output is full. */
  async #fill(
    { cursor: merged, layer: layerOf }: MergedRows,
    pages: PageSet,
    output: DeltaWriter,
  ): Promise<boolean> {
    const window = this.#window, { turns } = this.#context.host;
    window.restart(output.position, fileSeed(output.fileId));
    while (await this.#settle(merged, pages)) {
      const { block, at, end } = merged, layer = layerOf();
      for (let row = at; row < end; row++) {
        // Two layers may have one version, where one stands for the other (G1).
        if (window.isLast(block, row)) continue;
        const isFull = this.#isFull(output, block, row);
        if (isFull || !window.fits(block.length[row])) {
          merged.step(row - at);
          return isFull;
        }
        window.add(block, row, layer);
      }
      merged.step(end - at);
      if (turns.due()) await turns.turn();
    }
    return false;
  }

  /** Whether a row belongs to the next output: mostly between two keys, but the versions of one may be too many. */
  #isFull(output: DeltaWriter, block: VersionBlock, row: number): boolean {
    const window = this.#window, { targetBytes, targetVersions = mostVersions } = this.#work;
    const bytes = output.position + window.byteLength, versions = output.versions + window.count;
    if (versions === 0 || bytes < targetBytes && versions < targetVersions) return false;
    return !window.hasLastKey(block, row) || bytes >= 2 * targetBytes || versions >= 2 * targetVersions;
  }

  async #open(): Promise<DeltaWriter> {
    const sequence = await this.#takeSequence();
    const firstLsn = firstLsnOf(this.#layers);
    const horizon = this.#layers.reduce(
      (most, { description }) => Math.max(most, description.horizon),
      this.#work.retention?.horizon ?? 0,
    );
    const output = new DeltaWriter(this.#context, this.#health, { sequence, firstLsn, horizon });
    this.#outputs.push(output);
    return output;
  }

  /** Numbers are taken as many at once as there are outputs, mostly. */
  async #takeSequence(): Promise<number> {
    if (this.#nextSequence === this.#endSequence) {
      const bytes = this.#layers.reduce((sum, { description }) => sum + description.byteLength, 0);
      const count = this.#outputs.length === 0 ? Math.ceil(bytes / this.#work.targetBytes) : 1;
      this.#nextSequence = await this.#work.reserve(count);
      this.#endSequence = this.#nextSequence + count;
    }
    return this.#nextSequence++;
  }

  async #finish(output: DeltaWriter, leastLastLsn: Lsn): Promise<void> {
    this.#work.check();
    this.#finished.push(await output.finish(leastLastLsn));
    this.#output = undefined;
  }

  /** Removes what was written (G3). What cannot be removed is nobody's history: the next opening does it. */
  async abandon(): Promise<void> {
    // Whoever waits is told what went wrong first.
    await Promise.allSettled(this.#outputs.map((output) => output.abandon()));
  }
}

/** The first LSN of what comes of merging layers. */
export function firstLsnOf(layers: readonly StoredLayer[]): Lsn {
  return layers.reduce((least, { description }) => Math.min(least, description.firstLsn), maxLsn);
}

/** Versions after which an output ends with its key, which bounds what its index takes in memory (G2). */
export const mostVersions: number = 1 << 20;
