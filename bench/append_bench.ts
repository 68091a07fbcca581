/** `deno bench`: appends in every mode and engine. */

import { randomOf } from "./peers/keys.ts";
import { batchOf, batchRecords, openStores, valueBytes } from "./fixture.ts";

const keys = 1 << 20;
const random = randomOf(1);
const batch = batchOf(keys, random);

for (const { name, timeline } of await openStores(batchRecords)) {
  Deno.bench(name, { group: `append ${batchRecords} × ${valueBytes} B` }, async () => {
    await timeline.append(batch);
  });
  Deno.bench(name, { group: `append ${batchRecords} × ${valueBytes} B, durable` }, async () => {
    await timeline.append(batch, { sync: true });
  });
}
