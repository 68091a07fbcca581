/** What a random program over a log does, step by step: all of it is chosen by its seed, before it runs. */

import type { LogOptions } from "../../../log.ts";
import { Random } from "../../random.ts";
import { tails } from "./golden_log.ts";
import type { LogClient } from "./log_client.ts";

/** One thing that a client does. */
export type Step = (client: LogClient) => Promise<void>;

/** How long programs are. */
const leastSteps = 12, mostSteps = 36;

/** What a program is made of. */
export interface Plan {
  readonly options: LogOptions;
  readonly steps: readonly Step[];
  readonly random: Random;
}

/** The program of a seed. */
export function planOf(seed: number): Plan {
  const random = new Random(seed), tail = random.pick(tails);
  const retain = random.pick([undefined, undefined, undefined, { bytes: 70_000 }, { milliseconds: 4_000 }]);
  const steps = Array.from({ length: random.from(leastSteps, mostSteps) }, () => random.pick(kinds)(random));
  return { options: { tail, retain }, steps, random };
}

const reopen: Step = async (client) => {
  await client.close();
  await client.open();
};

function lengthsOf(random: Random, most: number): number[] {
  return Array.from({ length: random.from(1, most) }, () => random.pick([0, 1, 90, 700, 3000, 4096]));
}

/** A share of what there is, its ends often. */
function shareOf(random: Random): number {
  return random.pick([0, 0.999999, random.below(1000) / 1000]);
}

/** The steps that there are; what is chosen is chosen before the program runs. */
const kinds: readonly ((random: Random) => Step)[] = [
  ...Array(4).fill((random: Random) => appending(lengthsOf(random, 1), false)),
  ...Array(3).fill((random: Random) => appending(lengthsOf(random, 12), false)),
  ...Array(3).fill((random: Random) => appending([random.from(15_000, 30_000)], random.once(3))),
  ...Array(2).fill((random: Random) => appending(lengthsOf(random, 3), true)),
  (random) => (client) => together(client, lengthsOf(random, 4)),
  ...Array(3).fill(() => (client: LogClient) => client.sync()),
  (random) => giving(shareOf(random)),
  (random) => giving(shareOf(random)),
  (random) => {
    const milliseconds = random.pick([500, 1500, 3000, -2000]);
    return (client) => Promise.resolve(client.tick(milliseconds));
  },
  (random) => {
    const share = shareOf(random);
    return (client) => client.read(share);
  },
  (random) => {
    const share = shareOf(random);
    return (client) => Promise.resolve(client.follow(share));
  },
  ...Array(3).fill((random: Random) => {
    const count = random.from(1, 20);
    return (client: LogClient) => client.take(count);
  }),
  () => (client) => client.readElsewhere(),
  () => (client) => client.readElsewhere(),
  () => (client) => client.closeReader(),
  () => reopen,
];

function appending(lengths: readonly number[], sync: boolean): Step {
  return (client) => client.append(lengths, sync);
}

function giving(share: number): Step {
  return (client) => client.truncate(share);
}

/** Appends, syncs and takes at once. */
async function together(client: LogClient, lengths: readonly number[]): Promise<void> {
  const all = [
    client.append(lengths),
    client.sync(),
    client.append(lengths, true),
    client.take(3),
    client.sync(),
  ];
  for (const outcome of await Promise.allSettled(all)) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}
