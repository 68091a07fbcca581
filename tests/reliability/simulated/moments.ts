/** Every moment of a run at which it might be cut short: before each operation of the engine, and after it. */

import { isChange, type Operation, SeededChoices, type SimDisk } from "../../../src/sim/mod.ts";
import { Client } from "./client.ts";
import type { Counts } from "./counts.ts";
import type { Known } from "./known.ts";
import { Machine, type MakeEngine } from "./machine.ts";
import type { Script } from "./scripts.ts";

/** A moment of a run. */
export interface Moment {
  /** The disk, with what is under way. */
  readonly disk: SimDisk;
  /** What the client knew. */
  readonly known: Known;
  /** Which operation was begun, or was over. */
  readonly operation: string;
}

/** How a script is run. */
export interface RunOptions {
  /** What was known when the run began. The default is a disk without a store. */
  readonly known?: Known | undefined;
  /** What makes its engine, where everything completes in order. */
  readonly makeEngine?: MakeEngine | undefined;
  /** Decides in which order everything completes. The default, 0, is that in which it was asked for. */
  readonly order?: number | undefined;
}

/** Runs a script on a disk, and kills it when it has come to its end; returns its moments, in order. */
export async function momentsOf(
  disk: SimDisk,
  script: Script,
  counts: Counts,
  options: RunOptions = {},
): Promise<Moment[]> {
  const { known, order = 0 } = options;
  const [machine, host] = order === 0
    ? [Machine.prompt(disk, counts, options)]
    : Machine.chosen({ disk, choices: new SeededChoices(order), turnOneIn: 4 }, counts);
  const client = new Client(machine, known);
  const moments: Moment[] = [];
  const note = (operation: string) => {
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

/** Whether the same was issued and told at two moments. */
function saysSame(a: Known, b: Known): boolean {
  return a.size === b.size && Array.from(b).every(([name, { issued, floor, isMade }]) => {
    const other = a.get(name);
    return other?.issued === issued && other.floor === floor && other.isMade === isMade;
  });
}
