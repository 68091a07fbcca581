/** The parts that damage files: those of a store, and those of a log. */

import { corrupt, type MakeSubjects } from "../corrupt/corrupt.ts";
import { type DamageKind, damageKinds } from "../corrupt/damages.ts";
import { damagedLogs } from "../log/log_verdict.ts";
import { type Part, sliceCommand } from "./part.ts";
import { repeat } from "./repeat.ts";

/** Files that are damaged, and how many damages of each kind the short form does at the most. */
interface DamagePart extends Pick<Part, "name" | "summary" | "seconds" | "goals"> {
  readonly mostOfKind: Partial<Readonly<Record<DamageKind, number>>>;
  /** Into how many slices the short form is cut. */
  readonly shortSlices: number;
  readonly subjects?: MakeSubjects;
}

/** Beyond the short form the work is cut into so many slices. */
const everySlices = 400;

/** Small files, damaged in every way there is: in the short form one byte in some, beyond it every bit. */
function damaging({ mostOfKind: most, shortSlices, subjects, ...part }: DamagePart): Part {
  return {
    ...part,
    isSliced: true,
    run: (budget) =>
      repeat(budget, async (_milliseconds, nth) => {
        const isShort = nth < shortSlices;
        const slice = isShort ? nth : (nth - shortSlices) % everySlices;
        const seed = budget.seed + (isShort ? 0 : 1 + Math.floor((nth - shortSlices) / everySlices));
        const mostOfKind = isShort ? { ...allDamages, ...most } : allDamages;
        const share = [slice, isShort ? shortSlices : everySlices] as const;
        const { failures, seed: _, milliseconds: __, ...counts } = await corrupt(
          { mostOfKind, isExhaustive: !isShort },
          { seed, part: share, subjects },
        );
        const command = sliceCommand(part.name, budget, nth);
        return { counts, skipped: [], failures: failures.map((message) => ({ command, message })) };
      }),
  };
}

const allDamages = Object.fromEntries(damageKinds.map((kind) => [kind, Infinity])) as Record<
  DamageKind,
  number
>;

/** Damage to a store. */
export const damage: Part = damaging({
  name: "damage",
  summary: "one damage at a time done to a small store, which then tells the truth or names what is damaged",
  seconds: 1500,
  goals: { flips: 98_000, truncations: 4_500, deletions: 80 },
  mostOfKind: { flips: 100_000 },
  shortSlices: 40,
});

/** Damage to a log. */
export const logDamage: Part = damaging({
  name: "log-damage",
  summary:
    "one damage at a time done to a small log, of which every record that is read is right and in its turn",
  seconds: 120,
  goals: { flips: 3_000, truncations: 1_300, deletions: 100, swaps: 1_300, zeroed: 600, stale: 700 },
  mostOfKind: { flips: 3_200, truncations: 1_600, swaps: 2_000, zeroed: 1_000, stale: 1_000, exchanged: 800 },
  shortSlices: 8,
  subjects: damagedLogs,
});
