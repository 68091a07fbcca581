/** Writes to a store in every way that there is, until somebody kills it. */

import { Store } from "../../../../mod.ts";
import { Random } from "../../../random.ts";
import { keyCount, keyName } from "../../../store/kill_history.ts";
import { say, takeOrder, Writer } from "./writer.ts";

const { order, opening } = takeOrder();
const random = new Random(order.seed);
const sideNames = ["side", "other"];

/** Opens the store, and says which timelines it has. */
async function open(): Promise<{ store: Store; writers: Writer[] }> {
  say("opening");
  const store = await Store.open(order.path, {
    ...opening,
    upkeep: random.pick(["slices", "slices", "manual"] as const),
  });
  const writers = store.timelines().map(({ name }) => new Writer(store.timeline(name), order.historySeed));
  return { store, writers };
}

/** Makes one more timeline, if there are not too many. */
async function make(store: Store, writers: Writer[]): Promise<void> {
  const name = sideNames.find((side) => !writers.some(({ timeline }) => timeline.name === side));
  if (name === undefined) return;
  say(`making ${name}`);
  const timeline = await store.createTimeline(name);
  say(`made ${name}`);
  writers.push(new Writer(timeline, order.historySeed));
}

async function burst(writer: Writer): Promise<void> {
  const appends = Array.from({ length: random.from(1, 20) }, () => writer.append(random.once(8)));
  if (random.once(3)) appends.push(writer.sync());
  await Promise.all(appends);
}

/** Reads beside the writes: what is read is compared after the death. */
async function read({ timeline }: Writer): Promise<void> {
  await timeline.getMany(Array.from({ length: keyCount }, (_, key) => keyName(key)));
}

/** Does things until it is time to close; says what is then durable. */
async function live(): Promise<void> {
  const { store, writers } = await open();
  for (let left = random.from(1, 60); left > 0; left--) {
    const writer = random.pick(writers);
    await burst(writer);
    if (random.once(10)) await make(store, writers);
    if (random.once(12)) await Promise.all([writer.timeline.freeze(), burst(writer)]);
    if (random.once(25)) await Promise.all([writer.timeline.compact(), burst(writer)]);
    if (random.once(8)) await Promise.all(writers.map((each) => each.sync()));
    if (random.once(6)) await read(writer);
  }
  say("closing");
  await store.close();
  say("closed");
}

for (;;) await live();
