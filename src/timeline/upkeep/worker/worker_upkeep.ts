/**
 * Upkeep in a Worker, and in slices where there is none.
 *
 * ```
 *   main thread                                            Worker
 *   values durable ──── index, in shared memory ─────────► sorts, appends index, filter, footer, syncs
 *   edit "seal"    ◄─── what the footer says ─────────────
 *   edit "reserve" ◄─── so many numbers ──────────────────  merges layers, from files into files
 *   edit "replaceLayers" ◄─ what the footers say ─────────
 * ```
 *
 * X1  Edits are committed on the main thread alone; a Worker writes behind the durable values of a segment that is being
 *     sealed, and to files whose numbers are reserved, and to nothing else.
 * X2  A Worker that ends costs time and nothing else: what it wrote is written again, from the end of the values on, or
 *     removed.
 * X3  Nothing of a Worker is left when the store is closed.
 *
 * @module
 */

import { isShortage, type Timers } from "../../../base/mod.ts";
import type { WorkerLink, Workers } from "../../../io/mod.ts";
import type { LayerDescription, StoredLayer } from "../../../layer/mod.ts";
import type { LevelledLayer } from "../../../manifest/mod.ts";
import { parseObjectId } from "../../../objects/mod.ts";
import type { MergeContext } from "../merge/merge_context.ts";
import { hasPatches, type MergeOrder, type MergeWork } from "../merge/merge_layers.ts";
import type { IndexMemory, SealJob, UpkeepCounters, UpkeepRunner } from "../runner/upkeep_runner.ts";
import type { UpkeepSetup } from "./protocol.ts";
import { NotRedone, UpkeepThread, WorkerEnded } from "./upkeep_thread.ts";

/** Workers that may end by themselves before no more are started. */
const mostFailures = 3;
/** After so long without a job a Worker is stopped, so that a store that is not closed keeps no process alive. */
const idleMilliseconds = 5000;

/** What upkeep in a Worker is made of. */
export interface WorkerUpkeepOptions {
  /** What starts Workers. */
  readonly workers: Workers;
  /** Tells when a Worker was idle for long. */
  readonly timers: Timers;
  /** Which store it is. */
  readonly setup: UpkeepSetup;
  /** Does what no Worker does. */
  readonly otherwise: UpkeepRunner;
  /** Is told what went wrong, in a sentence. */
  readonly note: (text: string) => void;
}

/** See the top of the file. */
export class WorkerUpkeep implements UpkeepRunner {
  /** See {@linkcode UpkeepRunner.counters}. */
  readonly counters: UpkeepCounters = { workerJobs: 0, workerFailures: 0 };
  readonly #options: WorkerUpkeepOptions;
  #thread: UpkeepThread | undefined;
  readonly #stopping = new Set<Promise<void>>();
  #cancelRest: () => void = () => {};
  /** Whether no Worker is started any more. */
  #isGivenUp = false;
  /** Whether no Worker redoes patches. */
  #isRedoLost = false;

  /** Starts nothing yet. */
  constructor(options: WorkerUpkeepOptions) {
    this.#options = options;
  }

  /** See {@linkcode UpkeepRunner.indexMemory}. */
  indexMemory(): IndexMemory | undefined {
    return this.#isGivenUp ? undefined : new SharedIndexMemory(this.#options.workers);
  }

  /** See {@linkcode UpkeepRunner.seal}. */
  async seal(job: SealJob): Promise<LayerDescription> {
    const { writer, index, memory, identity, health } = job, { otherwise } = this.#options;
    if (memory === undefined || !this.#isWorth(index.usedBytes)) return await otherwise.seal(job);
    await writer.settle();
    const task = {
      type: "seal",
      id: writer.object.id,
      position: writer.position,
      identity,
      columns: index.columns(),
    } as const;
    const layers = await health.patiently(() => this.#inWorker((thread) => thread.run(task)));
    if (layers === undefined) {
      // Whatever the Worker wrote stands behind the values, and is written over and cut.
      memory.abandon();
      return await otherwise.seal(job);
    }
    if (health.cause !== undefined && !isShortage(health.cause)) throw health.refusal();
    await writer.abort();
    const [{ level: _, ...layer }] = layers;
    return layer;
  }

  /** See {@linkcode UpkeepRunner.merge}. */
  async merge(
    context: MergeContext,
    layers: readonly StoredLayer[],
    work: MergeWork,
  ): Promise<LevelledLayer[]> {
    const descriptions = layers.map(({ description }) => description);
    const bytes = descriptions.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const mustRedo = context.redoer?.isKnown === true && (work.imageLsn ?? 0) > 0 && hasPatches(layers);
    if (!this.#isWorth(bytes) || mustRedo && !this.#redoes()) {
      return await this.#options.otherwise.merge(context, layers, work);
    }
    const { storeId, id: timeline, generation } = context;
    const task = {
      type: "merge",
      layers: descriptions,
      storeId,
      timeline,
      generation,
      order: orderOf(work),
      mustRedo,
    } as const;
    const reserved = new Set<number>();
    const owner = {
      reserve: async (count: number) => {
        const first = await work.reserve(count);
        for (let i = 0; i < count; i++) reserved.add(first + i);
        return first;
      },
      noted: (text: string) => work.noted?.(text),
      copied: (copied: number, heldBytes: number) => {
        work.copied(copied, heldBytes);
        work.check();
      },
    };
    const merged = await this.#inWorker((thread) => thread.run(task, owner, work.signal)).catch((error) => {
      if (!(error instanceof NotRedone)) throw error;
      return this.#cannotRedo(error.message);
    });
    if (merged !== undefined) return [...merged];
    // What cannot be removed is nobody's history: the next opening does it.
    await removeReserved(context, reserved).catch(() => {});
    work.check();
    return await this.#options.otherwise.merge(context, layers, work);
  }

