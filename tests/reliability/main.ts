/**
 * Every trial of reliability, and a ledger of what was tried.
 *
 * ```
 * deno task reliability                          the short form: until each part has done what is expected of it
 * deno task soak --minutes 60                    for as long as one likes
 *     [--only part,… [--slice N]] [--seed N] [--beside] [--json file] [--publish ci|soak [--from file]]
 * ```
 *
 * `--publish` puts the table into docs/reliability.md, with `--from` that of an earlier run's `--json`. `--slice`
 * does one slice of `damage`, `log-damage` or `parsers` alone, as a failure of theirs says. With `--beside` it leaves a
 * core to something else until standard input ends: one part runs at a time, then two. The exit code is 1 if anything did
 * not hold, and 2 if there is nothing like what is asked for.
 */

// deno-lint-ignore-file no-console
import { complaints, type Ledger, tableOf } from "./ledger/ledger.ts";
import type { Budget, Part } from "./ledger/part.ts";
import { parts } from "./ledger/parts.ts";
import { publish } from "./ledger/publish.ts";
import { runParts } from "./ledger/run_parts.ts";
import { type Options, parseOptions } from "./options.ts";

const { minutes, parts: chosen, seed, slice, beside, json, publish: kind, from } = optionsGiven();

/** What is asked for; what cannot be is said in a line. */
function optionsGiven(): Options {
  try {
    return parseOptions(Deno.args, parts, crypto.getRandomValues(new Uint32Array(1))[0]);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message.replaceAll(/\s+/g, " "));
    Deno.exit(2);
  }
}

/** The share of a part in the time of a soak is that of its short form. */
function budgetOf({ seconds, goals }: Part): Budget {
  if (slice !== undefined) return { milliseconds: seconds * 1000, seed, slice };
  if (minutes === undefined) return { milliseconds: seconds * 1000, seed, enough: goals };
  const all = chosen.reduce((sum, part) => sum + part.seconds, 0);
  return { milliseconds: Math.round(minutes * 60_000 * 2 * seconds / all), seed };
}

if (from !== undefined) {
  publish(JSON.parse(Deno.readTextFileSync(from)) as Ledger, kind ?? "ci");
  Deno.exit();
}
const start = performance.now(), date = new Date().toISOString();
const alone = beside ? Deno.stdin.readable.pipeTo(new WritableStream()) : Promise.resolve();
const entries = await runParts(chosen, budgetOf, (entry) => {
  console.log(tableOf({ date, command: "", seed, seconds: 0, parts: [entry] }).at(-1));
}, alone);
const command = minutes === undefined ? "deno task reliability" : `deno task soak --minutes ${minutes}`;
const ledger: Ledger = { date, command, seed, seconds: (performance.now() - start) / 1000, parts: entries };
console.log(`\n${tableOf(ledger).join("\n")}\n\nseed ${seed}, ${Math.round(ledger.seconds)} s`);
if (json !== undefined) Deno.writeTextFileSync(json, `${JSON.stringify(ledger, null, 2)}\n`);
if (kind !== undefined) publish(ledger, kind);
const wrong = complaints(ledger, chosen, minutes === undefined && slice === undefined);
for (const line of wrong) console.error(line);
// As a run of tests ends, so that whoever counts them counts parts too.
const failed = new Set(wrong.map((line) => line.slice(0, line.indexOf(":")))).size;
console.log(`\n${failed === 0 ? "ok" : "FAILED"} | ${chosen.length - failed} passed | ${failed} failed`);
Deno.exit(wrong.length === 0 ? 0 : 1);
