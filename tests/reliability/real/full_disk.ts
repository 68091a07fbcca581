/** Stores on file systems of some MiB that become full, are read, get room and become full again. */

import { assert } from "@std/assert";
import { Random } from "../../random.ts";
import { Place, subjects } from "../../store/matrix.ts";
import { Child } from "./child.ts";
import { Claims } from "./claims.ts";
import { type Counts, noCounts } from "./counts.ts";
import { mountAbsence, tmpfsMount } from "./namespace.ts";
import { type Budget, runTrials, type TrialOptions } from "./trials.ts";

/** The name of this part. */
export const fullDiskPart = "full";
const kib = 1024;

/** Fills small file systems, on which nobody but the store can find room. */
export async function fillDisks(budget: Budget, options: TrialOptions = {}): Promise<Counts> {
  if (mountAbsence !== undefined) return { ...noCounts(), skipped: [`${fullDiskPart}: ${mountAbsence}`] };
  return await runTrials(fullDiskPart, budget, options, fillDisk);
}

async function fillDisk(seed: number, counts: Counts): Promise<void> {
  const random = new Random(seed);
  const { ioEngine, ioMode } = random.pick(subjects.filter(({ skip }) => skip === undefined));
  await using place = await Place.make();
  const bytes = random.from(2048, 8192) * kib;
  const order = {
    path: `${place.path}/store`,
    historySeed: random.word(),
    seed: random.word(),
    ioEngine,
    ioMode,
    segmentBytes: random.pick([64, 128, 256]) * kib,
  };
  const child = new Child("filler", order, { wrapper: tmpfsMount(place.path, bytes) });
  const claims = new Claims();
  for await (const line of child.lines) {
    claims.take(line);
    if (claims.last === "full") counts.fullDisks++;
  }
  const { code, stderr, hung } = await child.end();
  const told = `${ioEngine}, ${ioMode}, ${bytes} bytes, segments of ${order.segmentBytes}`;
  assert(!hung && code === 0 && claims.last === "done", `${told}: ${hung ? "it hangs" : stderr}`);
  claims.check();
  counts.tmpfsRuns++;
}
