/** Every sequence of a few operations, each crashed at every moment. */

import { SeededChoices, SimDisk } from "../../../src/sim/mod.ts";
import type { Client } from "./client.ts";
import type { CrashPointOptions } from "./crash_points.ts";
import { type Budget, commandOf, type Counts, noCounts, numbered, within, wordsOf } from "./counts.ts";
import { type Known, knownAfter, noHistory, nothingKnown } from "./known.ts";
import { Machine } from "./machine.ts";
import { momentsOf } from "./moments.ts";
import { ofStores, Recoveries, sometimes, type StoreRecoveries } from "./recoveries.ts";
import { put, remove, type Step } from "./scripts.ts";

/** What can be done; `at` tells apart what the same verb does at different places of a sequence. */
const verbs: Readonly<Record<string, (client: Client, at: number) => Promise<unknown>>> = {
  "append": (client, at) => client.append(last(client), [put("a", 1500, at), put("b", 1500 + at, at)]),
  "append behind a gap": (client, at) => client.append(last(client), [put("a", 3600, at)], { gap: 5 + at }),
  "append durably": (client, at) => client.append(last(client), [put("c", 4000, at)], { sync: true }),
  "delete": (client) => client.append(last(client), [remove("a")]),
  "sync": (client) => client.sync(last(client)),
  "freeze": (client) => client.freeze(last(client)),
  "reopen": (client) => client.close().then(() => client.open()),
  "make timeline": (client) => client.makeTimeline(`side ${client.names.length}`),
};

/** The timeline that was made last is the one that things are done to. */
function last(client: Client): string {
  return client.names.at(-1) as string;
}

/** Every sequence of up to `most` verbs, the shorter ones first. */
export function sequencesOf(most: number): string[][] {
  const names = Object.keys(verbs);
  const found: string[][] = [];
  let longest: string[][] = [[]];
  for (let length = 1; length <= most; length++) {
    longest = longest.flatMap((sequence) => names.map((verb) => [...sequence, verb]));
    found.push(...longest);
  }
  return found;
}

/** How long the sequences are, and how much is tried at each moment. */
export interface SequenceOptions extends CrashPointOptions {
  /** The most operations of a sequence. The default is 3. */
  readonly most?: number | undefined;
}

/** The most states of one moment, if nothing else is said. */
const mostStates = 256;

/** Crashes every sequence at every moment; a run of the budget is one sequence. */
export async function crashSequences(budget: Budget, options: SequenceOptions = {}): Promise<Counts> {
  const counts = noCounts();
  const recoveries = new Recoveries(counts, options.rates ?? sometimes, ofStores);
  const base = await emptyStore(counts);
  const { seed = 1, limit = mostStates, most = 3 } = options;
  for (const [nth, sequence] of within(numbered(sequencesOf(most)), budget, options.share)) {
    counts.sequences++;
    try {
      await crashSequence(sequence, base, recoveries, counts, options);
    } catch (error) {
      const trace = sequence.join(", ");
      const command = commandOf("sequences", { seed, limit, most, nth });
      counts.failures.push({ trace, command, message: wordsOf(error) });
    }
  }
  return counts;
}

/** A store in which nothing is. */
async function emptyStore(counts: Counts): Promise<{ disk: SimDisk; known: Known }> {
  const machine = Machine.prompt(new SimDisk(), counts);
  await machine.close(await machine.open());
  const known = knownAfter(nothingKnown(), new Map([["main", noHistory]]));
  return { disk: machine.disk, known };
}

async function crashSequence(
  sequence: readonly string[],
  { disk, known }: { disk: SimDisk; known: Known },
  recoveries: StoreRecoveries,
  counts: Counts,
  { limit = mostStates, seed = 1, makeEngine }: SequenceOptions,
): Promise<void> {
  const steps = sequence.map((verb, at): Step => (client) => verbs[verb](client, at));
  const script: Step[] = [(client) => client.open(), ...steps];
  for (const moment of await momentsOf(disk.clone(), script, counts, { known, makeEngine })) {
    for (const left of moment.disk.crashStates({ limit, choices: new SeededChoices(seed) })) {
      await recoveries.check(left, moment.known);
    }
    await recoveries.check(moment.disk.killed(), moment.known);
  }
}
