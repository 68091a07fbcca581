/** Random programs as values: lives of a store, each with its steps, its faults and its end; any part may be left out. */

import type { HistoryPolicy } from "../../../../mod.ts";
import { chance, type Choices, pick, SeededChoices } from "../../../../src/sim/mod.ts";
import { damageKinds, type DamagePlan } from "./damage_plan.ts";

/** What is appended. */
interface AppendStep {
  do: "append";
  line: number;
  seed: number;
  /** What decides which keys are patched, if any are. */
  patches?: number;
  /** What decides what is expected of keys, if anything is; nothing else is appended before it has ended then. */
  expect?: number;
  gap: number;
  sync: boolean;
  wait: boolean;
}

/** One thing that a program does. `line` chooses among the timelines that there are then. */
export type Step =
  | AppendStep
  | { do: "sync" | "freeze" | "compact"; line: number; wait: boolean }
  | { do: "gc"; line: number; history: HistoryPolicy | undefined; wait: boolean }
  | { do: "set clock"; milliseconds: number }
  | { do: "hold" | "follow"; line: number; seed: number }
  | { do: "release"; wait: boolean }
  | { do: "make timeline" | "reopen" | "exchange" | "calm" }
  | { do: "make branch"; line: number; seed: number }
  | { do: "ask"; seed: number; wait: boolean }
  | { do: "read beside"; seed: number; wait: boolean }
  | { do: "disturb"; codes: readonly string[]; oneIn: number; shortOneIn: number; damageOneIn: number };

/** How a process ends: it closes the store, or it dies after so many steps of its machine, or the machine does. */
export interface EndPlan {
  /** What happens. */
  how: "close" | "kill" | "power cut";
  /** After how many steps of the machine. */
  after: number;
}

/** A process that has the store open. */
export interface LifePlan {
  /** What decides about everything that is not planned. */
  seed: number;
  /** Whether everything completes in the order in which it was asked for. */
  inOrder: boolean;
  /** One in so many times a turn of the event loop is due; 0 is never. */
  turnOneIn: number;
  /** Whether layers are merged by themselves. */
  upkeep: "slices" | "manual";
  /** How much history is kept. */
  history: HistoryPolicy;
  /** Whether what fails may fail while the store is opened. */
  disturbed: boolean;
  /** What it does. */
  steps: Step[];
  /** How it ends. */
  end: EndPlan;
  /** What is done to copies of what it leaves. */
  damages: DamagePlan[];
}

/** A program. */
export type Plan = LifePlan[];

/** The program of a seed. */
export function planOf(seed: number): Plan {
  const choices = new SeededChoices(seed);
  const lives = list(2 + choices.choose(5), () => planLife(choices));
  // What gives history up is chosen apart, so that the seeds of earlier programs mean what they meant.
  const apart = new SeededChoices(seed ^ 0x9e3779b9);
  const kept = chance(apart, 1, 3) ? lives : lives.map((life) => withHistory(life, apart));
  const forks = new SeededChoices(seed ^ 0x85ebca6b);
  const forked = chance(forks, 1, 2) ? kept : kept.map((life) => withBranches(life, forks));
  const patching = new SeededChoices(seed ^ 0xc2b2ae35);
  const patched = chance(patching, 1, 2) ? forked : forked.map((life) => withPatches(life, patching));
  const feeds = new SeededChoices(seed ^ 0x27d4eb2f);
  const fed = chance(feeds, 1, 2) ? patched : patched.map((life) => withFeeds(life, feeds));
  const agreeing = new SeededChoices(seed ^ 0x165667b1);
  return chance(agreeing, 1, 2) ? fed : fed.map((life) => withExpectations(life, agreeing));
}

/** Has half of what is appended expect something of keys. */
function withExpectations(life: LifePlan, choices: Choices): LifePlan {
  const steps = life.steps.map((step) => {
    if (step.do !== "append" || chance(choices, 1, 2)) return step;
    return { ...step, expect: word(choices), gap: 0, wait: true };
  });
  return { ...life, steps };
}

/** Adds feeds that follow, each somewhere, and gives up what is held now and then. */
function withFeeds(life: LifePlan, choices: Choices): LifePlan {
  const steps = life.steps.slice();
  for (let left = choices.choose(4); left > 0; left--) {
    const line = choices.choose(6), seed = word(choices);
    steps.splice(choices.choose(steps.length + 1), 0, { do: "follow", line, seed });
    if (!chance(choices, 1, 3)) continue;
    steps.splice(choices.choose(steps.length + 1), 0, { do: "release", wait: chance(choices, 1, 2) });
  }
  return { ...life, steps };
}

