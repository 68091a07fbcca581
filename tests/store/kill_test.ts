/** A writer is killed at random moments; what it knew to be durable is there, and nothing is missing before it. */

import { assert, assertEquals } from "@std/assert";
import type { Store } from "../../mod.ts";
import { Random, seeds } from "../random.ts";
import { keyCount, keyName, keysAt, valueAt } from "./kill_history.ts";
import { collect, sameBytes } from "./bytes.ts";
import { type Place, type Subject, testEach } from "./matrix.ts";
import { modelRedo } from "./model.ts";

/** Nine ways to do IO, six deaths each. */
const deaths = 6;
const process = new URL("kill_process.ts", import.meta.url).pathname;

/** Runs a writer until it has said so many lines, kills it, and returns the last LSN that it knew to be durable. */
async function killAfter(lines: number, place: Place, subject: Subject, seed: number): Promise<number> {
  const args = [
    "run",
    "-A",
    "--no-check",
    "--quiet",
    process,
    place.path,
    subject.ioEngine,
    subject.ioMode,
    `${seed}`,
  ];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  let text = "", told = 0, isKilled = false;
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    told += part.split("\n").length - 1;
    if (told < lines || isKilled) continue;
    isKilled = true;
    child.kill("SIGKILL");
  }
  const status = await child.status;
  assertEquals(status.signal, "SIGKILL", "the writer died by itself");
  return Math.max(...text.split("\n").slice(0, -1).map(Number));
}

/** Checks that history holds exactly the batches from 1 to its end. */
async function checkHistory(store: Store): Promise<void> {
  const timeline = store.timeline();
  const versions = new Map<number, Set<number>>();
  for (let key = 0; key < keyCount; key++) {
    const found = await collect(timeline.history(keyName(key)));
    versions.set(key, new Set(found.map(({ lsn }) => lsn)));
    let before: Uint8Array | undefined;
    for (const { lsn, value, deleted } of found) {
      before = valueAt(lsn, key, before);
      assertEquals(deleted, before === undefined);
      assert(sameBytes(value, before), `value at ${lsn}`);
    }
  }
  for (let lsn = 1; lsn <= timeline.lastLsn; lsn++) {
    for (const key of keysAt(lsn)) assert(versions.get(key)?.delete(lsn), `no ${keyName(key)} at LSN ${lsn}`);
  }
  for (const [key, left] of versions) {
    assertEquals([...left], [], `more versions of ${keyName(key)} than batches`);
  }
}

async function dieRepeatedly(place: Place, subject: Subject, seed: number): Promise<void> {
  const random = new Random(seed);
  let floor = 0;
  for (let death = 0; death < deaths; death++) {
    floor = Math.max(floor, await killAfter(random.from(1, 120), place, subject, random.word()));
    // Now and then nobody looks between two deaths.
    if (death % 3 === 1) continue;
    const store = await place.open();
    const found = store.timeline().lastLsn;
    assert(found >= floor, `${found} LSNs are left, ${floor} were durable`);
    floor = found;
    await checkHistory(store);
    await place.close(store);
  }
}

testEach(
  "Store.open() finds a prefix at or above the last sync when the writer was killed",
  async (place, subject) => {
    for (const seed of seeds("store kill", 1)) {
      await using own = place.within(`${seed}`);
      await dieRepeatedly(own, subject, seed);
    }
  },
  { segmentBytes: 64 * 1024, redo: modelRedo },
);
