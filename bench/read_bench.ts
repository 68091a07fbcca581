/** `deno bench`: cold reads in every mode and engine. */

import { keyOf, randomOf } from "./peers/keys.ts";
import { openStores } from "./fixture.ts";

const records = 1 << 18;
const random = randomOf(1);

for (const { name, timeline } of await openStores(records)) {
  Deno.bench(name, { group: "get" }, async () => {
    await timeline.get(keyOf(random(records)));
  });
  Deno.bench(name, { group: "getVectored 64" }, async () => {
    const keys = Array.from({ length: 64 }, () => keyOf(random(records)));
    for await (const _entry of timeline.getVectored(keys));
  });
}
