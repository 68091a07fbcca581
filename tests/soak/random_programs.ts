/**
 * Random programs over a store, on one engine, for some minutes.
 *
 * ```
 * deno task soak:programs memory|uring|threads|node [minutes] [seed]
 * ```
 *
 * A program that fails is printed with its seed, then with as few of its steps as still fail.
 */

// deno-lint-ignore-file no-console
import { HangError } from "../deadline.ts";
import { Random } from "../random.ts";
import { type DiskName, makeDisk } from "./programs/disks.ts";
import { Program } from "./programs/program.ts";
import {
  planProgram,
  type Step,
  withAgreement,
  withBranches,
  withHistory,
  withPatches,
} from "./programs/steps.ts";

const shrinkMilliseconds = 60_000;
const names: readonly string[] = ["memory", "uring", "threads", "node"];

/** A program that failed. */
export class ProgramError extends Error {
  /** Its name. */
  override name = "ProgramError";
  /** Its steps. */
  readonly steps: readonly Step[];

  constructor(seed: number, steps: readonly Step[], at: number, cause: unknown) {
    const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    super(`program ${seed} failed in step ${at} of ${steps.length}: ${message}`, { cause });
    this.steps = steps;
  }
}

/** The steps of the program of a seed. */
export function stepsOf(seed: number, name: DiskName): Step[] {
  const steps = planProgram(new Random(seed), { canMove: name !== "memory" });
  // What came later is chosen apart, so that the seeds of earlier programs mean what they meant.
  const agreed = withAgreement(
    withHistory(steps, new Random(seed ^ 0x9e3779b9)),
    new Random(seed ^ 0x85ebca6b),
  );
  const branched = withBranches(agreed, new Random(seed ^ 0xc2b2ae35));
  return withPatches(branched, new Random(seed ^ 0x27d4eb2f));
}

/**
 * Runs a program.
 *
 * @throws {ProgramError} If anything does not hold.
 */
export async function runProgram(
  name: DiskName,
  seed: number,
  steps: readonly Step[] = stepsOf(seed, name),
): Promise<void> {
  let at = 0;
  try {
    {
      await using disk = await makeDisk(name, new Random(seed));
      const program = new Program(disk);
      try {
        await program.run(steps, (step) => at = step);
      } catch (error) {
        await program.abandon();
        throw error;
      }
    }
    const [left] = openDescriptors();
    if (left !== undefined) throw new Error(`a descriptor is left open: ${left}`);
  } catch (error) {
    throw new ProgramError(seed, steps, at, error);
  }
}

/** What this process has open of engines and of files of programs. */
function openDescriptors(): string[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      return [Deno.readLinkSync(`/proc/self/fd/${name}`)];
    } catch {
      return [];
    }
  }).filter((target) => /varve_test_|io_uring/.test(target));
}

/** Leaves steps out for as long as the program fails. */
async function shrink(name: DiskName, seed: number, failed: ProgramError): Promise<ProgramError> {
  const end = performance.now() + shrinkMilliseconds;
  let least = failed;
  for (
    let size = Math.ceil(failed.steps.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < least.steps.length && performance.now() < end;) {
      const fewer = least.steps.toSpliced(at, size);
      const error = await failure(name, seed, fewer);
      if (error === undefined) at += size;
      else least = error;
    }
  }
  return least;
}

async function failure(
  name: DiskName,
  seed: number,
  steps: readonly Step[],
): Promise<ProgramError | undefined> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await runProgram(name, seed, steps);
    } catch (error) {
      return error as ProgramError;
    }
  }
  return undefined;
}

function show(error: ProgramError): void {
  console.error(error.message);
  for (const step of error.steps) console.error(`  ${JSON.stringify(step)}`);
  console.error((error.cause as Error).stack ?? error.cause);
}

async function main(): Promise<void> {
  const [name = "memory", minutes = "1", only] = Deno.args;
  if (!names.includes(name)) throw new TypeError(`expected one of ${names.join(", ")}, found "${name}"`);
  let running = 0, programs = 0, failures = 0;
  addEventListener("unhandledrejection", (event) => {
    console.error(`program ${running}: nobody handled`, event.reason);
    Deno.exit(1);
  });
  const end = performance.now() + Number(minutes) * 60_000;
  while (performance.now() < end) {
    running = only === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(only);
    programs++;
    try {
      await runProgram(name as DiskName, running);
    } catch (error) {
      failures++;
      show(error as ProgramError);
      if ((error as Error).cause instanceof HangError) break;
      console.error("as few steps as still fail:");
      show(await shrink(name as DiskName, running, error as ProgramError));
    }
    if (only !== undefined) break;
  }
  console.log(`${name}: ${programs} programs, ${failures} failed`);
  Deno.exit(failures === 0 ? 0 : 1);
}

if (import.meta.main) await main();
