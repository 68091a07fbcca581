/**
 * Every trial of reliability, and a ledger of what was tried.
 *
 * ```
 * deno task reliability                          the short form: until each part has done what is expected of it
 * deno task soak --minutes 60                    for as long as one likes
 *     [--only part,…] [--seed N] [--json file] [--publish ci|soak [--from file]]
 * ```
 *
 * `--publish` puts the table into docs/reliability.md, with `--from` that of an earlier run's `--json`. The exit code is 1 if anything did not hold.
 */

// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { complaints, type Ledger, tableOf } from "./ledger/ledger.ts";
import type { Budget, Part } from "./ledger/part.ts";
import { parts } from "./ledger/parts.ts";
import { publish } from "./ledger/publish.ts";
import { runParts } from "./ledger/run_parts.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    minutes: { type: "string" },
    only: { type: "string" },
    seed: { type: "string" },
    json: { type: "string" },
    publish: { type: "string" },
    from: { type: "string" },
  },
});

const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
if (minutes !== undefined && !(minutes > 0)) throw new RangeError("Expected --minutes above 0");
const seed = values.seed === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(values.seed);
if (!Number.isSafeInteger(seed)) throw new RangeError("Expected --seed to be a whole number");
const names = values.only?.split(",") ?? parts.map(({ name }) => name);
const chosen = names.map((name) => {
  const part = parts.find((one) => one.name === name);
  if (part === undefined) {
    throw new RangeError(`Expected --only of ${parts.map((one) => one.name)}, found "${name}"`);
  }
  return part;
});

/** The share of a part in the time of a soak is that of its short form. */
function budgetOf({ seconds, goals }: Part): Budget {
  if (minutes === undefined) return { milliseconds: seconds * 1000, seed, enough: goals };
  const all = chosen.reduce((sum, part) => sum + part.seconds, 0);
  return { milliseconds: Math.round(minutes * 60_000 * 2 * seconds / all), seed };
}

if (values.from !== undefined) {
  publish(JSON.parse(Deno.readTextFileSync(values.from)) as Ledger, values.publish ?? "ci");
  Deno.exit();
}
const start = performance.now(), date = new Date().toISOString();
const entries = await runParts(chosen, budgetOf, (entry) => {
  console.log(tableOf({ date, command: "", seed, seconds: 0, parts: [entry] }).at(-1));
});
const command = minutes === undefined ? "deno task reliability" : `deno task soak --minutes ${minutes}`;
const ledger: Ledger = { date, command, seed, seconds: (performance.now() - start) / 1000, parts: entries };
console.log(`\n${tableOf(ledger).join("\n")}\n\nseed ${seed}, ${Math.round(ledger.seconds)} s`);
if (values.json !== undefined) Deno.writeTextFileSync(values.json, `${JSON.stringify(ledger, null, 2)}\n`);
if (values.publish !== undefined) publish(ledger, values.publish);
const wrong = complaints(ledger, chosen, minutes === undefined);
for (const line of wrong) console.error(line);
// As a run of tests ends, so that whoever counts them counts parts too.
const failed = new Set(wrong.map((line) => line.slice(0, line.indexOf(":")))).size;
console.log(`\n${failed === 0 ? "ok" : "FAILED"} | ${chosen.length - failed} passed | ${failed} failed`);
Deno.exit(wrong.length === 0 ? 0 : 1);
