/**
 * Runs a program on a disk, and judges it.
 *
 * - What was acknowledged is there after reopening; what is there is a prefix of what was appended, without a hole.
 * - Opening again changes nothing. Nothing hangs, nothing is left open, nothing is done once a store is closed.
 * - Errors come only where something failed, and are those of the system: nothing here is ever damaged.
 */

import { assert, assertEquals } from "@std/assert";
import { IoError, PoisonedError, Store, type StoreOptions, type Timeline } from "../../../mod.ts";
import { Random } from "../../random.ts";
import { cutTo, type Disk, firstDifference, withoutReserved } from "./disks.ts";
import { changesOf, ExpectedTimeline, toChanges } from "./expected_timeline.ts";
import type { Step } from "./steps.ts";

const watchMilliseconds = 30_000;
const sizes: StoreOptions = { segmentBytes: 64 * 1024, memoryBytes: 16 * 2 ** 20, cacheBytes: 64 * 1024 };
const everyOperation = "open|size|nextData|read|write|datasync|sync|truncate|allocate|rename|remove|" +
  "makeDirectory|list|syncDirectory|resolve|lock";
/** What a full disk may refuse without ending writing for good. */
const survived = /^(?:open|write|allocate)$/;

type StepOf<Name extends Step["do"]> = Extract<Step, { do: Name }>;

/** See the top of the file. */
export class Program {
  readonly #disk: Disk;
  readonly #expected = new Map<string, ExpectedTimeline>();
  #store: Store | undefined;
  #pending: Promise<void>[] = [];
  #findings: unknown[] = [];
  #isMoved = false;
  #isClosing = false;
  #death: StepOf<"kill"> | undefined;

  /** Stands before an empty disk. */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Takes every step, closes the store, and opens it once more. */
  async run(steps: readonly Step[], onStep: (step: number) => void = () => {}): Promise<void> {
    await this.#open();
    for (const [i, step] of steps.entries()) {
      onStep(i);
      await this.#step(step);
      if (this.#disk.engine.isDead) await this.#die();
      if (this.#findings.length > 0) throw this.#findings[0];
    }
    onStep(steps.length);
    this.#disk.engine.calm();
    await this.#reopen({ do: "reopen", twice: true, settle: true, seed: 0 });
    await this.#close();
  }

  /** Closes what a program that failed left open. */
  async abandon(): Promise<void> {
    this.#disk.engine.calm();
    await this.#watch(Promise.resolve(this.#store?.close())).catch(() => {});
    await this.#settle();
  }

  async #step(step: Step): Promise<void> {
    switch (step.do) {
      case "append":
        return await this.#wait(step.wait, this.#append(step));
      case "storm":
        return await this.#wait(step.wait, this.#storm(step));
      case "sync":
      case "freeze":
        return await this.#wait(step.wait, this.#settleLine(step));
      case "timeline":
        return await this.#makeTimeline();
      case "ask":
        return await this.#wait(step.wait, this.#ask(step));
      case "reader":
        return await this.#wait(step.wait, this.#readBeside(step));
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

  /** Waits for work, at once or later; either way its failure is judged, and it may not hang. */
  async #wait(now: boolean, work: Promise<void>): Promise<void> {
    const judged = this.#watch(work).catch((error) => this.#judge(error));
    if (now) return await judged;
    this.#pending.push(judged);
    if (this.#pending.length > 30) await this.#settle();
  }

  async #settle(): Promise<void> {
    while (this.#pending.length > 0) await Promise.all(this.#pending.splice(0));
  }

  #watch<T>(work: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout>;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("hangs")), watchMilliseconds);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  get #isDisturbed(): boolean {
    const { engine } = this.#disk;
    return engine.fired.length > 0 || engine.isDead || this.#isMoved;
  }

  /** An error is a finding unless something failed on purpose and it says so. */
  #judge(error: unknown): void {
    if (error instanceof AggregateError) return error.errors.forEach((each) => this.#judge(each));
    if (this.#isClosing && error instanceof Deno.errors.BadResource) return;
    if (this.#isDisturbed && (error instanceof IoError || error instanceof PoisonedError)) return;
    this.#findings.push(error);
  }

  get #opened(): Store {
    assert(this.#store !== undefined, "a store is open");
    return this.#store;
  }

  #line(line: number): [Timeline, ExpectedTimeline] {
    const { name } = this.#opened.timelines()[line % this.#opened.timelines().length];
    return [this.#opened.timeline(name), this.#expected.get(name) as ExpectedTimeline];
  }

  /** Appends; what is applied is there when the call returns. */
  async #append({ line, seed, gap, sync }: Omit<StepOf<"append">, "do">): Promise<void> {
    const [timeline, expected] = this.#line(line);
    const changes = changesOf(new Random(seed));
    const before = timeline.lastLsn;
    const appended = timeline.append(
      toChanges(changes),
      gap === 0 ? { sync } : { sync, lsn: before + gap },
    );
    const lsn = timeline.lastLsn;
    if (lsn !== before) {
      assertEquals(lsn, before + (gap || 1));
      expected.append(lsn, changes);
    }
    assertEquals(await appended, lsn);
    if (sync) this.#acknowledge(expected, lsn);
    this.#acknowledge(expected, timeline.durableLsn);
  }

  /** Notes that batches are durable; the dead have heard nothing. */
  #acknowledge(expected: ExpectedTimeline, lsn: number): void {
    if (!this.#disk.engine.isDead) expected.acknowledge(lsn);
  }

  async #storm({ line, seed, count, sync }: StepOf<"storm">): Promise<void> {
    const random = new Random(seed);
    const appends = Array.from({ length: count }, () =>
      this.#append({
        line,
        seed: random.word(),
        gap: random.once(5) ? random.from(1, 200) : 0,
        sync,
        wait: true,
      }));
    const failed = (await Promise.allSettled(appends)).filter((result) => result.status === "rejected");
    for (const { reason } of failed) this.#judge(reason);
  }

