/**
 * Merging layers: the versions of the inputs, sorted by (key, LSN), in delta layers side by side; below a horizon only
 * those that can still be read. Where nothing older lies anywhere else, they are image layers, with patches redone and
 * values compressed.
 *
 * ```
 *   L0  ─┐  indexes in order ─► window ─► records, from wherever they lie ─► delta │ delta │ delta
 *   L0  ─┤     of keys           32 MiB    in order                          ended as `OutputEnd` says
 *   run ─┘
 * ```
 *
 * G1  What comes out holds versions of the inputs alone, each once: all above the horizon, and of each key what is read
 *     as of it. Without a horizon that is every version.
 * G2  Memory is bounded by a window, twice as much of it where patches of one key go on, by what comes of a window that
 *     is redone, and by the index of one output, however large the inputs are.
 * G3  The outputs are durable when it resolves; if it rejects, they are removed.
 * G6  Nothing is written before a durable manifest says that its number is taken.
 *
 * @module
 */

import { asMemoryError, compareKeys, Health, type Lsn, maxLsn } from "../../../base/mod.ts";
import {
  commonLength,
  divideIntoRuns,
  fileSeed,
  mergeCursors,
  type MergedCursor,
  rowKey,
  type RunCursor,
  runCursor,
  type StoredLayer,
} from "../../../layer/mod.ts";
import { PageSet } from "../../../objects/mod.ts";
import type { LevelledLayer } from "../../../manifest/mod.ts";
import { columnLevel } from "../plan/levels.ts";
import { DeltaWriter } from "./delta_writer.ts";
import { type KeyRun, measureKey } from "./key_run.ts";
import type { MergeContext } from "./merge_context.ts";
import type { MergeWindow, WindowLimits } from "./merge_window.ts";
import { MergeWindows } from "./merge_windows.ts";
import { OutputEnd, type OutputShape } from "./output_end.ts";
import { ImageValues } from "./image_values.ts";
import { RedoneChains } from "./redone_chains.ts";
import { RetainedCursor, type Retention } from "./retained.ts";

/** What a merge is to do: plain data, which can be sent to another thread. */
export interface MergeOrder extends OutputShape {
  /** What is merged at once. */
  readonly window?: WindowLimits | undefined;
  /** What may be given up; left out, nothing. */
  readonly retention?: Retention | undefined;
  /** The LSN at which outputs are images, but for columns; left out or 0, they are none. */
  readonly imageLsn?: Lsn | undefined;
}

/** A merge, and what it asks and tells while it goes on. */
export interface MergeWork extends MergeOrder {
  /** Takes numbers of files, of which a durable manifest says that they are taken; returns the first. */
  reserve(count: number): Promise<number>;
  /** Says that the merge must stop, to who cannot ask {@linkcode MergeWork.check} all the time. */
  readonly signal?: AbortSignal | undefined;
  /** Throws if the merge must stop. */
  check(): void;
  /** Is told, in a sentence, what was left undone. */
  noted?(text: string): void;
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
 * @throws {MemoryError} If there is no memory for it.
 */
export async function mergeLayers(
  context: MergeContext,
  layers: readonly StoredLayer[],
  work: MergeWork,
): Promise<LevelledLayer[]> {
  const { windows = new MergeWindows(false) } = context, window = windows.take(work.window);
  const merge = new Merge(context, layers, work, window);
  try {
    const merged = await merge.run();
    windows.giveBack(window);
    return merged;
  } catch (error) {
    await merge.abandon();
    // Where there was no memory for it, it may have grown in part: nobody uses it again.
    window.end();
    throw asMemoryError(error, "merge layers");
  }
}

/** Rows that are taken into a window between two looks at the clock. */
const timedRows = 256;

/** What comes of the inputs. */
interface MergedRows {
  readonly cursor: MergedCursor;
  /** The layer that the row lies in that the cursor stands at. */
  readonly layer: () => StoredLayer;
}

/** How many bytes all keys of layers with versions begin with in common: those between two keys have what both have. */
function sharedBytesOf(layers: readonly StoredLayer[]): number {
  const keys = layers.filter(({ description }) => description.versions > 0)
    .flatMap(({ description: { firstKey, lastKey } }) => [firstKey, lastKey]).sort(compareKeys);
  return keys.length === 0 ? 0 : commonLength(keys[0], keys[keys.length - 1]);
}

/** Whether any of these layers has patches. */
export function hasPatches(layers: readonly StoredLayer[]): boolean {
  return layers.some(({ description }) => description.patches > 0);
}

class Merge {
  readonly #context: MergeContext;
  readonly #layers: readonly StoredLayer[];
  readonly #work: MergeWork;
  readonly #end: OutputEnd;
  readonly #health = new Health("merged layers");
  readonly #window: MergeWindow;
  readonly #values: ImageValues;
  /** Not there if no patch can be redone, or there is none. */
  readonly #chains: RedoneChains | undefined;
  readonly #hasPatches: boolean;
  /** The one that is written, and those that are finished. */
  #output: DeltaWriter | undefined;
  readonly #outputs: DeltaWriter[] = [];
  readonly #finished: LevelledLayer[] = [];
  /** The level of the one that is written. */
  #level = 0;
  /** Numbers that are taken for outputs. */
  #nextSequence = 0;
  #endSequence = 0;

