/** Makes small batches durable, several committers at once. */

import { createHistogram } from "node:perf_hooks";
import { beginAccount, percentilesOf, recordSince } from "./account.ts";
import { keyOf, valuesOf } from "../keys.ts";
import type { Measurement } from "../measurement.ts";
import type { Variant } from "./request.ts";
import { openStore } from "./store.ts";
import { type CommitWork, payloadOf } from "../work.ts";

/** Measures durable commits into a new store. */
export async function measureCommit(
  work: CommitWork,
  directory: string,
  variant: Variant,
): Promise<Measurement> {
  await using store = await openStore(directory, variant);
  const timeline = store.timeline();
  const value = valuesOf(work.valueBytes);
  const histogram = createHistogram();
  let next = 0;
  const commitAll = async () => {
    while (next < work.commits) {
      const index = next++;
      const begin = performance.now();
      await timeline.append([{ key: keyOf(index), value: value(index) }], { sync: true });
      recordSince(histogram, begin);
    }
  };
  const account = beginAccount();
  await Promise.all(Array.from({ length: work.committers }, commitAll));
  return {
    operations: work.commits,
    payloadBytes: payloadOf(work.commits, work.valueBytes),
    ...account.end(),
    latency: percentilesOf(histogram, 1000),
  };
}
