/**
 * Runs a program on a disk, and judges it.
 *
 * - What was acknowledged is there after reopening; what is there is a prefix of what was appended, without a hole.
 * - History that is given up is below a horizon, which is where it was or further, and not beyond what was allowed.
 * - Opening again changes nothing. Nothing hangs, nothing is left open, nothing is done once a store is closed.
 * - Errors come only where something failed, and are those of the system: nothing here is ever damaged.
 * - Room, or descriptors, that ran out are survived: when they are there again, everything goes well again.
 */

import { assert, assertEquals } from "@std/assert";
import type { HistoryPolicy } from "../../../mod.ts";
import { openStoreWith } from "../../../src/store/store.ts";
import { Random } from "../../random.ts";
import { survivesFullDisk } from "../../reliability/simulated/failing.ts";
import { Clients, sizes } from "./clients.ts";
import { Forks } from "./forks.ts";
import { cutTo, type Disk, firstDifference, withoutReserved } from "./disks.ts";
import type { Step, StepOf } from "./steps.ts";
import { Watch } from "./watch.ts";

const everyOperation = "open|size|nextData|read|write|datasync|sync|truncate|allocate|rename|remove|" +
  "makeDirectory|list|syncDirectory|resolve|lock";
/** A lack of descriptors may refuse anything. */
const lackOfDescriptors = /^E[MN]FILE$/;

/** See the top of the file. */
export class Program {
  readonly #disk: Disk;
  readonly #watch: Watch;
  readonly #clients: Clients;
  readonly #forks: Forks;
  #isMoved = false;
  #moves = 0;
  /** Whether layers stay as they are, which opening again must not change then. */
  #isStill = false;
  #death: StepOf<"kill"> | undefined;
  /** How much history is kept by what is opened from now on. */
  #history: HistoryPolicy = "all";

  /** Stands before an empty disk. */
  constructor(disk: Disk) {
    this.#disk = disk;
    this.#watch = new Watch(() => disk.engine.fired.length > 0 || disk.engine.isDead || this.#isMoved);
    this.#clients = new Clients(disk, this.#watch);
    this.#forks = new Forks(this.#clients, disk, this.#watch, () => disk.engine.failures + this.#moves);
  }

  /** Takes every step, closes the store, and opens it once more. */
  async run(steps: readonly Step[], onStep: (step: number) => void = () => {}): Promise<void> {
    await this.#open();
    for (const [i, step] of steps.entries()) {
      onStep(i);
      await this.#step(step);
      if (this.#disk.engine.isDead) await this.#die();
      this.#watch.check();
    }
    onStep(steps.length);
    this.#disk.engine.calm();
    await this.#reopen({ do: "reopen", twice: true, settle: true, seed: 0 });
    await this.#watch.bounded(this.#forks.caughtUp());
    await this.#close();
    this.#watch.check();
  }

  /** Closes what a program that failed left open. */
  async abandon(): Promise<void> {
    this.#disk.engine.calm();
    await this.#watch.bounded(Promise.resolve(this.#clients.store?.close())).catch(() => {});
    await this.#watch.settle();
  }

  async #step(step: Step): Promise<void> {
    switch (step.do) {
      case "append":
        return await this.#watch.take(step.wait, this.#clients.append(step));
      case "storm":
        return await this.#watch.take(step.wait, this.#clients.storm(step));
      case "agree":
        // Of an append that is applied later than it is called nobody is told in which turn that was.
        await this.#watch.settle();
        return await this.#watch.take(true, this.#clients.agree(step));
      case "sync":
      case "freeze":
        return await this.#watch.take(step.wait, this.#clients.settleLine(step));
      case "compact":
        return await this.#watch.take(step.wait, this.#clients.compact(step));
      case "gc":
        return await this.#watch.take(step.wait, this.#clients.gc(step));
      case "keep":
        this.#history = step.history;
        return;
      case "clock":
        return this.#clients.setClock(step.milliseconds);
      case "timeline":
        return await this.#watch.take(true, this.#clients.makeTimeline());
      case "ask":
        return await this.#watch.take(step.wait, this.#clients.ask(step));
      case "reader":
        if (this.#isMoved) return;
        return await this.#watch.take(step.wait, this.#clients.readBeside(step));
      case "branch":
        return await this.#watch.take(true, this.#forks.branch(step));
      case "drop":
        // What goes on with it would be refused.
        await this.#watch.settle();
        return await this.#watch.take(true, this.#forks.drop(step));
      case "compare":
        return await this.#watch.take(false, this.#forks.compare(step));
      case "follow":
        return this.#forks.follow(step);
      case "fail":
        return this.#disk.engine.fail(step);
      case "room":
        return await this.#makeRoom();
      case "reopen":
        return await this.#reopen(step);
      case "kill":
        this.#death = step;
        return this.#disk.engine.fail({ ...step, code: "kill", operations: everyOperation, times: 1 });
      case "move":
        return await this.#move(step);
    }
  }

  /** There is room again: whoever tries again goes on, unless a sync failed. */
  async #makeRoom(): Promise<void> {
    const { engine } = this.#disk;
    if (engine.isDead || this.#death !== undefined) return;
    engine.calm();
    const goesOn = !this.#isMoved &&
      engine.fired.every(({ code, operation }) =>
        lackOfDescriptors.test(code) || code !== "EIO" && survivesFullDisk(operation)
      );
    if (!goesOn) return;
    await this.#watch.settle();
    for (const { name } of this.#clients.store.timelines()) {
      const timeline = this.#clients.store.timeline(name);
      // What began before there was room may still tell that there was none.
      await this.#watch.bounded(timeline.sync().catch(() => timeline.sync()).catch(() => timeline.sync()));
      this.#clients.expected.get(name)?.acknowledge(timeline.lastLsn);
    }
    engine.fired.length = 0;
  }

  async #move({ instead }: StepOf<"move">): Promise<void> {
    if (!this.#disk.canMove || this.#isMoved) return;
    await this.#watch.settle();
    this.#isMoved = true;
    this.#moves++;
    await this.#disk.move(instead);
  }

  /** Closes; whoever may tell takes note of what that made durable. */
  async #close(settle: boolean = true, mayTell: boolean = true): Promise<void> {
    const { engine } = this.#disk;
    if (settle) await this.#watch.settle();
    this.#watch.isClosing = true;
    try {
      await this.#watch.bounded(this.#clients.store.close());
      // Whoever closes and hears of no failure has lost nothing.
      for (const expected of mayTell ? this.#clients.expected.values() : []) {
        this.#clients.acknowledge(expected, expected.lastLsn);
      }
    } catch (error) {
      this.#watch.judge(error);
    }
    await this.#watch.settle();
    await this.#watch.bounded(this.#forks.ended());
    this.#watch.isClosing = false;
    await this.#rest();
    if (this.#isMoved) this.#disk.moveBack();
    this.#isMoved = false;
    assertEquals([...engine.files].map(({ path }) => path), [], "nothing is left open");
  }

  /** Nothing may be begun while no store is open. */
  async #rest(): Promise<void> {
    const { engine } = this.#disk;
    engine.isResting = true;
    await new Promise((resolve) => setTimeout(resolve, 1));
    engine.isResting = false;
    assertEquals(engine.late, [], "nothing is done once a store is closed");
  }

