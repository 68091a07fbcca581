/**
 * A writer that is to be killed: it appends for ever, in this and that manner, and prints every LSN that it knows to be
 * durable.
 *
 * Arguments: the store's directory, the engine, the mode, and a seed.
 */

import { Store, type Timeline } from "../../mod.ts";
import { Random } from "../random.ts";
import { patchedChangesAt } from "./kill_history.ts";

type IoMode = "buffered" | "direct" | "direct-rw";

const [path, ioEngine, ioMode, seed] = Deno.args;
const random = new Random(Number(seed));
const encoder = new TextEncoder();

function report(lsn: number): void {
  // One small write, which a pipe takes whole or not at all.
  Deno.stdout.writeSync(encoder.encode(`${lsn}\n`));
}

async function write(timeline: Timeline): Promise<never> {
  for (;;) {
    const appended = timeline.append(patchedChangesAt(timeline.lastLsn + 1), { sync: random.once(6) });
    if (random.once(3)) await appended;
    if (random.once(8)) timeline.sync().then(report);
    if (random.once(40)) await Promise.all([timeline.sync().then(report), timeline.freeze()]);
    if (random.once(4)) report((await appended, timeline.durableLsn));
  }
}

const store = await Store.open(path, {
  ioEngine: ioEngine as "uring" | "threads" | "node",
  ioMode: ioMode as IoMode,
  segmentBytes: 64 * 1024,
  upkeep: "slices",
});
report(store.timeline().durableLsn);
await write(store.timeline());
