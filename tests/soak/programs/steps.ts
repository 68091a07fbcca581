/** Random programs: lists of steps, each with all that it needs, so that any of them may be left out. */

import type { HistoryPolicy } from "../../../mod.ts";
import type { Random } from "../../random.ts";

/**
 * One thing that a program does. `line` chooses among the timelines that there are then; `patches` has some changes of a
 * batch be patches.
 */
export type Step =
  | { do: "append"; line: number; seed: number; gap: number; sync: boolean; wait: boolean; patches?: number }
  | { do: "storm"; line: number; seed: number; count: number; sync: boolean; wait: boolean }
  | { do: "agree"; line: number; seed: number; sync: boolean; patches?: number }
  | { do: "sync" | "freeze"; line: number; wait: boolean }
  | { do: "compact"; line: number; wait: boolean }
  | { do: "gc"; line: number; history: HistoryPolicy | undefined; wait: boolean }
  | { do: "keep"; history: HistoryPolicy }
  | { do: "clock"; milliseconds: number }
  | { do: "timeline" }
  | { do: "ask"; line: number; seed: number; wait: boolean }
  | { do: "branch" | "drop" | "compare" | "follow"; line: number; seed: number }
  | { do: "reader"; seed: number; wait: boolean }
  | { do: "fail"; code: string; operations: string; after: number; times: number; torn: number }
  | { do: "room" }
  | { do: "reopen"; twice: boolean; settle: boolean; seed: number }
  | { do: "kill"; after: number; torn: number; power: boolean; cuts: number[]; seed: number }
  | { do: "move"; instead: "store" | "nothing" | "directory" | "copy" };

/** The steps of one name. */
export type StepOf<Name extends Step["do"]> = Extract<Step, { do: Name }>;

/** What the disk of a program can do. */
export interface DiskAbilities {
  /** Whether the store's directory can be renamed. */
  readonly canMove: boolean;
}

/** What needs room on a disk. */
const needRoom = "open|write|allocate|rename|makeDirectory|truncate|datasync|sync|syncDirectory|close";
/** What needs a descriptor, if only for a moment. */
const needDescriptors = "open|list|makeDirectory|syncDirectory";
const everything =
  "open|close|size|nextData|read|write|datasync|sync|truncate|allocate|rename|remove|makeDirectory|list|" +
  "syncDirectory|resolve|lock";

/** Makes a program. */
export function planProgram(random: Random, abilities: DiskAbilities): Step[] {
  const steps: Step[] = [];
  const count = random.from(20, 90);
  while (steps.length < count) steps.push(...planSteps(random, abilities));
  return steps;
}

/** Adds steps that merge, give history up and set the clock, each somewhere: to two programs of three. */
export function withHistory(steps: readonly Step[], random: Random): Step[] {
  if (random.once(3)) return [...steps];
  const all = steps.slice();
  for (let left = random.from(1, Math.ceil(steps.length / 3)); left > 0; left--) {
    all.splice(random.below(all.length + 1), 0, planHistoryStep(random));
  }
  return [{ do: "keep", history: planHistory(random) }, ...all];
}

/** Adds appends on condition, each somewhere: to one program of two. */
export function withAgreement(steps: readonly Step[], random: Random): Step[] {
  const all = steps.slice();
  if (random.once(2)) return all;
  for (let left = random.from(1, Math.ceil(steps.length / 4)); left > 0; left--) {
    const agree: Step = { do: "agree", line: random.below(6), seed: random.word(), sync: random.once(3) };
    all.splice(random.below(all.length + 1), 0, agree);
  }
  return all;
}

/** Adds branches, somebody who follows, and questions what changed, each somewhere: to two programs of three. */
export function withBranches(steps: readonly Step[], random: Random): Step[] {
  const all = steps.slice();
  if (random.once(3)) return all;
  for (let left = random.from(2, Math.ceil(steps.length / 3)); left > 0; left--) {
    const what = random.pick(["branch", "branch", "drop", "compare", "compare", "follow"] as const);
    all.splice(random.below(all.length + 1), 0, { do: what, line: random.below(6), seed: random.word() });
  }
  return all;
}

/** Has some appends patch: in one program of two. */
export function withPatches(steps: readonly Step[], random: Random): Step[] {
  if (random.once(2)) return [...steps];
  return steps.map((step) => {
    const mayPatch = step.do === "append" || step.do === "agree";
    return mayPatch && random.once(2) ? { ...step, patches: random.word() } : step;
  });
}

