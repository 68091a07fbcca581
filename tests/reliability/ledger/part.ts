/** A part of the trials: what it is given, and what it says of what it did. */

/** How long a part goes on, and what it chooses by. */
export interface Budget {
  /** Up to when, in milliseconds from its start; what is under way then is finished. */
  readonly milliseconds: number;
  /** The seed of everything that is chosen. */
  readonly seed: number;
  /** The one slice to do, in parts that are cut in slices. The default is one after the other. */
  readonly slice?: number | undefined;
  /** Counts that are enough, in the short form; a part that has reached all of them ends. Left out, time alone ends it. */
  readonly enough?: Counts | undefined;
}

/** How often what was done, by its name. */
export type Counts = Readonly<Record<string, number>>;

/** Something that did not hold. */
export interface Failure {
  /** The command that shows it again. */
  readonly command: string;
  /** What did not hold. */
  readonly message: string;
}

/** What a part did. */
export interface PartResult {
  /** How often what was done. */
  readonly counts: Counts;
  /** What this machine cannot try, and why. */
  readonly skipped: readonly string[];
  /** What did not hold. */
  readonly failures: readonly Failure[];
}

/** A part of the trials. */
export interface Part {
  /** What it is called on the command line. */
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** After how many seconds the short form gives up, which is a failure. It sets the part's share of a soak, too. */
  readonly seconds: number;
  /** What the short form does at least: it ends when all of it is done. */
  readonly goals: Counts;
  /** Whether a slice of it can be done alone. */
  readonly isSliced?: boolean | undefined;
  /** Does it. */
  run(budget: Budget): Promise<PartResult>;
}

/** Whether counts have reached what is wanted. */
export function isEnough(counts: Counts, wanted: Counts | undefined): boolean {
  return wanted !== undefined &&
    Object.entries(wanted).every(([name, least]) => (counts[name] ?? 0) >= least);
}

/** The sum of counts. */
export function sumOf(all: readonly Counts[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
  }
  return sum;
}

/** The command that does a slice of a part again. */
export function sliceCommand(part: string, { seed }: Budget, nth: number): string {
  return `deno task reliability --only ${part} --seed ${seed} --slice ${nth}`;
}
