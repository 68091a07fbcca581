/**
 * Appends to a log, syncs, gives up and closes, again and again, until somebody kills it. It says what it is about to do,
 * and what it was told.
 */

import { Log } from "../../../../log.ts";
import { Random } from "../../../random.ts";
import { say } from "../../real/programs/writer.ts";
import { type LogOrder, payloadAt } from "./planned_payloads.ts";

const { path, historySeed, seed, options }: LogOrder = JSON.parse(Deno.args[0]);
const random = new Random(seed);
/** So many records are left when some are given up. */
const kept = 300;

async function append(log: Log): Promise<void> {
  const { nextOffset } = log, count = random.from(1, 20), sync = random.once(4);
  const payloads = Array.from({ length: count }, (_, i) => payloadAt(historySeed, nextOffset + i));
  say(`issued main ${nextOffset + count}`);
  await log.append(payloads, { sync });
  if (sync) say(`durable main ${nextOffset + count}`);
}

async function giveUp(log: Log): Promise<void> {
  const offset = Math.max(log.firstOffset, log.nextOffset - kept);
  say(`giving ${offset}`);
  await log.truncateBefore(offset);
  say(`given ${offset}`);
}

async function live(): Promise<void> {
  say("opening");
  const log = await Log.open(path, options);
  say(`opened main ${log.nextOffset}`);
  for (let left = random.from(1, 60); left > 0; left--) {
    await append(log);
    if (random.once(6)) say(`durable main ${await log.sync()}`);
    if (random.once(15)) await giveUp(log);
    if (random.once(4)) await new Promise((go) => setTimeout(go, 1));
  }
  say("closing");
  await log.close();
  say("closed");
}

for (;;) await live();