  constructor(context: MergeContext, layers: readonly StoredLayer[], work: MergeWork, window: MergeWindow) {
    this.#context = context;
    this.#layers = layers;
    this.#work = work;
    this.#end = new OutputEnd(work);
    this.#window = window;
    this.#values = new ImageValues(context.host.turns);
    this.#hasPatches = hasPatches(layers);
    const { redoer, host: { turns } } = context;
    this.#chains = redoer?.isKnown ? new RedoneChains(redoer, turns) : undefined;
    // Nobody waits for a disk with room: what was written is removed, which makes some.
    this.#health.watch(() => {
      if (this.#health.state === "full") this.#health.close();
    });
  }

  /** The memory that it holds now, which is most of what it takes. */
  get heldBytes(): number {
    return this.#window.heldBytes + (this.#chains?.heldBytes ?? 0) + (this.#output?.heldBytes ?? 0);
  }

  async run(): Promise<LevelledLayer[]> {
    const layers = this.#layers.filter(({ description }) => description.versions > 0);
    const cursors = divideIntoRuns(layers).map((run) => runCursor(run.layers));
    await this.#writeAll(this.#rowsOf(cursors));
    // The last LSN of history may be that of a batch without changes.
    const lastLsn = this.#layers.reduce((most, { description }) => Math.max(most, description.lastLsn), 0);
    await this.#finish(this.#output ?? await this.#open(), lastLsn);
    if (this.#chains?.note !== undefined) this.#work.noted?.(this.#chains.note);
    this.#chains?.end();
    return this.#finished;
  }

  async #writeAll(merged: MergedRows): Promise<void> {
    // Rows are copied, so that what they lay in can be used again.
    const pages = new PageSet(this.#context.objects, { keep: false, reuse: true });
    while (await this.#settle(merged.cursor, pages)) {
      const output = this.#output ??= await this.#open(merged.cursor);
      const isFull = await this.#fill(merged, pages, output);
      if (this.#window.count > 0) await this.#copy(output);
      if (isFull) await this.#finish(output, 0);
    }
    pages.end();
  }

  /** The versions that are kept, and where they lie. */
  #rowsOf(cursors: readonly RunCursor[]): MergedRows {
    const { retention } = this.#work,
      layers = this.#layers,
      cursor = mergeCursors(cursors, false, sharedBytesOf(layers));
    const layer = () => cursors[cursor.source].layer;
    const isKept = ({ description }: StoredLayer) => description.firstLsn > (retention?.horizon ?? 0);
    if (retention === undefined || layers.every(isKept)) return { cursor, layer };
    const places = new Map(layers.map((layer, place) => [layer, place]));
    const retained = new RetainedCursor(cursor, retention, () => places.get(layer()) as number);
    return { cursor: retained, layer: () => layers[retained.source] };
  }

  async #copy(output: DeltaWriter): Promise<void> {
    const { objects } = this.#context, window = this.#window;
    const read = await window.read(objects, () => this.#work.check()), { length } = read;
    const records = output.isImage ? await this.#improve(output, read) : read;
    await output.append(window, records);
    this.#work.copied(length, this.heldBytes);
  }

  /** Makes of the records of an image what is shorter to read: whole values, compressed ones. */
  async #improve(output: DeltaWriter, read: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const window = this.#window, { rows } = window, seed = fileSeed(output.fileId);
    const redone = await this.#chains?.redo(rows, read, seed, output.imageLsn, window.goesOn);
    return await this.#values.compress(rows, redone ?? read, seed);
  }

