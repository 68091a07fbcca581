/**
 * Crashes, failures and random programs in memory, for as long as one likes.
 *
 * ```
 * deno task soak:sim [crashes|openings|sequences|failures|programs|logs|all]
 *   --seconds N     how long (60); of `all`, for all of them together
 *   --runs N        how many scripts' moments, sequences, runs or seeds
 *   --seed N        the first seed of programs, and of what is sampled (1)
 *   --limit N       the most states that a loss of power leaves at one moment (1024; of openings 16)
 *   --most N        the longest sequence (3)
 *   --nth N         the Nth piece of the work alone, from 0, for as long as it takes
 *   --replay N      one in so many programs is run twice (20)
 *   --processes N   how many processes share the work (1)
 *   --json FILE     where the counts are written
 * ```
 */

// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { type Budget, type Counts, onlyPiece, readCounts, type Share, sumCounts } from "./counts.ts";
import { crashOpenings, crashScripts } from "./crash_points.ts";
import { failEach } from "./fail_nth.ts";
import { runLogPrograms } from "../log/log_programs.ts";
import { runPrograms } from "./random_programs.ts";
import { crashSequences } from "./sequences.ts";

/** What every harness is told. */
interface Settings {
  readonly seed: number;
  readonly limit: number | undefined;
  readonly most: number;
  readonly replayOneIn: number;
  readonly share: Share;
}

/** A harness, and its part of the time when all are run. */
interface Harness {
  readonly part: number;
  run(budget: Budget, settings: Settings): Promise<Counts>;
}

const harnesses: Readonly<Record<string, Harness>> = {
  crashes: { part: 0.15, run: (budget, settings) => crashScripts(budget, withLimit(settings, 1024)) },
  openings: { part: 0.2, run: (budget, settings) => crashOpenings(budget, withLimit(settings, 16)) },
  sequences: { part: 0.25, run: (budget, settings) => crashSequences(budget, withLimit(settings, 1024)) },
  failures: { part: 0.1, run: failEach },
  programs: { part: 0.2, run: runPrograms },
  logs: { part: 0.1, run: runLogPrograms },
};

function withLimit(settings: Settings, limit: number): Settings {
  return { ...settings, limit: settings.limit ?? limit };
}

const { values, positionals: [what = "all"] } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string" },
    runs: { type: "string" },
    seed: { type: "string", default: "1" },
    limit: { type: "string" },
    most: { type: "string", default: "3" },
    nth: { type: "string" },
    replay: { type: "string", default: "20" },
    processes: { type: "string", default: "1" },
    share: { type: "string", default: "0/1" },
    json: { type: "string" },
  },
});

/** Runs what is asked for in this process. */
async function runHere(): Promise<Counts> {
  const done: Counts[] = [];
  const [index, count] = values.share.split("/").map(Number);
  const settings: Settings = {
    seed: Number(values.seed),
    limit: values.limit === undefined ? undefined : Number(values.limit),
    most: Number(values.most),
    replayOneIn: Number(values.replay),
    share: values.nth === undefined ? { index, count } : onlyPiece(Number(values.nth)),
  };
  const runs = values.runs === undefined ? undefined : Number(values.runs);
  for (const [name, { part, run }] of Object.entries(harnesses)) {
    if (what !== "all" && what !== name) continue;
    const all = Number(values.seconds ?? (values.nth === undefined ? 60 : Infinity));
    const seconds = all * (what === "all" ? part : 1);
    const found = await run({ seconds, runs }, settings);
    console.error(`${name} ${values.share}: ${lineOf(found)}`);
    done.push(found);
  }
  return sumCounts(done);
}

/** Shares the work among processes. */
async function runShared(processes: number): Promise<Counts> {
  const shares = Array.from({ length: processes }, async (_, index) => {
    const args = Deno.args.filter((arg, i) => !isOption(arg) && !isOption(Deno.args[i - 1] ?? ""));
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", import.meta.filename as string, ...args, "--share", `${index}/${processes}`],
      stdout: "piped",
      stderr: "inherit",
    });
    const { stdout } = await command.output();
    return readCounts(new TextDecoder().decode(stdout));
  });
  return sumCounts(await Promise.all(shares));
}

/** Whether an argument is for the first process alone. */
function isOption(arg: string): boolean {
  return arg === "--processes" || arg === "--json";
}

function lineOf({ failures, ...others }: Counts): string {
  const done = Object.entries(others).filter(([, count]) => count > 0);
  return [...done, ["failed", failures.length]].map(([name, count]) => `${count} ${name}`).join(", ");
}

async function main(): Promise<void> {
  if (what !== "all" && !(what in harnesses)) {
    throw new TypeError(`expected one of ${Object.keys(harnesses).join(", ")}, found "${what}"`);
  }
  const processes = Number(values.processes);
  const isPart = values.share !== "0/1";
  const counts = processes > 1 ? await runShared(processes) : await runHere();
  if (isPart) console.log(JSON.stringify(counts));
  else if (values.json !== undefined) Deno.writeTextFileSync(values.json, JSON.stringify(counts, null, 2));
  if (isPart) return;
  console.error(lineOf(counts));
  for (const { trace, command, message, script = [] } of counts.failures) {
    console.error(`${trace}: ${message}\n  ${command}\n${script.map((line) => `  ${line}`).join("\n")}`);
  }
  Deno.exit(counts.failures.length === 0 ? 0 : 1);
}

if (import.meta.main) await main();
