/** What the timed part of a worker used, and how late its event loop was: `node/account.mjs` and `node/loop_delay.mjs`, with types. */

import * as account from "../node/account.mjs";
import * as loop from "../node/loop_delay.mjs";
import type { RecordableHistogram } from "node:perf_hooks";
import type { Latency, Measurement } from "../measurement.ts";

/** What was used between the begin and the end of an account. */
export type Usage = Pick<Measurement, "seconds" | "cpuSeconds" | "peakBytes" | "writtenBytes">;

/** Begins an account of this process. */
export const beginAccount: () => { end(): Usage } = account.beginAccount;

/** The resident set of this process in bytes. */
export const residentBytes: () => number = account.residentBytes;

/** Watches the event loop of this thread; stopping returns its delays in microseconds. */
export const watchLoop: () => { stop(): Latency } = loop.watchLoop;

/** Reads percentiles of a histogram in which `scale` units make a microsecond. */
export const percentilesOf: (histogram: RecordableHistogram, scale: number) => Latency = loop.percentilesOf;

/** Records the time since `begin`, of `performance.now()`, in nanoseconds. */
export function recordSince(histogram: RecordableHistogram, begin: number): void {
  histogram.record(Math.max(1, Math.round((performance.now() - begin) * 1e6)));
}
