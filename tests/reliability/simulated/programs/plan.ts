/** Random programs as values: lives of a store, each with its steps, its faults and its end; any part may be left out. */

import { chance, type Choices, pick, SeededChoices } from "../../../../src/sim/mod.ts";
import { damageKinds, type DamagePlan } from "./damage_plan.ts";

/** One thing that a program does. `line` chooses among the timelines that there are then. */
export type Step =
  | { do: "append"; line: number; seed: number; gap: number; sync: boolean; wait: boolean }
  | { do: "sync" | "freeze" | "compact"; line: number; wait: boolean }
  | { do: "make timeline" | "reopen" | "exchange" | "calm" }
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
  return list(2 + choices.choose(5), () => planLife(choices));
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
