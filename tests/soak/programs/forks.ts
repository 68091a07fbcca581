/** What programs do with branches, and whoever follows timelines from one opening of the store to the next. */

import { assert, assertEquals } from "@std/assert";
import { LsnError, VarveError } from "../../../mod.ts";
import { Random } from "../../random.ts";
import { Follower } from "../../store/feeds.ts";
import type { Clients } from "./clients.ts";
import type { Disk } from "./disks.ts";
import { ExpectedTimeline } from "./expected_timeline.ts";
import type { StepOf } from "./steps.ts";
import type { Watch } from "./watch.ts";

const mostBranches = 4, mostFollowers = 3, waitMilliseconds = 2;

/** Which timeline, and what else is chosen. */
type Chosen = Pick<StepOf<"ask">, "line" | "seed">;

/** Somebody who follows a timeline. */
interface Following {
  readonly name: string;
  readonly follower: Follower;
  /** Whether it has a feed that has not ended, as far as it knows. */
  isGoing: boolean;
  /** Whether what it was told since it went on is to be checked. */
  isOwed: boolean;
  /** How much had failed on purpose when it went on. */
  failures: number;
}

/** See the top of the file. */
export class Forks {
  readonly #clients: Clients;
  readonly #disk: Disk;
  readonly #watch: Watch;
  readonly #failures: () => number;
  #made = 0;
  #following: Following[] = [];

  /** Has made no branch, and follows nothing; `failures` tells how much failed on purpose so far. */
  constructor(clients: Clients, disk: Disk, watch: Watch, failures: () => number) {
    this.#failures = failures;
    this.#clients = clients;
    this.#disk = disk;
    this.#watch = watch;
  }

  /** Makes a branch somewhere in a timeline, up to four; what goes below the horizon meanwhile is refused. */
  async branch({ line, seed }: Chosen): Promise<void> {
    const { store, expected } = this.#clients, random = new Random(seed);
    if (store.timelines().filter(({ ancestor }) => ancestor !== undefined).length >= mostBranches) return;
    const [{ name: ancestor, lastLsn }, from] = this.#clients.line(line);
    const horizon = this.#clients.horizonOf(ancestor);
    const lsn = random.once(3) ? lastLsn : random.from(Math.max(0, horizon - 2), lastLsn);
    const name = `branch ${++this.#made}`, branch = new ExpectedTimeline(false, { from, lsn });
    expected.set(name, branch);
    try {
      const timeline = await store.createTimeline(name, { ancestor, lsn });
      assertEquals([timeline.lastLsn, timeline.durableLsn], [lsn, lsn], name);
    } catch (error) {
      if (!(error instanceof LsnError) || lsn >= this.#clients.horizonOf(ancestor)) throw error;
      expected.delete(name);
      return;
    }
    if (this.#disk.engine.isDead) return;
    branch.isMade = true;
    from.acknowledge(lsn);
  }

  /** Deletes a branch, unless others go on from it. */
  async drop({ seed }: Chosen): Promise<void> {
    const { store, expected } = this.#clients, all = store.timelines();
    const branches = all.filter(({ ancestor }) => ancestor !== undefined);
    if (branches.length === 0) return;
    const { name } = branches[seed % branches.length], dropped = expected.get(name) as ExpectedTimeline;
    const { isMade } = dropped, onIt = [...expected].filter(([, { origin }]) => origin?.from === dropped);
    // From now on it may be there or not, until somebody is told.
    [dropped.isMade, dropped.isAbandoned] = [false, true];
    const error = await store.deleteTimeline(name).then(() => undefined, (error: unknown) => error);
    if (error instanceof VarveError && error.message.includes("timelines go on from it")) {
      assert(onIt.some(([branch]) => error.message.includes(`"${branch}"`)), error.message);
      [dropped.isMade, dropped.isAbandoned] = [isMade, false];
      return;
    }
    assert(!onIt.some(([branch]) => all.some((one) => one.name === branch)), `"${name}" has branches`);
    await this.#end(({ name: followed }) => followed === name);
    if (error !== undefined) throw error;
    if (!this.#disk.engine.isDead) expected.delete(name);
  }

  /** Asks what changed and what differs. */
  async compare({ line, seed }: Chosen): Promise<void> {
    const [timeline, expected] = this.#clients.line(line);
    await expected.compare(timeline, new Random(seed), () => this.#clients.horizonOf(timeline.name));
  }

  /** Has somebody follow a timeline, from where it may be read on; up to three. */
  follow({ line, seed }: Chosen): void {
    const [{ name, lastLsn }] = this.#clients.line(line), random = new Random(seed);
    this.goOn();
    if (this.#following.length >= mostFollowers) return;
    const from = random.from(Math.max(1, this.#clients.horizonOf(name)), lastLsn + 1);
    this.#following.push({
      name,
      follower: new Follower(from, random),
      isGoing: false,
      isOwed: false,
      failures: 0,
    });
    this.goOn();
  }

  /** Those whose feeds have ended go on behind what they were told, as far as that was not lost. */
  goOn(): void {
    const { store } = this.#clients;
    for (const following of this.#following) {
      const { name, follower, isGoing } = following;
      if (isGoing) continue;
      if (!store.timelines().some((there) => there.name === name)) continue;
      const timeline = store.timeline(name);
      follower.forget(timeline.lastLsn);
      following.isGoing = following.isOwed = true;
      following.failures = this.#failures();
      follower.follow(timeline, () => this.#clients.horizonOf(name, store));
      void follower.ended().catch((error: unknown) => error).then((error) => this.#ended(following, error));
    }
  }

  #ended(following: Following, error: unknown): void {
    following.isGoing = false;
    // The store was closed, or the timeline deleted.
    if (error instanceof Deno.errors.BadResource) return;
    this.#watch.judge(error, this.#failures() > following.failures);
  }

  /** Waits until all were told all. */
  async caughtUp(): Promise<void> {
    for (const { name, follower } of this.#following) {
      const expected = this.#clients.expected.get(name);
      if (expected === undefined) continue;
      const last = expected.lastChangedLsn;
      while (follower.position <= last) await new Promise((resolve) => setTimeout(resolve, waitMilliseconds));
    }
  }

  /** Once the store is closed: checks that each was told all from where it began to where it came, once. */
  async ended(): Promise<void> {
    await this.#end(() => true);
    // Of a timeline that is gone nothing more will be told.
    this.#following = this.#following.filter(({ name }) => this.#clients.expected.has(name));
  }

  async #end(which: (following: Following) => boolean): Promise<void> {
    for (const following of this.#following.filter((one) => one.isOwed && which(one))) {
      following.isOwed = false;
      const { name, follower } = following;
      // Why it ended was judged.
      await follower.ended().catch(() => {});
      const expected = this.#clients.expected.get(name), { told, starts, position } = follower;
      expected?.checkTold(told, starts.at(-1) as number, position - 1, `what was told of ${name}`);
    }
  }
}
