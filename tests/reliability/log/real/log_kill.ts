/**
 * Writers of a log that are killed, again and again, while they append, sync, give up, close, and open what the last one
 * left; another process follows the log through all of it.
 */

import { assert } from "@std/assert";
import { equals } from "@std/bytes";
import { Log, type LogOptions } from "../../../../log.ts";
import { deadline } from "../../../deadline.ts";
import { Random } from "../../../random.ts";
import { subjects } from "../../../store/matrix.ts";
import { Child } from "../../real/child.ts";
import { Claims } from "../../real/claims.ts";
import type { Counts } from "../../real/counts.ts";
import { type Budget, runTrials, type TrialOptions } from "../../real/trials.ts";
import { tails } from "../golden_log.ts";
import { type LogOrder, payloadAt } from "./planned_payloads.ts";

/** The name of this part. */
export const logKillPart = "log-kill";
const deathsOfLog = 4;
const writer = new URL("./log_writer.ts", import.meta.url),
  reader = new URL("./log_reader.ts", import.meta.url);

/** What a writer says when its end begins. */
type Moment = "opening" | "opened" | "closing";

/** Kills writers and checks what they leave, with the engine and the mode that the seed says. */
export async function killLogs(budget: Budget, options: TrialOptions = {}): Promise<Counts> {
  return await runTrials(logKillPart, budget, options, killLog);
}

async function killLog(seed: number, counts: Counts): Promise<void> {
  const random = new Random(seed), directory = await Deno.makeTempDir({ prefix: "varve_test_" });
  const { ioEngine, ioMode } = random.pick(subjects.filter(({ skip }) => skip === undefined));
  const options: LogOptions = {
    ioEngine,
    ioMode,
    strict: true,
    segmentBytes: 64 * 1024,
    tail: random.pick(tails),
  };
  const victim = new Victim({ path: `${directory}/log`, historySeed: random.word(), seed, options });
  const follower = new Follower(victim.order);
  try {
    for (let death = 0; death < deathsOfLog; death++) {
      const moment = random.pick<Moment>(["opening", "opened", "opened", "closing"]);
      await victim.killAt(moment, random);
      counts.kills++;
      if (moment === "opening") counts.openingKills++;
      // Now and then nobody looks between two deaths.
      if (random.once(3) && death < deathsOfLog - 1) continue;
      await victim.check(follower.shown);
      counts.recoveries++;
    }
    await follower.comesTo(victim.next);
  } finally {
    await follower.end();
    await Deno.remove(directory, { recursive: true });
  }
}

/** A log and its death after death. */
class Victim {
  readonly order: LogOrder;
  readonly #claims = new Claims();
  /** What was given up, and what may have been. */
  #given = 0;
  #giving = 0;
  next = 0;

  constructor(order: LogOrder) {
    this.order = order;
  }

  /** Runs a writer and kills it a while after it has come to a moment. */
  async killAt(moment: Moment, random: Random): Promise<void> {
    const child = new Child(writer, { ...this.order, seed: random.word() });
    const delay = moment === "opened" ? random.below(random.pick([5, 50, 150])) : random.below(120) / 10;
    let timer: ReturnType<typeof setTimeout> | undefined;
    for await (const line of child.lines) {
      this.#take(line);
      if (this.#claims.last === moment) timer ??= setTimeout(() => child.kill(), delay);
    }
    clearTimeout(timer);
    const { signal, stderr } = await child.end();
    assert(signal === "SIGKILL", `the writer ended by itself: ${stderr}`);
    this.#claims.check();
  }

  #take(line: string): void {
    this.#claims.take(line);
    const [word, offset] = line.split(" ");
    if (word === "giving") this.#giving = Math.max(this.#giving, Number(offset));
    if (word === "given") this.#given = Math.max(this.#given, Number(offset));
  }

  /** Opens what is left: a prefix, at or beyond what was durable and what was shown, every record of which is right. */
  async check(shown: number): Promise<void> {
    const { path, historySeed, options } = this.order, claims = this.#claims;
    await using log = await Log.open(path, options);
    const { firstOffset, nextOffset } = log;
    claims.settle("main", nextOffset);
    claims.check();
    assert(nextOffset >= shown, `${nextOffset} records, another process was shown ${shown}`);
    assert(firstOffset >= this.#given && firstOffset <= this.#giving, `it begins at offset ${firstOffset}`);
    let due = firstOffset;
    for await (const { offset, payload } of log.readable()) {
      assert(
        offset === due++ && equals(payload, payloadAt(historySeed, offset)),
        `record ${offset} is another`,
      );
    }
    assert(due === nextOffset, `a read ended at offset ${due}`);
    this.next = nextOffset;
  }
}

/** A process that follows the log. */
class Follower {
  readonly #child: Child;
  readonly #listening: Promise<void>;
  #wrong: string | undefined;
  #woken: (() => void) | undefined;
  /** Up to which offset it was shown records. */
  shown = 0;

  constructor(order: LogOrder) {
    this.#child = new Child(reader, order);
    this.#listening = this.#listen();
  }

  async #listen(): Promise<void> {
    for await (const line of this.#child.lines) {
      if (line.startsWith("shown ")) this.shown = Math.max(this.shown, Number(line.slice(6)));
      else this.#wrong = line;
      this.#woken?.();
    }
  }

  /** Waits until it was shown all there is. */
  async comesTo(offset: number): Promise<void> {
    while (this.shown < offset && this.#wrong === undefined) {
      await deadline(new Promise<void>((resolve) => this.#woken = resolve), 20_000);
    }
    assert(this.#wrong === undefined, `who follows: ${this.#wrong}`);
  }

  async end(): Promise<void> {
    this.#child.kill();
    await this.#listening;
    await this.#child.end();
  }
}
