/**
 * Two processes that open the same store in the same moment, new ones and old ones: one of them has it, or both in
 * turn, never both at once; whoever is refused is told so by a `LockedError`, and removing the file `lock` changes
 * nothing.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { LockedError, Store, type StoreOptions } from "../../../mod.ts";
import { Random } from "../../random.ts";
import { Place, subjects } from "../../store/matrix.ts";
import { Child } from "./child.ts";
import type { Counts } from "./counts.ts";
import { type Budget, runTrials, type TrialOptions } from "./trials.ts";

/** The name of this part. */
export const racePart = "races";
const racesOfPair = 20;
/** How far ahead the start is, so that both have heard of it. */
const aheadMilliseconds = 6;

/** What a racer is told. */
export interface Go extends StoreOptions {
  /** The store's directory. */
  readonly path: string;
  /** When to open it, in milliseconds since the epoch. */
  readonly at: number;
  /** How long to hold it; left out, until it is told to let go. */
  readonly milliseconds?: number | undefined;
}

/** What a racer says in the end. */
export type Outcome =
  | { readonly word: "held"; readonly from: number; readonly to: number; readonly lsn: number }
  | { readonly word: "refused"; readonly name: string; readonly message: string };

/** What a racer says. */
type Said = Outcome | { readonly word: "holds" };

/** Has two processes race for stores. */
export async function raceForStores(budget: Budget, options: TrialOptions = {}): Promise<Counts> {
  return await runTrials(racePart, budget, options, racePair);
}

/** A process that races. */
class Racer {
  readonly #child = new Child("racer", {});
  readonly #lines = this.#child.lines.getReader();

  /** Waits until it listens. */
  async ready(): Promise<void> {
    assertEquals((await this.#lines.read()).value, "ready");
  }

  /** Tells it something. */
  async tell(words: string): Promise<void> {
    await this.#child.say(words);
  }

  /** The next that it says. */
  async hear(): Promise<Said> {
    const { value } = await this.#lines.read();
    if (value === undefined) throw new Error(`a racer ended: ${(await this.#child.end()).stderr}`);
    return JSON.parse(value);
  }

  /** Ends it. */
  async end(): Promise<void> {
    this.#child.kill();
    await this.#lines.cancel();
    await this.#child.end();
  }
}

async function racePair(seed: number, counts: Counts): Promise<void> {
  const random = new Random(seed);
  const racers = [new Racer(), new Racer()];
  await using place = await Place.make();
  try {
    await Promise.all(racers.map((racer) => racer.ready()));
    let track = new Track(place.within("0"), random);
    for (let nth = 1; nth <= racesOfPair; nth++) {
      await track.race(racers, random.once(2));
      counts.races++;
      if (random.once(2)) continue;
      await track.check();
      counts.recoveries++;
      track = new Track(place.within(`${nth}`), random);
    }
  } finally {
    await Promise.all(racers.map((racer) => racer.end()));
  }
}

/** A store that is raced for; it is made by whoever comes first. */
class Track {
  readonly #place: Place;
  readonly #options: StoreOptions;
  readonly #random: Random;
  /** The LSNs at which those who held it wrote. */
  readonly #lsns: number[] = [];

  constructor(place: Place, random: Random) {
    const { ioEngine, ioMode } = random.pick(subjects.filter(({ skip }) => skip === undefined));
    this.#place = place;
    this.#options = { ioEngine, ioMode };
    this.#random = random;
  }

  /** Has two race for it. With `holding`, the winner keeps it until the other was refused. */
  async race(racers: readonly Racer[], holding: boolean): Promise<void> {
    const milliseconds = holding ? undefined : this.#random.below(6);
    const go = { path: this.#place.path, at: Date.now() + aheadMilliseconds, milliseconds, ...this.#options };
    await Promise.all(racers.map((racer) => racer.tell(JSON.stringify(go))));
    const said = await Promise.all(racers.map((racer) => racer.hear()));
    const outcomes = holding ? await this.#contest(racers, said) : said as Outcome[];
    checkOutcomes(outcomes);
    for (const outcome of outcomes) if (outcome.word === "held") this.#lsns.push(outcome.lsn);
  }

  /** Tries to come in while somebody holds the store. */
  async #contest(racers: readonly Racer[], said: readonly Said[]): Promise<Outcome[]> {
    const winner = said.findIndex(({ word }) => word === "holds");
    assert(winner >= 0, `nobody has the store: ${JSON.stringify(said)}`);
    const other = said[1 - winner];
    assert(other.word === "refused", `both have the store: ${JSON.stringify(said)}`);
    if (this.#random.once(2)) Deno.removeSync(`${this.#place.path}/lock`);
    await assertRejects(() => Store.open(this.#place.path, this.#options), LockedError);
    await racers[winner].tell("let go");
    return [await racers[winner].hear() as Outcome, other];
  }

  /** Checks that everything is there that somebody wrote. */
  async check(): Promise<void> {
    const store = await this.#place.open(this.#options);
    const timeline = store.timeline();
    assertEquals(
      this.#lsns.toSorted((a, b) => a - b),
      Array.from({ length: timeline.lastLsn }, (_, i) => i + 1),
    );
    const values = await timeline.getMany(this.#lsns.map((lsn) => `k${lsn}`));
    assertEquals(values.map((value) => new TextDecoder().decode(value)), this.#lsns.map(String));
    await this.#place.close(store);
  }
}

/** Checks that somebody had the store, nobody two at once, and who was refused knows why. */
function checkOutcomes(outcomes: readonly Outcome[]): void {
  const held = outcomes.filter((outcome) => outcome.word === "held");
  const told = JSON.stringify(outcomes);
  assert(held.length > 0, `nobody had the store: ${told}`);
  const [first, second] = held.toSorted((a, b) => a.from - b.from);
  assert(second === undefined || first.to <= second.from, `both had the store: ${told}`);
  for (const outcome of outcomes) {
    assert(outcome.word === "held" || outcome.name === "LockedError", `refused otherwise: ${told}`);
  }
}