  /** Whether a row of an image is to be redone with those before it: it stays with them (I1). */
  #isRedone(output: DeltaWriter, lsn: Lsn): boolean {
    return this.#hasPatches && lsn <= output.imageLsn;
  }

  /** Whether there is a row. */
  async #settle(cursor: MergedCursor, pages: PageSet): Promise<boolean> {
    while (!cursor.settle(pages)) {
      this.#work.check();
      await pages.fetch();
    }
    return !cursor.ended;
  }

  /** Takes rows into the window; returns whether the output ends behind them. */
  async #fill(
    { cursor: merged, layer: layerOf }: MergedRows,
    pages: PageSet,
    output: DeltaWriter,
  ): Promise<boolean> {
    const window = this.#window, { turns } = this.#context.host;
    window.restart(output.position, fileSeed(output.fileId));
    let untimed = 0;
    while (merged.settle(pages) ? !merged.ended : await this.#settle(merged, pages)) {
      const { block, at, end } = merged, layer = layerOf();
      for (let row = at; row < end; row++) {
        // Two layers may have one version, where one stands for the other (G1).
        if (window.isLast(block, row)) continue;
        const bytes = output.position + window.byteLength, versions = output.versions + window.count;
        const isSameKey = window.hasLastKey(block, row), isRedone = this.#isRedone(output, block.lsn[row]);
        const isEnd = this.#end.isBefore(bytes, versions, block, row, isSameKey);
        if (isEnd || !window.fits(block.length[row], isRedone && isSameKey)) {
          merged.step(row - at);
          return isEnd;
        }
        window.add(block, row, layer);
        if (!this.#end.added(block.length[row]) || isRedone) continue;
        const rest = await this.#measure(rowKey(block, row), block.lsn[row]);
        if (!this.#end.measured(rest)) continue;
        merged.step(row + 1 - at);
        return true;
      }
      merged.step(end - at);
      // Of random keys one row comes at a time, and the clock takes longer than that.
      if ((untimed += end - at) < timedRows) continue;
      untimed = 0;
      if (turns.due()) await turns.turn();
    }
    return false;
  }

  /** What is left of a key behind an LSN. */
  #measure(key: Uint8Array, lsn: Lsn): Promise<KeyRun> {
    const layers = this.#layers.filter(({ description: { firstKey, lastKey, versions } }) =>
      versions > 0 && compareKeys(firstKey, key) <= 0 && compareKeys(key, lastKey) <= 0
    );
    return measureKey(this.#context, layers, key, lsn + 1, () => this.#work.check());
  }

  /** Begins an output with the row at which a cursor stands; without one, it will have none. */
  async #open(cursor?: MergedCursor): Promise<DeltaWriter> {
    this.#level = this.#end.level;
    // Of a key alone versions come in the order of LSNs; else any row may have the first.
    const isColumn = cursor !== undefined && this.#level === columnLevel;
    const firstLsn = isColumn ? cursor.block.lsn[cursor.at] : this.#firstLsn();
    const sequence = await this.#takeSequence();
    const horizon = this.#layers.reduce(
      (most, { description }) => Math.max(most, description.horizon),
      this.#work.retention?.horizon ?? 0,
    );
    // A column has some versions of its key; and what has none says nothing of any key.
    const imageLsn = isColumn || cursor === undefined ? 0 : this.#work.imageLsn ?? 0;
    const place = { sequence, firstLsn, horizon, imageLsn };
    const output = new DeltaWriter(this.#context, this.#health, place);
    // It is given up with the others, should there be no memory for its first bytes.
    this.#outputs.push(output);
    output.begin();
    return output;
  }

  #firstLsn(): Lsn {
    return this.#layers.reduce((least, { description }) => Math.min(least, description.firstLsn), maxLsn);
  }

  /** Numbers are taken as many at once as there are outputs, mostly. */
  async #takeSequence(): Promise<number> {
    if (this.#nextSequence === this.#endSequence) {
      const bytes = this.#layers.reduce((sum, { description }) => sum + description.byteLength, 0);
      const count = this.#outputs.length === 0
        ? Math.max(1, Math.ceil(bytes / this.#work.ends.anywhereBytes))
        : 1;
      this.#nextSequence = await this.#work.reserve(count);
      this.#endSequence = this.#nextSequence + count;
    }
    return this.#nextSequence++;
  }

  async #finish(output: DeltaWriter, leastLastLsn: Lsn): Promise<void> {
    this.#work.check();
    this.#finished.push({ ...await output.finish(leastLastLsn), level: this.#level });
    this.#output = undefined;
  }

  /** Removes what was written (G3). What cannot be removed is nobody's history: the next opening does it. */
  async abandon(): Promise<void> {
    // Whoever waits is told what went wrong first.
    await Promise.allSettled(this.#outputs.map((output) => output.abandon()));
    this.#chains?.end();
  }
}