  async #settleLine(step: StepOf<"sync" | "freeze">): Promise<void> {
    const [timeline, expected] = this.#line(step.line);
    const { lastLsn } = timeline;
    if (step.do === "sync") assert(await timeline.sync() >= lastLsn);
    else await timeline.freeze();
    this.#acknowledge(expected, lastLsn);
  }

  async #makeTimeline(): Promise<void> {
    const made = this.#opened.timelines().length;
    if (made >= 4) return;
    const name = `side ${made}`;
    const expected = this.#expected.get(name) ?? new ExpectedTimeline(false);
    this.#expected.set(name, expected);
    const making = this.#opened.createTimeline(name).then(() => {
      if (!this.#disk.engine.isDead) expected.isMade = true;
    });
    await this.#wait(true, making);
  }

  async #ask({ line, seed }: StepOf<"ask">): Promise<void> {
    const [timeline, expected] = this.#line(line);
    await expected.ask(timeline, new Random(seed));
  }

  /** Reads as another process would, beside the writer. */
  async #readBeside({ seed }: StepOf<"reader">): Promise<void> {
    if (this.#isMoved) return;
    const { path, plain, ioMode } = this.#disk;
    const random = new Random(seed);
    const least = new Map([...this.#expected].map(([name, { durable }]) => [name, durable]));
    await using store = await Store.open(path, { ...sizes, readOnly: true, ioEngine: plain, ioMode });
    for (const { name } of store.timelines()) {
      const timeline = store.timeline(name), expected = this.#expected.get(name);
      assert(expected !== undefined, `a timeline "${name}" that nobody made`);
      expected.checkEnd(timeline, least.get(name) ?? 0);
      await expected.checkWhole(timeline);
      for (let i = 0; i < 3; i++) await expected.ask(timeline, random);
    }
  }

  /** There is room again: whoever tries again goes on, unless a sync failed. */
  async #makeRoom(): Promise<void> {
    const { engine } = this.#disk;
    if (engine.isDead || this.#death !== undefined) return;
    engine.calm();
    const goesOn = !this.#isMoved &&
      engine.fired.every(({ code, operation }) => code !== "EIO" && survived.test(operation));
    if (!goesOn) return;
    await this.#settle();
    for (const { name } of this.#opened.timelines()) {
      const timeline = this.#opened.timeline(name);
      // What began before there was room may still tell that there was none.
      await this.#watch(timeline.sync().catch(() => timeline.sync()).catch(() => timeline.sync()));
      this.#expected.get(name)?.acknowledge(timeline.lastLsn);
    }
  }

  async #move({ instead }: StepOf<"move">): Promise<void> {
    if (!this.#disk.canMove || this.#isMoved) return;
    await this.#settle();
    this.#isMoved = true;
    await this.#disk.move(instead);
  }

  async #close(settle: boolean = true): Promise<void> {
    const { engine } = this.#disk;
    if (settle) await this.#settle();
    this.#isClosing = true;
    try {
      await this.#watch(this.#opened.close());
      // Whoever closes and hears of no failure has lost nothing.
      for (const expected of this.#expected.values()) this.#acknowledge(expected, expected.lastLsn);
    } catch (error) {
      this.#judge(error);
    }
    await this.#settle();
    this.#isClosing = false;
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
    await this.#openAgain(new Random(seed));
    await this.#close();
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
      this.#judge(error);
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
    this.#store = await this.#watch(Store.open(path, { ...sizes, ioEngine: engine, ioMode }));
    try {
      await this.#adopt();
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  /** Compares what is there with what there must be. */
  async #adopt(): Promise<void> {
    const found = new Set(this.#opened.timelines().map(({ name }) => name));
    if (this.#expected.size === 0) this.#expected.set("main", new ExpectedTimeline(true));
    for (const [name, expected] of this.#expected) {
      assert(found.has(name) || !expected.isMade, `timeline "${name}" is lost`);
      if (!found.has(name)) this.#expected.delete(name);
    }
    for (const name of found) {
      const expected = this.#expected.get(name);
      assert(expected !== undefined, `a timeline "${name}" that nobody made`);
      expected.adopt(this.#opened.timeline(name));
      await this.#watch(expected.checkWhole(this.#opened.timeline(name)));
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
      const isOpen = await this.#open().then(() => true, (error) => void this.#judge(error));
      if (isOpen) await this.#close();
      if (this.#findings.length > 0) throw this.#findings[0];
      await this.#rest();
      if (engine.isDead) this.#disk.afterDeath(power, random);
      this.#disk.engine.calm();
    }
    this.#disk.engine.calm();
    this.#disk.engine.fired.length = 0;
    await this.#open();
  }
}