/** Has most appends patch. */
function withPatches(life: LifePlan, choices: Choices): LifePlan {
  const steps = life.steps.map((step) => {
    if (step.do !== "append" || chance(choices, 1, 4)) return step;
    return { ...step, patches: word(choices) };
  });
  return { ...life, steps };
}

/** Adds branches, each somewhere. */
function withBranches(life: LifePlan, choices: Choices): LifePlan {
  const steps = life.steps.slice();
  for (let left = choices.choose(4); left > 0; left--) {
    const line = choices.choose(6), seed = word(choices);
    steps.splice(choices.choose(steps.length + 1), 0, { do: "make branch", line, seed });
  }
  return { ...life, steps };
}

/** Adds steps that give history up, hold it and set the clock, each somewhere. */
function withHistory(life: LifePlan, choices: Choices): LifePlan {
  const steps = life.steps.slice();
  for (let left = choices.choose(2 + Math.ceil(steps.length / 3)); left > 0; left--) {
    steps.splice(choices.choose(steps.length + 1), 0, planHistoryStep(choices));
  }
  return { ...life, history: planHistory(choices), steps };
}

function planHistory(choices: Choices): HistoryPolicy {
  const lsns = pick(choices, [0, 1, 5, 40, 300]), milliseconds = pick(choices, [0, 1500, 60_000, 3_600_000]);
  return pick(choices, ["all", { lsns }, { lsns }, { milliseconds }, { lsns, milliseconds }] as const);
}

function planHistoryStep(choices: Choices): Step {
  const line = choices.choose(6), seed = word(choices), wait = chance(choices, 1, 2);
  const die = choices.choose(10);
  if (die < 4) {
    return { do: "gc", line, history: chance(choices, 1, 3) ? planHistory(choices) : undefined, wait };
  }
  if (die < 7) {
    return {
      do: "set clock",
      milliseconds: pick(choices, [-7_200_000, -1500, 900, 2000, 90_000, 7_200_000]),
    };
  }
  return die < 9 ? { do: "hold", line, seed } : { do: "release", wait };
}

function list<T>(length: number, make: () => T): T[] {
  return Array.from({ length }, make);
}

function word(choices: Choices): number {
  return choices.choose(2 ** 32);
}

function planLife(choices: Choices): LifePlan {
  const isShort = chance(choices, 1, 3);
  return {
    seed: word(choices),
    inOrder: chance(choices, 1, 4),
    turnOneIn: pick(choices, [0, 0, 3, 20]),
    upkeep: pick(choices, ["slices", "slices", "manual"] as const),
    history: "all",
    disturbed: chance(choices, 1, 6),
    steps: list(isShort ? choices.choose(3) : 3 + choices.choose(25), () => planStep(choices)),
    end: {
      how: pick(choices, ["close", "kill", "power cut", "power cut"] as const),
      // A store is opened in about eighty steps.
      after: choices.choose(pick(choices, [40, 120, 400, 1500])),
    },
    damages: list(choices.choose(6), () => ({
      kind: pick(choices, damageKinds),
      seed: word(choices),
    })),
  };
}

function planStep(choices: Choices): Step {
  const line = choices.choose(6), seed = word(choices), wait = chance(choices, 1, 2);
  const die = choices.choose(100);
  if (die < 45) {
    const gap = chance(choices, 1, 3) ? 1 + choices.choose(200) : 0;
    return { do: "append", line, seed, gap, sync: chance(choices, 1, 3), wait };
  }
  if (die < 55) return { do: "sync", line, wait };
  if (die < 60) return { do: "freeze", line, wait };
  if (die < 63) return { do: "compact", line, wait };
  if (die < 66) return { do: "make timeline" };
  if (die < 76) return { do: "ask", seed, wait };
  if (die < 80) return { do: "read beside", seed, wait };
  if (die < 85) return { do: "reopen" };
  if (die < 88) return { do: "exchange" };
  if (die < 93) return { do: "calm" };
  return {
    do: "disturb",
    codes: pick(choices, [["EINTR"], ["ENOSPC", "EDQUOT"], ["EIO"], ["EMFILE"], [
      "EIO",
      "ENOSPC",
      "EDQUOT",
      "EINTR",
      "EMFILE",
    ]]),
    oneIn: pick(choices, [1_000_000, 40, 8, 2]),
    shortOneIn: pick(choices, [1_000_000, 10, 2]),
    damageOneIn: pick(choices, [0, 0, 10, 3]),
  };
}
