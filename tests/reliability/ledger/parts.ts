/**
 * Every part of the trials, with what its short form does at least, and in how many seconds it gives up.
 *
 * A part ends when its goals are reached, so that its seconds cost nothing where it works. They are some five times what
 * it takes on a core of two that nobody else keeps busy, and two minutes at least: a machine half as fast, or one with
 * many other things to do, reaches all goals, and what hangs or has become far slower does not.
 */

import { mutants } from "../../mutants/catalog/mod.ts";
import { chooseMutants } from "../../mutants/choose.ts";
import { tryAll } from "../../mutants/run.ts";
import { type DiskName, diskNames, reasonAgainst } from "../../soak/programs/disks.ts";
import { runProgram } from "../../soak/random_programs.ts";
import { fuzz } from "../corrupt/fuzz.ts";
import { runLogPrograms } from "../log/log_programs.ts";
import { parts as realParts } from "../real/parts.ts";
import { crashOpenings, crashScripts } from "../simulated/crash_points.ts";
import type { Budget as SimBudget, Counts as SimCounts } from "../simulated/counts.ts";
import { failEach } from "../simulated/fail_nth.ts";
import { runPrograms } from "../simulated/random_programs.ts";
import { crashSequences } from "../simulated/sequences.ts";
import { damage, logDamage } from "./damage_parts.ts";
import { type Budget, type Counts, type Part, type PartResult, sliceCommand } from "./part.ts";
import { repeat } from "./repeat.ts";

/** A part on real files, so many trials at a time. */
function real(name: string, summary: string, seconds: number, goals: Counts, most: number): Part {
  return {
    name,
    summary,
    seconds,
    goals,
    run: (budget) =>
      repeat(budget, async (milliseconds) => {
        const { skipped, failures, ...counts } = await realParts[name]({ milliseconds, most });
        return { counts: { ...counts }, skipped, failures };
      }),
  };
}

/** Random programs over a store, on each engine that this machine has. */
const programs: Part = {
  name: "programs",
  summary: "random programs on each engine, with faults, kills and directories that are renamed",
  seconds: 360,
  goals: { programs: 60 },
  run: async (budget) => {
    const names: DiskName[] = [], skipped: string[] = [];
    for (const name of diskNames) {
      const reason = await reasonAgainst(name);
      if (reason === undefined) names.push(name);
      else skipped.push(`programs on ${name}: ${reason}`);
    }
    return await repeat(budget, async (_milliseconds, nth) => {
      const name = names[nth % names.length], seed = (budget.seed + nth) % 2 ** 32;
      const failures = await runProgram(name, seed).then(() => [], (error: Error) => [{
        command: `deno task soak:programs ${name} 1 ${seed}`,
        message: error.message,
      }]);
      return { counts: { programs: 1 }, skipped, failures };
    });
  },
};

/** Every parser, fed with what nearly makes sense. */
const parsers: Part = {
  name: "parsers",
  summary: "parsers fed with bytes whose checksums are right and which make no sense",
  seconds: 240,
  goals: { fuzzInputs: 500_000 },
  isSliced: true,
  run: (budget) =>
    repeat(budget, async (_milliseconds, nth) => {
      const { failures, fuzzInputs, accepted } = await fuzz({ inputs: 50_000 }, { seed: budget.seed + nth });
      const command = sliceCommand("parsers", budget, nth);
      return {
        counts: { fuzzInputs, accepted },
        skipped: [],
        failures: failures.map((message) => ({ command, message })),
      };
    }),
};

/** What a mutant takes with one of two cores. */
const mutantMilliseconds = 4000;

/** The engine broken on purpose, and the tests that must notice: in the short form all of it, so that none dies unseen. */
const broken: Part = {
  name: "mutants",
  summary: "promises of the engine that are broken on purpose, and tests that must notice",
  seconds: 900,
  goals: { mutantsKilled: mutants.length },
  run: async ({ milliseconds, seed, enough }) => {
    const affordable = enough === undefined ? Math.ceil(milliseconds / mutantMilliseconds) : mutants.length;
    const sample = Math.min(affordable, mutants.length);
    const chosen = chooseMutants(mutants, { only: undefined, sample, seed });
    const trials = await tryAll(chosen, 1, () => {}, AbortSignal.timeout(milliseconds));
    const alive = trials.filter(({ verdict }) => verdict !== "killed");
    return {
      counts: { mutantsKilled: trials.length - alive.length },
      skipped: [],
      failures: alive.map(({ mutant: { name, breaks }, verdict, why }) => ({
        command: `deno task mutants --only ${name}`,
        message: `${verdict}: ${breaks} (${why})`,
      })),
    };
  },
};

