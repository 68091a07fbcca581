/** Everything that is done to an open store at once: appends, reads, snapshots, a branch, and now and then upkeep. */

import type { Store } from "../../../../mod.ts";
import type { Random } from "../../../random.ts";
import { CheckedReads } from "../checked_reads.ts";
import type { PlannedTimeline } from "../planned_timeline.ts";
import type { Shape } from "../shape.ts";
import type { Following } from "./following.ts";
import { Line } from "./line.ts";
import { Pace } from "./pace.ts";
import { Twig } from "./twig.ts";

/** Clients that read. */
const readers = 3;
/** Batches that are appended at once, without waiting, in a storm. */
const stormBatches = 40;

/** How a store is loaded. */
export interface LoadPlan {
  /** What is done how often. */
  readonly shape: Shape;
  /** Batches a second, and as many reads; left out, as many as there can be. */
  readonly perSecond?: number | undefined;
  /** Whether a snapshot is never given up, which the bounds must notice. */
  readonly leak: boolean;
}

/** See the top of the file. */
export class Load {
  /** How many reads were compared. */
  reads = 0;
  /** How many branches were made and deleted. */
  branches = 0;
  /** The timelines. */
  readonly lines: readonly [Line, Line];
  readonly #plan: LoadPlan;
  readonly #random: Random;
  readonly #failed: (error: unknown) => void;
  readonly #clients: Promise<void>[];
  readonly #following: Following;
  readonly #ending = new AbortController();
  readonly #follows: Promise<void>;
  #chore: Promise<unknown> | undefined;
  #isOver = false;

  /**
   * Begins at once.
   *
   * @param store What is loaded.
   * @param planned What is written, timeline by timeline.
   * @param plan How.
   * @param random Chooses.
   * @param following Follows the first timeline.
   * @param progress Is told after each batch of the first timeline.
   * @param failed Is told what does not hold.
   */
  constructor(
    store: Store,
    planned: readonly [PlannedTimeline, PlannedTimeline],
    plan: LoadPlan,
    random: Random,
    following: Following,
    progress: (batch: number) => void,
    failed: (error: unknown) => void,
  ) {
    this.#plan = plan;
    this.#random = random;
    this.#failed = failed;
    const [main, side] = planned;
    this.lines = [new Line(store, main), new Line(store, side)];
    const all = Array.from({ length: readers }, () => this.#read());
    const clients = [...all, this.#hold(), this.#branch(store), this.#ingest(progress)];
    this.#clients = clients.map((client) => client.catch(failed));
    this.#following = following;
    this.#follows = following.follow(this.lines[0], this.#ending.signal).catch(failed);
  }

  /** Ends when all clients have. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
    await this.#chore;
    await this.#following.caughtUp(this.lines[0]).catch(this.#failed);
    this.#ending.abort();
    await this.#follows;
  }

  async #ingest(progress: (batch: number) => void): Promise<void> {
    const { shape: { every, sideEvery }, perSecond } = this.#plan, [main, side] = this.lines;
    const pace = new Pace(perSecond), random = this.#random;
    while (!this.#isOver) {
      await pace.turn();
      if (random.once(every.storm)) {
        await Promise.all(Array.from({ length: stormBatches }, () => main.append(false)));
      }
      await main.append(random.once(every.sync));
      if (random.once(sideEvery)) await side.append(random.once(every.sync));
      if (random.once(every.freeze)) this.#do(() => random.pick(this.lines).timeline.freeze());
      if (random.once(every.gc)) this.#do(() => this.#collect(random.pick(this.lines)));
      if (random.once(every.compact)) this.#do(() => random.pick(this.lines).timeline.compact());
      progress(main.last);
    }
    await Promise.all([main.timeline.sync(), side.timeline.sync()]);
    for (const line of this.lines) line.tell();
  }

  /** Does what takes a while beside the load, unless the last one has not ended. */
  #do(work: () => Promise<unknown>): void {
    if (this.#chore !== undefined) return;
    this.#chore = work().catch(this.#failed).finally(() => this.#chore = undefined);
  }

  async #collect({ timeline }: Line): Promise<void> {
    const { dryRun, horizonBefore, horizonAfter } = await timeline.gc();
    if (dryRun || horizonAfter < horizonBefore) {
      throw new Error(`gc moved the horizon from ${horizonBefore} to ${horizonAfter}`);
    }
  }

  async #read(): Promise<void> {
    const random = this.#random, { perSecond } = this.#plan;
    const pace = new Pace(perSecond === undefined ? undefined : perSecond / readers);
    const reads = this.lines.map(({ planned }) => new CheckedReads(planned, random));
    while (!this.#isOver) {
      await pace.turn();
      const which = random.once(5) ? 1 : 0, { timeline: reader, horizon } = this.lines[which];
      const { lastLsn } = reader, isNewest = random.once(2);
      const lsn = isNewest ? lastLsn : random.from(horizon, lastLsn);
      await reads[which].one({ reader, lsn, options: isNewest ? {} : { lsn }, horizon });
      this.reads++;
    }
  }

  /** Holds snapshots, one after the other, and reads from them. */
  async #hold(): Promise<void> {
    const { shape: { heldBatches }, perSecond, leak } = this.#plan, random = this.#random;
    const [main] = this.lines, reads = new CheckedReads(main.planned, random);
    const pace = new Pace(perSecond === undefined ? undefined : perSecond / 8);
    while (!this.#isOver) {
      const { horizon, timeline: { lastLsn } } = main, lsn = random.from(horizon, lastLsn);
      const snapshot = main.timeline.snapshot(lsn), until = main.last + random.from(1, heldBatches);
      while (!this.#isOver && (leak || main.last < until)) {
        await pace.turn();
        await reads.one({ reader: snapshot, lsn, options: {}, horizon });
        this.reads++;
      }
      if (!leak) snapshot[Symbol.dispose]();
    }
  }

  /** Makes branches, one after the other, reads and writes them, and deletes them. */
  async #branch(store: Store): Promise<void> {
    const { shape: { heldBatches }, perSecond } = this.#plan, random = this.#random, [main] = this.lines;
    const pace = new Pace(perSecond === undefined ? undefined : perSecond / 8);
    let twig = Twig.left(store, main, random);
    while (!this.#isOver) {
      await pace.turn();
      // Of one that was left it is not known what was written to it.
      const isLeft = twig !== undefined, until = main.last + random.from(1, heldBatches);
      twig ??= await Twig.make(store, main, random);
      if (twig === undefined) continue;
      do {
        await twig.read();
        this.reads++;
        if (!isLeft && random.once(3)) await twig.grow();
        if (!isLeft && random.once(30)) await twig.compare();
        await pace.turn();
      } while (!this.#isOver && main.last < until);
      if (!isLeft) await twig.compare();
      await twig.drop();
      twig = undefined;
      this.branches++;
    }
    await twig?.drop();
  }
}
