/** Reads a store in every way that there is, and says how much it found; with `readOnly: false`, writes to it too. */

import { assertEquals } from "@std/assert";
import { Store } from "../../../../mod.ts";
import { collect } from "../../../store/bytes.ts";
import { keyCount, keyName } from "../../../store/kill_history.ts";
import { checkHistories } from "../check_store.ts";
import { PlannedHistory } from "../planned_history.ts";
import { say, takeOrder } from "./writer.ts";

const { order, opening } = takeOrder();
await using store = await Store.open(order.path, opening);
const keys = Array.from({ length: keyCount }, (_, key) => keyName(key));
for (const { name, lastLsn } of store.timelines()) {
  const timeline = store.timeline(name);
  const planned = new PlannedHistory(order.historySeed, name);
  await checkHistories(timeline, planned.versionsTo(planned.batchAt(lastLsn) ?? -1));
  const values = await timeline.getMany(keys);
  const entries = await collect(timeline.scan());
  assertEquals(entries.length, values.filter((value) => value !== undefined).length);
  assertEquals((await collect(timeline.getVectored(keys))).length, keys.length);
  assertEquals(await timeline.count(), entries.length);
  using snapshot = timeline.snapshot();
  assertEquals(await snapshot.get(keys[0]), values[0]);
  assertEquals((await timeline.getEntry(keys[0])).value, values[0]);
  timeline.layers();
  say(`found ${name} ${lastLsn}`);
  if (opening.readOnly === false) await timeline.append(planned.changesAt(1), { sync: true });
}
store.metrics();
