/** Every moment of a run at which it might be cut short: before each operation of the engine, and after it. */

import { isChange, type Operation, SeededChoices, type SimDisk } from "../../../src/sim/mod.ts";
import { Client } from "./client.ts";
import type { Counts } from "./counts.ts";
import type { Known } from "./known.ts";
import { Machine, type MakeEngine } from "./machine.ts";
import type { Script } from "./scripts.ts";

/** Who does a script on a machine, and knows what must be left of what it did. */
export interface Actor<K> {
  /** What is known now, also inside of an operation of the engine. */
  known(): K;
  /** Closes what it has open. */
  close(): Promise<void>;
}

/** What scripts are about: a store, or something else that lies on a disk. */
export interface Matter<C extends Actor<K>, K> {
  /** Makes who does a script. */
  actor(machine: Machine, known: K | undefined): C;
  /** Whether the same was issued and told at two moments. */
  saysSame(a: K, b: K): boolean;
}

/** A moment of a run. */
export interface Moment<K = Known> {
  /** The disk, with what is under way. */
  readonly disk: SimDisk;
  /** What the client knew. */
  readonly known: K;
  /** Which operation was begun, or was over. */
  readonly operation: string;
}

/** How a script is run. */
export interface RunOptions<K = Known> {
  /** What was known when the run began. The default is a disk without a store. */
  readonly known?: K | undefined;
  /** What makes its engine, where everything completes in order. */
  readonly makeEngine?: MakeEngine | undefined;
  /** Decides in which order everything completes. The default, 0, is that in which it was asked for. */
  readonly order?: number | undefined;
  /** Whether a moment is looked at, by its number. The default is each of them. */
  readonly looksAt?: ((nth: number) => boolean) | undefined;
}

/** A store, which is what most scripts are about. */
const stores: Matter<Client, Known> = {
  actor: (machine, known) => new Client(machine, known),
  saysSame: saysSameOfStores,
};

/** Runs a script for a store on a disk; see {@linkcode momentsOfAny}. */
export function momentsOf(
  disk: SimDisk,
  script: Script,
  counts: Counts,
  options: RunOptions = {},
): Promise<Moment[]> {
  return momentsOfAny(stores, disk, script, counts, options);
}

/** Runs a script on a disk, and kills it when it has come to its end; returns its moments, in order. */
export async function momentsOfAny<C extends Actor<K>, K>(
  { actor, saysSame }: Matter<C, K>,
  disk: SimDisk,
  script: readonly ((client: C) => Promise<unknown>)[],
  counts: Counts,
  options: RunOptions<K> = {},
): Promise<Moment<K>[]> {
  const { known, order = 0, looksAt = () => true } = options;
  const [machine, host] = order === 0
    ? [Machine.prompt(disk, counts, options)]
    : Machine.chosen({ disk, choices: new SeededChoices(order), turnOneIn: 4 }, counts);
  const client = actor(machine, known);
  const moments: Moment<K>[] = [];
  let nth = 0;
  const note = (operation: string) => {
    if (!looksAt(nth++)) return;
    counts.boundaries++;
    const moment = { disk, known: client.known(), operation };
    const last = moments.at(-1), [name] = operation.split(" ", 1);
    // What changes nothing leaves every disk as it was.
    if (last !== undefined && !isChange(name as Operation) && saysSame(last.known, moment.known)) return;
    moments.push({ ...moment, disk: disk.clone() });
  };
  machine.engine.observe = note;
  const run = async () => {
    for (const step of script) await step(client);
    note("the end");
    machine.engine.observe = () => {};
    await client.close();
  };
  await (host === undefined ? run() : host.run(run));
  machine.retire();
  return moments;
}

function saysSameOfStores(a: Known, b: Known): boolean {
  return a.size === b.size && Array.from(b).every(([name, { issued, floor, isMade }]) => {
    const other = a.get(name);
    return other?.issued === issued && other.floor === floor && other.isMade === isMade;
  });
}
