/**
 * A client of a store on a machine, which remembers what it issued, and what it was told is durable, at the instant at
 * which it is told. So that at any moment it can be said what a crash may leave.
 */

import { type HistoryPolicy, LsnError, type Store, type StoreOptions, type Timeline } from "../../../mod.ts";
import {
  batchesUpTo,
  checkEnds,
  IssuedTimeline,
  type Known,
  knownAfter,
  nothingKnown,
  sinceThen,
  untold,
  withoutFloor,
} from "./known.ts";
import type { Machine } from "./machine.ts";
import { checkAnswers, endsOf, readEndsOf } from "./oracle.ts";
import { HeldFeed } from "./held_feed.ts";
import { HeldSnapshot } from "./held_snapshot.ts";
import { Expected } from "./programs/expected.ts";
import type { Change } from "./versions.ts";

/** How a batch is appended. */
export interface AppendOptions {
  /** How far its LSN is from the last; the default leaves the choice to the store. */
  readonly gap?: number | undefined;
  /** Whether it is to be durable. */
  readonly sync?: boolean | undefined;
  /** What decides what it expects of keys; the default is nothing. Nobody else appends before it has ended. */
  readonly expect?: number | undefined;
}

/** A client was asked to do something for which something is missing, since it was refused earlier. */
export class LeftOutError extends Error {
  /** Its name. */
  override name = "LeftOutError";
}

/** See the top of the file. */
export class Client {
  readonly #machine: Machine;
  #issued = new Map<string, IssuedTimeline>();
  #store: Store | undefined;
  #held: (HeldSnapshot | HeldFeed)[] = [];
  /** How much history is kept, by the opening and by what was asked of gc since; and the latest that the clock showed. */
  #policies: HistoryPolicy[] = [];
  #latest = -Infinity;

  /** Stands before a store that is closed. */
  constructor(machine: Machine, known: Known = nothingKnown()) {
    this.#machine = machine;
    this.#adopt(known);
  }