  async #reopen({ twice, settle, seed }: StepOf<"reopen">): Promise<void> {
    await this.#close(settle);
    if (this.#disk.engine.isDead) return await this.#recover();
    await this.#openAgain(new Random(seed));
    if (!twice || this.#disk.engine.fired.length > 0) return;
    await this.#close();
    const before = withoutReserved(this.#disk.objects());
    this.#isStill = true;
    await this.#openAgain(new Random(seed));
    await this.#close();
    this.#isStill = false;
    const wasQuiet = this.#disk.engine.fired.length === 0;
    const difference = wasQuiet ? firstDifference(before, cutTo(before, this.#disk.objects())) : undefined;
    assert(difference === undefined, `opening and closing again changes ${difference}`);
    await this.#openAgain(new Random(seed));
  }

  /** Opens; what fails on purpose meanwhile may refuse it once. */
  async #openAgain(random: Random): Promise<void> {
    const { engine } = this.#disk;
    if (engine.isDead) return await this.#recover();
    engine.fired.length = 0;
    try {
      return await this.#open();
    } catch (error) {
      if (engine.fired.length === 0) throw error;
      this.#watch.judge(error);
    }
    await this.#rest();
    assertEquals([...engine.files].map(({ path }) => path), [], "nothing is left open");
    if (engine.isDead) this.#disk.afterDeath(this.#death?.power ?? false, random);
    this.#death = undefined;
    this.#disk.engine.calm();
    this.#disk.engine.fired.length = 0;
    await this.#open();
  }

  async #open(): Promise<void> {
    const { path, engine, ioMode } = this.#disk;
    // Without a directory that is held, one name may be removed in what was put in its place just then.
    const isLoose = this.#disk.canMove && this.#disk.plain.name === "node";
    const upkeep = this.#isStill || isLoose ? "manual" : "slices";
    const options = { ...sizes, upkeep, history: this.#history, ioEngine: engine, ioMode } as const;
    this.#clients.follow(this.#history);
    this.#clients.store = await this.#watch.bounded(openStoreWith(this.#clients.clock, path, options));
    try {
      await this.#clients.adopt();
      this.#forks.goOn();
    } catch (error) {
      // What was expected was not compared with what is there.
      await this.#close(true, false);
      throw error;
    }
  }

  async #die(): Promise<void> {
    await this.#close(false);
    await this.#recover();
  }

  /** Opens what a death left; some openings die too. */
  async #recover(): Promise<void> {
    const { power, cuts, seed } = this.#death as StepOf<"kill">;
    const random = new Random(seed);
    this.#death = undefined;
    this.#disk.afterDeath(power, random);
    for (const after of cuts) {
      const { engine } = this.#disk;
      engine.fired.length = 0;
      engine.fail({ code: "kill", operations: everyOperation, after, times: 1, torn: after % 3 });
      const isOpen = await this.#open().then(() => true, (error) => void this.#watch.judge(error));
      if (isOpen) await this.#close();
      this.#watch.check();
      await this.#rest();
      if (engine.isDead) this.#disk.afterDeath(power, random);
      this.#disk.engine.calm();
    }
    this.#disk.engine.calm();
    this.#disk.engine.fired.length = 0;
    await this.#open();
  }
}
