/**
 * A script in which one operation fails, or every one from it on: each operation, with each error that makes sense.
 *
 * A failed sync may give up what it was to make durable while the system still shows it, and no later sync tells. Nobody
 * who opens the store on the same machine then could know, so that it is opened after a restart.
 */

import { SeededChoices, SimDisk } from "../../../src/sim/mod.ts";
import { deadline } from "../../deadline.ts";
import { Client, LeftOutError } from "./client.ts";
import {
  type Budget,
  commandOf,
  type Counts,
  noCounts,
  numbered,
  type Share,
  within,
  wordsOf,
} from "./counts.ts";
import { isExplained, type Manner, manners, NthFault, survivesFullDisk } from "./failing.ts";
import { Machine } from "./machine.ts";
import { ofStores, Recoveries, sometimes, type StoreRecoveries } from "./recoveries.ts";
import { committing, little, merging, oneTimeline, type Script, twoTimelines } from "./scripts.ts";

const scripts: Readonly<Record<string, Script>> = { oneTimeline, twoTimelines, merging, little, committing };

/** One run. */
interface Run {
  readonly name: string;
  readonly manner: Manner;
  readonly nth: number;
}

/** What is run. */
export interface FailNthOptions {
  /** Which part of the work is done here. */
  readonly share?: Share | undefined;
}

/** Fails each operation of three scripts in turn; a run of the budget is one run of a script. */
export async function failEach(budget: Budget, { share }: FailNthOptions = {}): Promise<Counts> {
  const counts = noCounts();
  const recoveries = new Recoveries(counts, sometimes, ofStores);
  const runs = await everyRun();
  for (const [piece, run] of within(numbered(runs), budget, share)) {
    counts.failNth++;
    try {
      await failOne(run, recoveries, counts);
    } catch (error) {
      const { name, nth, manner: { code, isLost, forEver } } = run;
      const what = `${code}${isLost ? " and loses what it was to sync" : ""}${forEver ? " for ever" : ""}`;
      const trace = `${name}: operation ${nth} fails with ${what}`;
      const command = commandOf("failures", { nth: piece });
      counts.failures.push({ trace, command, message: wordsOf(error) });
    }
  }
  return counts;
}

/** Every run: as many of a script and a manner as operations may fail in it. */
async function everyRun(): Promise<Run[]> {
  const runs: Run[] = [];
  for (const [name, script] of Object.entries(scripts)) {
    for (const manner of manners) {
      const none = new NthFault(Infinity, manner);
      await runScript(script, Machine.prompt(new SimDisk(), noCounts(), { faults: none }), none, manner);
      for (let nth = 1; nth <= none.operations; nth++) runs.push({ name, manner, nth });
    }
  }
  return runs;
}

async function failOne(
  { name, manner, nth }: Run,
  recoveries: StoreRecoveries,
  counts: Counts,
): Promise<void> {
  const faults = new NthFault(nth, manner);
  const machine = Machine.prompt(new SimDisk(), counts, { faults });
  const client = await runScript(scripts[name], machine, faults, manner, async (client) => {
    const known = client.known(), choices = new SeededChoices(nth);
    for (const left of [machine.disk.crash(choices), machine.disk.killed(choices)]) {
      await recoveries.check(left, known);
    }
  });
  if (faults.fired.length === 0) throw new Error("the operation was not asked for");
  const left = manner.isLost ? machine.disk.crash(new SeededChoices(nth)) : machine.disk;
  await recoveries.check(left, client.known());
}

/** Runs a script; what is refused is left out. Then whatever failed is over, and the store is closed. */
async function runScript(
  script: Script,
  machine: Machine,
  faults: NthFault,
  manner: Manner,
  beforeClose: (client: Client) => Promise<void> = () => Promise.resolve(),
): Promise<Client> {
  const client = new Client(machine);
  const codes = new Set([manner.code]);
  const judge = (error: unknown) => {
    if (manner.code !== "EINTR" && faults.fired.length > 0 && isExplained(error, codes)) return;
    throw error;
  };
  for (const step of script) {
    if (client.store === undefined && manner.isLost && faults.fired.length > 0) break;
    if (client.store === undefined) await deadline(client.open()).catch(judge);
    if (client.store !== undefined) {
      await deadline(step(client)).catch((error) => refused(error) ?? judge(error));
    }
  }
  await beforeClose(client);
  faults.end();
  if (client.store !== undefined && isSurvived(faults, manner)) await syncAll(client);
  await deadline(client.close()).catch(judge);
  machine.retire();
  return client;
}

/** A step that needs what an earlier step was refused is left out. */
function refused(error: unknown): true | undefined {
  return error instanceof LeftOutError ? true : undefined;
}

/** Whether a full disk refused nothing but what may be tried again. */
function isSurvived({ fired }: NthFault, { code }: Manner): boolean {
  return (code === "ENOSPC" || code === "EDQUOT") && fired.every(survivesFullDisk);
}

/** There is room again: what began before may still tell that there was none. */
async function syncAll(client: Client): Promise<void> {
  for (const name of client.names) {
    const sync = () => deadline(client.sync(name));
    await sync().catch(sync).catch(sync);
  }
}