function planHistoryStep(random: Random): Step {
  const line = random.below(6), wait = random.once(2), die = random.below(10);
  if (die < 3) return { do: "compact", line, wait };
  if (die < 6) return { do: "gc", line, history: random.once(3) ? planHistory(random) : undefined, wait };
  if (die < 7) return { do: "keep", history: planHistory(random) };
  return { do: "clock", milliseconds: random.pick([-7_200_000, -1500, 900, 2000, 90_000, 7_200_000]) };
}

function planHistory(random: Random): HistoryPolicy {
  const lsns = random.pick([0, 1, 5, 40, 300]), milliseconds = random.pick([0, 1500, 60_000, 3_600_000]);
  return random.pick<HistoryPolicy>(["all", { lsns }, { lsns }, { milliseconds }, { lsns, milliseconds }]);
}

function planSteps(random: Random, { canMove }: DiskAbilities): Step[] {
  const line = random.below(6), seed = random.word(), wait = random.once(2);
  const die = random.below(100);
  if (die < 40) return appends(random);
  if (die < 44) {
    return [{ do: "storm", line, seed, count: random.pick([5, 20, 100]), sync: random.once(2), wait }];
  }
  if (die < 52) return [{ do: "sync", line, wait }];
  if (die < 56) return [{ do: "freeze", line, wait }];
  if (die < 58) return [{ do: "timeline" }];
  if (die < 70) return [{ do: "ask", line, seed, wait }];
  if (die < 74) return [{ do: "reader", seed, wait }];
  if (die < 83) return [reopening(random)];
  if (die < 90) return [kill(random)];
  if (die < 98) return failing(random);
  if (!canMove) return [];
  const move: Step = { do: "move", instead: random.pick(["store", "nothing", "directory", "copy"]) };
  const ask: Step = { do: "ask", line, seed, wait };
  return [move, ...appends(random), { do: "timeline" }, ask, ...appends(random), reopening(random)];
}

function appends(random: Random): Step[] {
  return Array.from({ length: random.from(1, 4) }, () => ({
    do: "append",
    line: random.below(6),
    seed: random.word(),
    gap: random.once(3) ? random.from(1, 200) : 0,
    sync: random.once(4),
    wait: !random.once(3),
  }));
}

function reopening(random: Random): Step {
  return { do: "reopen", twice: random.once(3), settle: random.once(2), seed: random.word() };
}

function kill(random: Random): Step {
  return {
    do: "kill",
    after: random.pick([0, 0, random.below(10), random.below(60)]),
    torn: random.below(4),
    power: random.once(2),
    cuts: Array.from({ length: random.pick([0, 0, 1, 2, 4]) }, () => random.below(60)),
    seed: random.word(),
  };
}

/** What fails together, and what it then fails with. */
const failures: readonly { readonly codes: readonly string[]; readonly operations: string }[] = [
  { codes: ["EIO"], operations: everything },
  { codes: ["ENOSPC", "ENOSPC", "EDQUOT"], operations: needRoom },
  { codes: ["EMFILE", "EMFILE", "ENFILE"], operations: needDescriptors },
];

function failing(random: Random): Step[] {
  const { codes, operations } = random.pick(failures);
  const code = random.pick(codes);
  const fail: Step = {
    do: "fail",
    code,
    operations: random.once(2) ? operations : random.pick(operations.split("|")),
    after: random.pick([0, random.below(5), random.below(60)]),
    times: random.pick([1, 1, 3, 1000]),
    torn: random.below(3),
  };
  const meanwhile = Array.from({ length: random.below(4) }, () => usesOf(random)).flat();
  if (random.once(3)) meanwhile.push(reopening(random));
  return [fail, ...meanwhile, { do: "room" }, ...code === "EIO" ? [reopening(random)] : usesOf(random)];
}

/** Appends, and now and then what makes and opens other files. */
function usesOf(random: Random): Step[] {
  const line = random.below(6), seed = random.word(), wait = random.once(2);
  const uses = appends(random);
  if (random.once(3)) uses.push({ do: "freeze", line, wait });
  if (random.once(6)) uses.push({ do: "timeline" });
  if (random.once(2)) uses.push({ do: "ask", line, seed, wait });
  return uses;
}
