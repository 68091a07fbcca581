/**
 * A writer that is to be killed: it appends a few batches that it never syncs, prints their last LSN, and waits.
 *
 * Arguments: the store's directory, and the options of `Store.open` as JSON.
 */

import { Store } from "../../mod.ts";

const [path, options] = Deno.args;
const store = await Store.open(path, JSON.parse(options));
const timeline = store.timeline();
for (let i = 0; i < 20; i++) await timeline.append([{ key: `k${i}`, value: `${i}`.repeat(500) }]);
Deno.stdout.writeSync(new TextEncoder().encode(`${timeline.lastLsn}\n`));
setInterval(() => {}, 1000);
