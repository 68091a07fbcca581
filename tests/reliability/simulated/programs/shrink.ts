/** Makes a program that fails simpler for as long as it still fails. */

import type { LifePlan, Plan } from "./plan.ts";

/** Whether a program still fails. */
export type Fails = (plan: Plan) => Promise<boolean>;

/** As little of a program as still fails, when the time is over. */
export async function shrink(plan: Plan, fails: Fails, milliseconds: number): Promise<Plan> {
  const end = performance.now() + milliseconds;
  let least = plan;
  const attempt = async (simpler: Plan): Promise<boolean> => {
    if (performance.now() >= end || !await fails(simpler)) return false;
    least = simpler;
    return true;
  };
  await leaveOut(plan, (parts) => attempt(parts));
  for (let at = least.length - 1; at >= 0; at--) {
    const put = (life: LifePlan) => attempt(least.with(at, life));
    await leaveOut(least[at].damages, (damages) => put({ ...least[at], damages }));
    await leaveOut(least[at].steps, (steps) => put({ ...least[at], steps }));
    for (const simpler of simplerLives) await put({ ...least[at], ...simpler });
  }
  return least;
}

/** What makes a life simpler. */
const simplerLives: readonly Partial<LifePlan>[] = [
  { disturbed: false },
  { history: "all" },
  { turnOneIn: 0 },
  { inOrder: true },
  { end: { how: "close", after: 0 } },
  { seed: 0 },
];

/** Leaves parts out, many at once first; `attempt` says whether what is left still does. */
async function leaveOut<T>(parts: readonly T[], attempt: (fewer: T[]) => Promise<boolean>): Promise<void> {
  let least = parts.slice();
  for (let size = Math.ceil(least.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < least.length;) {
      const fewer = least.toSpliced(at, size);
      if (await attempt(fewer)) least = fewer;
      else at += size;
    }
  }
}
