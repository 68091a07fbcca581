/**
 * How late the event loop serves a timer of 1 ms.
 *
 * A stall of 100 ms delays one timer here, but a hundred events that might have come meanwhile: the ones that were
 * left out are recorded as well, each 1 ms less late than the one before. A percentile is therefore the delay that
 * an event meets which comes at any moment.
 */

import { createHistogram } from "node:perf_hooks";

const period = 1;

/**
 * Watches the event loop of this thread.
 *
 * @returns {{ stop(): { p50: number, p99: number, p999: number, max: number } }} What ends the watch, and returns the
 * delays in microseconds.
 */
export function watchLoop() {
  const histogram = createHistogram();
  let due = performance.now() + period;
  const record = () => {
    let late = performance.now() - due;
    do {
      histogram.record(Math.max(1, Math.round(late * 1000)));
      late -= period;
    } while (late > 0);
  };
  const tick = () => {
    record();
    due = performance.now() + period;
    timer = setTimeout(tick, period);
  };
  let timer = setTimeout(tick, period);
  return {
    stop() {
      clearTimeout(timer);
      if (performance.now() > due) record();
      return percentilesOf(histogram, 1);
    },
  };
}

/**
 * Reads the percentiles that are reported.
 *
 * @param {import("node:perf_hooks").RecordableHistogram} histogram What was recorded.
 * @param {number} scale How many units make a microsecond.
 * @returns {{ p50: number, p99: number, p999: number, max: number }} Microseconds.
 */
export function percentilesOf(histogram, scale) {
  const at = (percentile) => Number(histogram.percentile(percentile)) / scale;
  return { p50: at(50), p99: at(99), p999: at(99.9), max: Number(histogram.max) / scale };
}
