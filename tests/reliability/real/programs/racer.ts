/**
 * Opens stores at the moment that it is told, holds each for a while or until it is told to let go, and says how that
 * went. It lives for many races, since a race is shorter than a start.
 */

import { Store } from "../../../../mod.ts";
import { TextLineStream } from "../lines.ts";
import type { Go, Outcome } from "../race.ts";
import { say } from "./writer.ts";

let letGo: PromiseWithResolvers<void> = Promise.withResolvers();

/** Opens the store, writes to it and holds it; returns when it had it. */
async function hold({ path, milliseconds, ...opening }: Omit<Go, "at">): Promise<Outcome> {
  const store = await Store.open(path, opening);
  // The time of day is what two processes share: that of hrtime starts with each.
  const from = Date.now();
  const timeline = store.timeline();
  const lsn = timeline.lastLsn + 1;
  await timeline.append([{ key: `k${lsn}`, value: `${lsn}` }], { sync: true });
  if (milliseconds === undefined) {
    say(JSON.stringify({ word: "holds" }));
    await letGo.promise;
  } else {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
  }
  const to = Date.now();
  await store.close();
  return { word: "held", from, to, lsn };
}

async function race({ at, ...go }: Go): Promise<void> {
  letGo = Promise.withResolvers();
  // A timer would be late by a millisecond, in which one of the two has opened the store.
  while (Date.now() < at);
  const outcome = await hold(go).catch((error): Outcome => ({
    word: "refused",
    name: error.name,
    message: error.message,
  }));
  say(JSON.stringify(outcome));
}

say("ready");
for await (
  const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
) {
  if (line === "let go") letGo.resolve();
  else race(JSON.parse(line));
}