  /** Whether a Worker redoes patches; what does not is told once. */
  #redoes(): boolean {
    if (this.#options.setup.redo === undefined) this.#cannotRedo("redo is a function, and no module");
    return !this.#isRedoLost;
  }

  #cannotRedo(why: string): undefined {
    if (!this.#isRedoLost) {
      this.#options.note(
        `Patches are redone in slices while layers are merged, and not in the Worker: ${why}`,
      );
    }
    this.#isRedoLost = true;
  }

  /** See {@linkcode UpkeepRunner.close}. */
  async close(): Promise<void> {
    this.#isGivenUp = true;
    this.#rest();
    await Promise.all(this.#stopping);
  }

  /** Whether a job is to be done by a Worker: one that runs takes any, one that must be started only what is worth it. */
  #isWorth(bytes: number): boolean {
    return !this.#isGivenUp && (this.#thread !== undefined || bytes >= this.#options.workers.worthBytes);
  }

  /** Has a Worker do a job; `undefined` if there is none, or it ended. */
  async #inWorker<T>(job: (thread: UpkeepThread) => Promise<T>): Promise<T | undefined> {
    this.#cancelRest();
    const thread = this.#thread ??= this.#start();
    if (thread === undefined) return undefined;
    try {
      const result = await job(thread);
      this.counters.workerJobs++;
      return result;
    } catch (error) {
      if (error instanceof WorkerEnded) return undefined;
      throw error;
    } finally {
      if (thread === this.#thread && thread.jobs === 0) {
        this.#cancelRest();
        this.#cancelRest = this.#options.timers.after(idleMilliseconds, () => this.#rest());
      }
    }
  }

  #start(): UpkeepThread | undefined {
    if (this.#isGivenUp) return undefined;
    const { workers, setup } = this.#options;
    const link: WorkerLink | { readonly refusal: string } = workers.start(entry);
    if ("refusal" in link) return void this.#failed(link.refusal, false);
    const thread = new UpkeepThread(link, setup, ({ message }) => {
      if (this.#thread === thread) this.#thread = undefined;
      this.#failed(message, thread.isReady);
    });
    return thread;
  }

  /** One that could not begin would not the next time either. */
  #failed(reason: string, didBegin: boolean): void {
    const { note } = this.#options;
    this.counters.workerFailures++;
    if (didBegin) note(`A Worker ended, and what it did is done again: ${reason}`);
    if (this.#isGivenUp || didBegin && this.counters.workerFailures < mostFailures) return;
    this.#isGivenUp = true;
    note(`Upkeep "worker" is not to be had, "slices" is: ${reason}`);
  }

  /** Stops the Worker, unless a job runs. */
  #rest(): void {
    this.#cancelRest();
    const thread = this.#thread;
    if (thread === undefined) return;
    this.#thread = undefined;
    const stopped = thread.stop().then(() => void this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }
}

/** The module that a Worker runs. */
const entry = new URL("./entry.ts", import.meta.url);

/** What there is to be done of a merge, without those who are asked and told. */
function orderOf(
  { level, cuts, ends, columnBytes, mostVersions, window, retention, imageLsn }: MergeWork,
): MergeOrder {
  return { level, cuts, ends, columnBytes, mostVersions, window, retention, imageLsn };
}

/** Removes the files of numbers that a merge had taken. */
async function removeReserved(
  { objects, id, generation }: MergeContext,
  reserved: ReadonlySet<number>,
): Promise<void> {
  for (const object of await objects.list(id)) {
    const file = parseObjectId(object);
    if (file?.generation === generation && reserved.has(file.sequence)) await objects.remove(object);
  }
}

/** Memory that a Worker can look at too. */
class SharedIndexMemory implements IndexMemory {
  readonly #workers: Workers;
  #taken: SharedArrayBuffer[] = [];

  constructor(workers: Workers) {
    this.#workers = workers;
  }

  readonly take = (byteLength: number): SharedArrayBuffer => this.#note(this.#workers.takeMemory(byteLength));
  readonly takeZeros = (byteLength: number): SharedArrayBuffer =>
    this.#note(this.#workers.takeZeros(byteLength));

  #note(memory: SharedArrayBuffer): SharedArrayBuffer {
    this.#taken.push(memory);
    return memory;
  }

  abandon(): void {
    this.#taken = [];
  }

  release(): void {
    for (const memory of this.#taken.splice(0)) this.#workers.giveBack(memory);
  }
}
