/** A store on a simulated machine with Workers, and a program that has it seal and merge. */

import { assertEquals } from "@std/assert";
import { type MessageLink, systemHost } from "../../../../src/io/mod.ts";
import {
  type Choices,
  dullChoices,
  type SimDisk,
  type SimEngine,
  SimHost,
  type SimHostOptions,
} from "../../../../src/sim/mod.ts";
import { openStoreOn, type Store, type StoreOptions } from "../../../../src/store/mod.ts";
import { serveUpkeep } from "../../../../src/timeline/upkeep/worker/server.ts";

const options = { segmentBytes: 64 * 1024, memoryBytes: 16 * 2 ** 20, cacheBytes: 64 * 1024 };

/** Runs the real Worker's side on a simulated engine. */
export function serve(parent: MessageLink, engine: SimEngine): void {
  serveUpkeep(parent, () => Promise.resolve(systemHostOn(engine)));
}

function systemHostOn(engine: SimEngine) {
  // Turns that are never due: the order of everything is the schedule's.
  const turns = {
    due: () => false,
    turn: () => Promise.resolve(),
    awaiting: () => {},
    answered: () => {},
  };
  return { ...systemHost(engine), turns };
}

/** A machine with Workers. */
export function hostWithWorkers(more: SimHostOptions = {}): SimHost {
  return new SimHost({ serve, ...more });
}

/** Opens its store, which merges nothing by itself unless it is told to. */
export function open(host: SimHost, more: StoreOptions = {}): Promise<Store> {
  return openStoreOn(host, "/store", { ...options, upkeep: "manual", ...more });
}

/** The value of a key at an LSN. */
export function valueAt(lsn: number): string {
  return `${lsn}`.repeat(40);
}

/** Appends batches of three keys each, and freezes behind them. */
export async function addLayer(store: Store, batches = 12): Promise<void> {
  const timeline = store.timeline();
  for (let i = 0; i < batches; i++) {
    const lsn = timeline.lastLsn + 1;
    const value = valueAt(lsn);
    await timeline.append([{ key: `k${lsn % 7}`, value }, { key: `n${lsn}`, value }, {
      key: `g${lsn % 3}`,
      ...(lsn % 2 === 0 ? { delete: true as const } : { value }),
    }]);
  }
  await timeline.freeze();
}

/** Checks every version, as of many LSNs, from the horizon on. */
export async function check(store: Store, lastLsn: number): Promise<void> {
  const timeline = store.timeline(), decoder = new TextDecoder();
  assertEquals(timeline.lastLsn >= lastLsn, true, "nothing is lost");
  const [{ horizon }] = store.timelines();
  for (let lsn = Math.max(1, horizon); lsn <= timeline.lastLsn; lsn += 5) {
    const found = await timeline.getMany([`k${lsn % 7}`, `n${lsn}`, `g${lsn % 3}`], { lsn });
    const expected = [valueAt(lsn), valueAt(lsn), lsn % 2 === 0 ? undefined : valueAt(lsn)];
    assertEquals(found.map((value) => value && decoder.decode(value)), expected, `LSN ${lsn}`);
  }
  const findings = await Array.fromAsync(store.verify());
  assertEquals(findings.map(({ error }) => error.message), []);
}

/** The files of layers on a disk that the manifest of a store does not name. */
export function strays(host: SimHost, store: Store): string[] {
  const named = store.timeline().layers().length;
  const files = host.engine.disk.paths().filter((path) => /\.(seg|delta)$/.test(path));
  return files.length === named ? [] : files;
}

/** Seals and merges, with reads in between; the store is still open. */
export async function program(host: SimHost, more: StoreOptions = {}): Promise<Store> {
  const store = await open(host, more), timeline = store.timeline();
  for (let i = 0; i < 3; i++) await addLayer(store);
  await Promise.all([timeline.compact(), timeline.get("k1"), addLayer(store)]);
  await timeline.compact();
  return store;
}

/** What is left of a machine. */
export function next(disk: SimDisk, choices: Choices = dullChoices): SimHost {
  return new SimHost({ disk, choices });
}
