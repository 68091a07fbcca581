/** Runs parts, each in a process of its own, so that one that hangs or dies is a failure and not the end. */

import { inLanes } from "./lanes.ts";
import type { Entry } from "./ledger.ts";
import type { Budget, Part, PartResult } from "./part.ts";

const child = new URL("./child.ts", import.meta.url).pathname;
/** How long a part may take beyond its budget, to finish what is under way. */
const graceMilliseconds = 120_000;

/**
 * Runs parts, two at once.
 *
 * @param parts The parts.
 * @param budgetOf What each is given.
 * @param tell Is told of each that has ended.
 * @param alone Ends when nothing else runs beside them; until then it is one at a time.
 * @returns What they did, in the order of the parts.
 */
export async function runParts(
  parts: readonly Part[],
  budgetOf: (part: Part) => Budget,
  tell: (entry: Entry) => void,
  alone: Promise<void> = Promise.resolve(),
): Promise<Entry[]> {
  const entries: Entry[] = [];
  await inLanes(parts.entries(), alone, async ([at, part]) => {
    entries[at] = await runPart(part, budgetOf(part));
    tell(entries[at]);
  });
  return entries;
}

async function runPart({ name }: Part, budget: Budget): Promise<Entry> {
  const start = performance.now();
  const args = ["run", "-A", "--no-check", "--quiet", child, name, JSON.stringify(budget)];
  const command = `deno ${args.slice(0, 3).join(" ")} tests/reliability/ledger/child.ts ${name} '${
    args.at(-1)
  }'`;
  const signal = AbortSignal.timeout(budget.milliseconds + graceMilliseconds);
  const { code, signal: killed, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, signal })
    .output();
  const decoder = new TextDecoder();
  const seconds = (performance.now() - start) / 1000;
  if (code === 0) {
    return { name, seconds, ...JSON.parse(decoder.decode(stdout).trimEnd().split("\n").at(-1) ?? "") };
  }
  const message = `${killed === null ? `exit code ${code}` : `ended by ${killed}`}: ${
    decoder.decode(stderr).trim()
  }`;
  const result: PartResult = { counts: {}, skipped: [], failures: [{ command, message }] };
  return { name, seconds, ...result };
}
