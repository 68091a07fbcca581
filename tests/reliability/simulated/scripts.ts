/** What clients do while crashes and failures are tried: scripts whose every step is written down. */

import { patterned } from "../../store/bytes.ts";
import type { Client } from "./client.ts";
import type { Change } from "./versions.ts";

/** One thing that a client does. */
export type Step = (client: Client) => Promise<unknown>;
/** What a client does. It may leave the store open. */
export type Script = readonly Step[];

/** A change that puts bytes which differ with their seed. Those that fill sectors make more ways to tear them. */
export function put(key: string, length: number, seed: number): Change {
  return { key, value: patterned(length, seed) };
}

/** A change that deletes. */
export function remove(key: string): Change {
  return { key, value: undefined };
}

const longKey = "k".repeat(512);

/** Appends, syncs, a freeze, its seal, and the store opened again. */
export const oneTimeline: Script = [
  (client) => client.open(),
  (client) => client.append("main", [put("a", 20, 1), put("b", 0, 2)]),
  (client) => client.append("main", [put("a", 3900, 3)], { sync: true }),
  (client) => client.append("main", []),
  (client) => client.append("main", [remove("b"), put("c", 4097, 4)]),
  (client) => client.sync("main"),
  (client) => client.append("main", [put("a", 1, 5)]),
  (client) => client.freeze("main"),
  (client) => client.append("main", [put("d", 9000, 6), put("b", 2000, 14)], { sync: true }),
  (client) => client.append("main", [put("a", 7, 7), put("a", 3000, 8)]),
  (client) => client.sync("main"),
  (client) => client.ask(1, 6),
  (client) => client.append("main", [put("f", 6500, 10)]),
  (client) => client.append("main", [put("g", 2500, 11)]),
  (client) => client.close(),
  (client) => client.open(),
  (client) => client.append("main", [put("e", 3500, 9)]),
  (client) => client.sync("main"),
  (client) => client.append("main", [put("a", 3333, 12)], { sync: true }),
  (client) => client.append("main", [remove("a"), put("h", 3000, 13)]),
  (client) => client.ask(4, 3),
];

/** Two timelines, LSNs that leave gaps, deletions, and values that fill segments. */
export const twoTimelines: Script = [
  (client) => client.open(),
  (client) => client.append("main", [put("a", 100, 1)], { gap: 100 }),
  (client) => client.makeTimeline("side"),
  (client) =>
    Promise.all([
      client.append("main", [put("a", 40_000, 2)]),
      client.append("side", [put(longKey, 50, 3)], { gap: 7 }),
    ]),
  (client) => client.append("main", [put("b", 40_000, 4)], { gap: 1000 }),
  (client) => client.append("side", [remove(longKey), put("s", 3000, 5)], { sync: true }),
  (client) => client.append("main", [remove("a")]),
  (client) => Promise.all([client.sync("main"), client.append("main", [put("c", 3000, 6)])]),
  (client) => client.append("side", [put("t", 66_000, 7)], { gap: 3 }),
  (client) => Promise.all([client.freeze("side"), client.append("side", [put("s", 30, 8)])]),
  (client) => client.ask(2, 5),
  (client) => client.close(),
  (client) => client.open(),
  (client) => client.append("side", [put("u", 3500, 9)], { sync: true }),
  (client) => client.append("main", [put("a", 30_000, 10)]),
];

/** Layers that are merged while batches come and somebody reads, twice, and the store opened again. */
export const merging: Script = [
  (client) => client.open(),
  (client) => client.append("main", [put("a", 3000, 1), put("b", 10, 2)]),
  (client) => client.freeze("main"),
  (client) => client.append("main", [put("a", 600, 3), put("c", 5000, 4)], { gap: 5 }),
  (client) => client.append("main", []),
  (client) => client.freeze("main"),
  (client) => Promise.all([client.compact("main"), client.append("main", [remove("b"), put("d", 90, 5)])]),
  (client) => client.ask(2, 5),
  (client) => client.append("main", [put("b", 4100, 6)], { sync: true }),
  (client) => client.compact("main"),
  (client) => client.close(),
  (client) => client.open(),
  (client) => client.append("main", [put("e", 70, 7)], { sync: true }),
  (client) => Promise.all([client.compact("main"), client.close()].map((work) => work.catch(() => {}))),
  (client) => client.open(),
  (client) => client.ask(5, 3),
];

/** Layers that are merged by themselves while batches come, until the store is closed in the midst of it. */
export const upkeeping: Script = [
  (client) => client.open({ upkeep: "slices" }),
  ...Array.from({ length: 4 }, (_, i): Step => async (client) => {
    await client.append("main", [put("a", 2000 + i, i), put(`b${i}`, 10, i), put("z", 3000, i)]);
    await client.freeze("main");
  }),
  (client) => client.append("main", [remove("a"), put("d", 90, 5)], { sync: true }),
  (client) => client.freeze("main"),
  (client) => client.ask(2, 5),
  (client) => client.close(),
  (client) => client.open({ upkeep: "slices" }),
  (client) => client.append("main", [put("z", 4000, 7), put("a", 20, 8)]),
  (client) => Promise.all([client.freeze("main"), client.append("main", [put("e", 1, 9)])]),
  (client) => client.close(),
  (client) => client.open({ upkeep: "slices" }),
  (client) => client.ask(5, 3),
];

/** A small commit, made durable by itself. */
function commit(seed: number): Step {
  return (client) => client.append("main", [put(`c${seed % 5}`, 40, seed)], { sync: true });
}

/** Small commits one after another, ahead of which zeros are written, and all that may come between them. */
export const committing: Script = [
  (client) => client.open(),
  ...Array.from({ length: 7 }, (_, i) => commit(i)),
  (client) => client.append("main", [put("a", 7000, 7)]),
  (client) => client.sync("main"),
  (client) => client.append("main", [put("a", 20_000, 8)], { sync: true }),
  ...Array.from({ length: 6 }, (_, i) => commit(10 + i)),
  (client) => Promise.all([client.freeze("main"), commit(20)(client)]),
  ...Array.from({ length: 6 }, (_, i) => commit(30 + i)),
  (client) => client.ask(1, 6),
  (client) => client.close(),
  (client) => client.open(),
  ...Array.from({ length: 6 }, (_, i) => commit(40 + i)),
  (client) => client.append("main", [put("b", 3000, 50)]),
  (client) => client.close(),
];

/** Little, so that openings can be cut short again and again. */
export const little: Script = [
  (client) => client.open(),
  (client) => client.append("main", [put("a", 20, 1)], { sync: true }),
  (client) => client.append("main", [put("b", 5000, 2)]),
  (client) => client.freeze("main"),
  (client) => client.append("main", [put("a", 3, 3)], { gap: 9 }),
  (client) => client.append("main", [remove("b")], { sync: true }),
  (client) => client.append("main", [put("c", 4000, 4)]),
  (client) => client.append("main", [put("c", 4000, 5)]),
  (client) => client.close(),
  (client) => client.open(),
  (client) => client.append("main", [put("a", 600, 6)]),
];
