/** Questions about what changed on a timeline that may be a branch, answered by the model too. */

import type { Timeline } from "../../../mod.ts";
import type { Random } from "../../random.ts";
import { collect } from "../bytes.ts";
import { assertBatches, assertDifferences } from "../feeds.ts";
import type { BranchModel } from "./branch_model.ts";

const encoder = new TextEncoder();

/** What is asked about. */
export interface Asked {
  /** The timeline. */
  readonly timeline: Timeline;
  /** What it must answer. */
  readonly model: BranchModel;
  /** The first LSN that may be asked about. */
  readonly horizon: number;
  /** The last one. */
  readonly lsn: number;
}

/** Asks what changed and what differs between two LSNs, often across the one at which a branch goes on. */
export async function askFeeds({ timeline, model, horizon, lsn }: Asked, random: Random): Promise<void> {
  const prefix = random.once(3) ? encoder.encode(`key ${random.below(7)}`) : undefined;
  const first = Math.max(1, horizon), to = Math.max(first, lsn);
  if (to > timeline.lastLsn) return;
  const from = random.once(3) ? first : random.from(first, to);
  const changes = await collect(timeline.changes({ from, to, prefix }));
  const what = `changes of ${timeline.name} from ${from} to ${to}, horizon ${horizon}`;
  assertBatches(changes, model, { from, to, prefix }, what);
  const before = random.from(horizon, to);
  const found = await collect(timeline.diff(before, to, { prefix }));
  assertDifferences(found, model.diff(before, to, prefix), `from ${before} to ${to} of ${timeline.name}`);
}