type Simulate = (budget: SimBudget, options: { readonly seed: number }) => Promise<SimCounts>;

/** A part in memory, which goes on until it has tried everything or enough, or its time is up. */
function simulated(name: string, summary: string, seconds: number, goals: Counts, simulate: Simulate): Part {
  return { name, summary, seconds, goals, run: async (budget) => resultOf(await once(budget, simulate)) };
}

/** A part in memory that goes on with other seeds. */
function simulatedAgain(
  name: string,
  summary: string,
  seconds: number,
  goals: Counts,
  simulate: Simulate,
): Part {
  const slice = (milliseconds: number, seed: number) =>
    once({ milliseconds: Math.min(milliseconds, sliceMilliseconds), seed }, simulate);
  return {
    ...simulated(name, summary, seconds, goals, simulate),
    run: (budget) =>
      repeat(budget, async (left, nth) => resultOf(await slice(left, budget.seed + nth * seedsPerSlice))),
  };
}

const sliceMilliseconds = 15_000;
/** More programs than a slice has time for. */
const seedsPerSlice = 1_000_000;

function once({ milliseconds, seed, enough }: Budget, simulate: Simulate): Promise<SimCounts> {
  return simulate({ seconds: milliseconds / 1000, enough }, { seed });
}

function resultOf({ failures, ...counts }: SimCounts): PartResult {
  return {
    counts,
    skipped: [],
    failures: failures.map(({ trace, command, message, script = [] }) => ({
      command,
      message: [`${trace}: ${message}`, ...script].join("\n      "),
    })),
  };
}

/** All parts, the longest first, so that two of them end together. */
export const parts: readonly Part[] = [
  damage,
  simulated(
    "crashes",
    "scripts crashed at every moment, in every order in which their operations may complete",
    900,
    { boundaries: 100_000, crashStates: 800_000, recoveries: 40_000 },
    crashScripts,
  ),
  simulatedAgain(
    "simulations",
    "random programs on simulated machines, whose every order, fault and death a seed decides",
    600,
    { operations: 2_000_000, deaths: 400, replayedHashes: 5 },
    runPrograms,
  ),
  broken,
  parsers,
  programs,
  logDamage,
  simulated(
    "logs",
    "random programs over a log, crashed anywhere, or with operations that fail",
    120,
    { seeds: 400, recoveries: 6_000, failNth: 100 },
    runLogPrograms,
  ),
  real("kill", "processes killed while they write, open or close", 600, { kills: 200 }, 20),
  real("log-kill", "processes killed while they write to a log that another follows", 120, { kills: 24 }, 6),
  simulated(
    "openings",
    "openings that are cut short at every operation, and theirs in turn",
    120,
    { boundaries: 10_000, recoveries: 1_000 },
    (budget, options) => crashOpenings(budget, { ...options, limit: 16 }),
  ),
  simulated(
    "sequences",
    "every sequence of up to three operations, crashed at every moment",
    150,
    { sequences: 584, crashStates: 50_000 },
    crashSequences,
  ),
  simulated(
    "failures",
    "scripts in which one operation fails, once or from then on, each with each error",
    240,
    { failNth: 2_000 },
    (budget) => failEach(budget),
  ),
  real("syscalls", "system calls that fail, and kill, one at a time", 480, { syscallFaults: 40 }, 10),
  real("ring", "entries of a ring that fail, come back short, and kill", 180, { ringFaults: 30 }, 10),
  real("races", "processes that race for one store", 180, { races: 500 }, 5),
  real("full", "file systems that become full", 120, { fullDisks: 20 }, 4),
  real("readers", "readers of which every system call is looked at", 120, { tracedReaders: 6 }, 6),
];