  #adopt(known: Known): void {
    this.#issued = new Map(Array.from(known, ([name, timeline]) => [name, new IssuedTimeline(timeline)]));
  }

  /** The store, if it is open. */
  get store(): Store | undefined {
    return this.#store;
  }

  /** What is known now, also inside of an operation of the engine. */
  known(): Known {
    this.#hear();
    return new Map(Array.from(this.#issued, ([name, issued]) => [name, issued.known()]));
  }

  /** Hears what the store says is durable, and where horizons are. */
  #hear(): void {
    this.#allow();
    for (const { name, durableLsn, horizon } of this.#store?.timelines() ?? []) {
      this.#issued.get(name)?.acknowledge(durableLsn);
      this.#issued.get(name)?.see(horizon);
    }
  }

  /** Notes how far horizons may have moved by now. */
  #allow(): void {
    this.#latest = Math.max(this.#latest, this.#machine.host.clock.now());
    for (const issued of this.#issued.values()) {
      for (const policy of this.#policies) issued.allow(policy, this.#latest, this.#issued);
    }
  }

  /** Opens the store if it is closed, and checks that it ends where it may. */
  async open(options: Pick<StoreOptions, "upkeep" | "history"> = {}): Promise<void> {
    if (this.#store !== undefined) return;
    this.#policies = [options.history ?? "all"];
    this.#latest = -Infinity;
    const store = await this.#machine.open(options);
    const known = this.known();
    const ends = endsOf(store, known);
    try {
      checkEnds(ends, known);
    } catch (error) {
      await this.#machine.close(store);
      throw error;
    }
    this.#store = store;
    this.#adopt(knownAfter(known, ends));
  }

  /** Closes the store: whoever closes and hears of no failure has lost nothing. */
  async close(): Promise<void> {
    const store = this.#store;
    if (store === undefined) return;
    this.#hear();
    this.#store = undefined;
    this.#held = [];
    const issued = this.#issued;
    await this.#machine.close(store).finally(() => this.#allow());
    for (const timeline of issued.values()) timeline.acknowledge(timeline.lastLsn);
  }

  /** Forgets the store, whose process died. */
  die(): void {
    this.#hear();
    this.#store = undefined;
    this.#held = [];
  }

  /** The names of timelines that are open. */
  get names(): string[] {
    return this.#opened().timelines().map(({ name }) => name);
  }

  #opened(): Store {
    if (this.#store === undefined) throw new LeftOutError("the store is closed");
    return this.#store;
  }

  #line(name: string): [Timeline, IssuedTimeline] {
    const issued = this.#issued.get(name);
    if (issued === undefined || !this.names.includes(name)) {
      throw new LeftOutError(`nobody made timeline "${name}"`);
    }
    return [this.#opened().timeline(name), issued];
  }

  /** Appends; what is applied is there when the call returns, unless it expects what must be looked up. */
  async append(
    name: string,
    changes: readonly Change[],
    { gap, sync, expect }: AppendOptions = {},
  ): Promise<number> {
    const [timeline, issued] = this.#line(name), { lastLsn } = timeline;
    const lsn = lastLsn + (gap ?? 1);
    const expected = expect === undefined
      ? undefined
      : new Expected(batchesUpTo(issued.known(), lastLsn), expect);
    this.#machine.called();
    issued.issue(lsn, issued.resolve(changes), this.#machine.host.clock.now());
    const appended = timeline.append(
      changes.map(({ key, value, patch }) => {
        if (patch !== undefined) return { key, patch };
        return value === undefined ? { key, delete: true } : { key, value };
      }),
      { sync: sync === true, lsn: gap === undefined ? undefined : lsn, expect: expected?.expect },
    );
    // Until it has ended it counts as issued.
    if (expected !== undefined) await appended.catch(() => {});
    if (timeline.lastLsn !== lsn) issued.withdraw();
    const found = await (expected?.judge(appended) ?? appended);
    if (found === undefined) return lastLsn;
    if (found !== lsn) throw new Error(`append: found LSN ${found}, expected ${lsn}`);
    if (sync) issued.acknowledge(lsn);
    return lsn;
  }

  /** Makes all of a timeline durable. */
  async sync(name: string): Promise<void> {
    const [timeline, issued] = this.#line(name);
    const { lastLsn } = issued;
    this.#machine.called();
    const lsn = await timeline.sync();
    if (lsn < lastLsn) throw new Error(`sync: found LSN ${lsn}, ${lastLsn} was appended before`);
    issued.acknowledge(lastLsn);
  }

  /** Has all of a timeline merged. */
  async compact(name: string): Promise<void> {
    const [timeline, issued] = this.#line(name);
    const { lastLsn } = issued;
    this.#machine.called();
    await timeline.compact();
    issued.acknowledge(lastLsn);
  }

  /** Has history given up, as the opening or somebody now says. */
  async gc(name: string, history: HistoryPolicy | undefined): Promise<void> {
    const [timeline] = this.#line(name);
    if (history !== undefined) this.#policies.push(history);
    this.#machine.called();
    const { horizonBefore, horizonAfter } = await timeline.gc({ history });
    if (horizonAfter < horizonBefore) throw new Error(`gc: from ${horizonBefore} to ${horizonAfter}`);
    // Whoever closed the store meanwhile asks it nothing more.
    if (this.#store !== undefined) this.#hear();
  }

  /** Sets the clock forward or back. */
  adjustClock(milliseconds: number): void {
    this.#allow();
    this.#machine.host.clock.adjust(milliseconds);
  }

  /** Takes a snapshot as of an LSN that can be read. */
  hold(name: string, turn: number): void {
    const [timeline] = this.#line(name), { lastLsn } = timeline;
    const horizon = this.#horizonOf(name);
    const batches = batchesUpTo(this.#issued.get(name)!.known(), lastLsn);
    this.#machine.called();
    this.#held.push(new HeldSnapshot(timeline, batches, horizon, turn));
  }

  /** Follows a timeline from an LSN on that can be read, or is to come. */
  follow(name: string, turn: number): void {
    const [timeline, issued] = this.#line(name), horizonNow = () => this.#horizonOf(name);
    const batchesNow = () => batchesUpTo(issued.known(), timeline.lastLsn);
    this.#machine.called();
    this.#held.push(new HeldFeed(timeline, batchesNow, horizonNow, turn));
  }

  /** Asks snapshots what they must still know, and feeds what they told, and gives them up. */
  async release(): Promise<void> {
    for (const held of this.#held.splice(0)) {
      this.#machine.called();
      await held.release();
    }
  }

  /** Has all of a timeline sealed. */
  async freeze(name: string): Promise<void> {
    const [timeline, issued] = this.#line(name);
    const { lastLsn } = issued;
    this.#machine.called();
    await timeline.freeze();
    issued.acknowledge(lastLsn);
  }

  /** Makes a timeline, or opens one whose making had failed. */
  async makeTimeline(name: string): Promise<void> {
    const made = this.#issued.get(name) ??
      new IssuedTimeline(untold);
    this.#issued.set(name, made);
    this.#machine.called();
    await this.#opened().createTimeline(name);
    made.isMade = true;
  }

  /** Makes a branch where a batch of a timeline is; what goes below the horizon meanwhile is refused. */
  async makeBranch(ancestor: string, name: string, turn: number): Promise<void> {
    const [timeline, from] = this.#line(ancestor), horizonNow = () => this.#horizonOf(ancestor);
    const lsns = batchesUpTo(from.known(), timeline.lastLsn).map(({ lsn }) => lsn);
    const readable = lsns.filter((lsn) => lsn >= horizonNow());
    if (readable.length === 0 || this.#issued.has(name)) return;
    const lsn = readable[turn % readable.length], branch = new IssuedTimeline(from.branchAt(ancestor, lsn));
    this.#issued.set(name, branch);
    this.#machine.called();
    try {
      await this.#opened().createTimeline(name, { ancestor, lsn });
    } catch (error) {
      if (!(error instanceof LsnError) || lsn >= horizonNow()) throw error;
      this.#issued.delete(name);
      return;
    }
    branch.isMade = true;
    from.acknowledge(lsn);
  }

  #horizonOf(name: string): number {
    return this.#opened().timelines().find((line) => line.name === name)!.horizon;
  }

  /** Asks every timeline some things. */
  async ask(turn: number, questions: number): Promise<void> {
    const depth = { questions, turn, again: false, goesOn: false };
    await checkAnswers(this.#machine, this.#opened(), this.known(), depth);
  }

  /**
   * Reads as another process would, beside the writer.
   *
   * @param turn Which question comes first.
   * @param isTrue Whether reads bring what was written: otherwise what is behind the last proof may look torn.
   */
  async readBeside(turn: number, isTrue: () => boolean = () => true): Promise<void> {
    void this.#opened();
    const before = this.known();
    const store = await this.#machine.open({ readOnly: true });
    try {
      const now = this.known();
      checkEnds(readEndsOf(store, now), isTrue() ? sinceThen(before, now) : withoutFloor(now));
      const depth = { questions: 1, turn, again: false, goesOn: false };
      await checkAnswers(this.#machine, store, now, depth);
    } finally {
      this.#machine.called();
      await store.close();
    }
  }
}
