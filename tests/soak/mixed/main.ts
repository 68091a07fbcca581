/**
 * A soak of mixed load on the real disk: appends, reads of all kinds, snapshots, a branch, somebody who follows, gc,
 * compactions, openings and kills.
 *
 * ```
 * deno task soak:mixed [--minutes 60] [--seed N] [--rate N] [--json file] [--leak]
 * ```
 *
 * `--rate` is how many batches of some ten changes are appended in a second, and how many reads are made beside. A line a
 * minute tells how it stands; a table at the end, of each bound, what was seen at the most. `--leak` never gives a snapshot
 * up, to see that bounds are bounds. The exit code is 1 if anything does not hold. What is chosen follows from the seed;
 * when a process is killed, from the machine as well.
 */

// deno-lint-ignore-file no-console
import { MixedSoak, type SoakState } from "./mixed_soak.ts";
import { type Options, parseOptions } from "./options.ts";
import { lineOf, tableOf } from "./report.ts";
import { fullShape } from "./shape.ts";

const minuteMilliseconds = 60_000;

/** What is asked for; what cannot be is said in a line. */
function optionsGiven(): Options {
  try {
    return parseOptions(Deno.args, crypto.getRandomValues(new Uint32Array(1))[0]);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message.replaceAll(/\s+/g, " "));
    Deno.exit(2);
  }
}

/** Prints a line a minute. */
function minutely(): (state: SoakState) => void {
  const start = performance.now();
  let printed = start, before = 0, taken = 0;
  return (state) => {
    const now = performance.now(), seconds = state.last?.seen.processorSeconds ?? 0;
    // Another process begins at 0.
    taken += seconds < before ? seconds : seconds - before;
    before = seconds;
    if (now - printed < minuteMilliseconds) return;
    console.log(lineOf(state, (now - start) / minuteMilliseconds, taken * 1000 / (now - printed)));
    [printed, taken] = [now, 0];
  };
}

const { minutes, seed, rate, json, leak } = optionsGiven();
const directory = await Deno.makeTempDir({ prefix: "varve_soak_" });
console.log(`Soaking for ${minutes} min with seed ${seed} in ${directory}`);
const plan = { shape: fullShape, seed, perSecond: rate, milliseconds: minutes * minuteMilliseconds, leak };
let state: SoakState;
try {
  state = await new MixedSoak(plan, `${directory}/store`, minutely()).run();
} finally {
  await Deno.remove(directory, { recursive: true });
}
console.log(`\n${tableOf(state).join("\n")}`);
for (const violation of state.violations) console.error(`violation: ${violation}`);
const command = `deno task soak:mixed --minutes ${minutes} --seed ${seed} --rate ${rate}`;
const isWell = state.violations.length === 0;
console.log(`\n${isWell ? "ok" : "FAILED"} | ${command}`);
if (json !== undefined) Deno.writeTextFileSync(json, `${JSON.stringify({ command, ...state }, null, 2)}\n`);
Deno.exit(isWell ? 0 : 1);
