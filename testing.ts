/**
 * What a test of a program that embeds Varve needs: the engines, the interface that an engine of one's own has, and a
 * simulated machine.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 * import { openIo } from "@varve/varve/testing";
 *
 * const directory = await Deno.makeTempDir();
 * const { engine } = await openIo(directory, { ioEngine: "node" });
 * {
 *   await using store = await Store.open(directory, { ioEngine: engine });
 *   assertEquals(store.io.engine, "node");
 * }
 * await engine.shutdown();
 * ```
 *
 * On a {@linkcode SimHost} a store runs in memory, in an order that a seed chooses; its {@linkcode SimDisk} shows what a
 * loss of power may leave at any moment.
 *
 * ```ts
 * import { assert } from "@std/assert";
 * import { openStoreOn, SeededChoices, SimHost } from "@varve/varve/testing";
 *
 * const host = new SimHost({ choices: new SeededChoices(7) });
 * const durable = await host.run(async () => {
 *   const store = await openStoreOn(host, "/store");
 *   await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
 *   void store.timeline().append([{ key: "b", value: "2" }]);
 *   return store.timeline().durableLsn;
 * });
 * for (const disk of host.engine.disk.crashStates({ limit: 10 })) {
 *   const next = new SimHost({ disk });
 *   const store = await next.run(() => openStoreOn(next, "/store"));
 *   assert(store.timeline().lastLsn >= durable);
 * }
 * ```
 *
 * With `serve` it has Workers, which seal and merge on an engine of their own, and end at any message that is chosen.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openStoreOn, serveUpkeep, SimHost } from "@varve/varve/testing";
 *
 * const host: SimHost = new SimHost({
 *   serve: (parent, engine) => serveUpkeep(parent, () => Promise.resolve({ ...host, engine })),
 * });
 * host.workers?.crashAt.add(4);
 * await host.run(async () => {
 *   const store = await openStoreOn(host, "/store");
 *   await store.timeline().append([{ key: "a", value: "1" }]);
 *   await store.timeline().freeze();
 *   assertEquals(store.metrics().workerFailures, 1);
 *   assertEquals(store.timeline().layers().length, 1);
 *   await store.close();
 * });
 * ```
 *
 * @module
 */

export {
  type DirectAlignment,
  type DirectSupport,
  type EngineChoice,
  type EngineName,
  type Host,
  type Io,
  type IoEngine,
  type IoFile,
  type IoMode,
  type IoOptions,
  type IoReport,
  type LeaseKind,
  type LockTicket,
  type MessageLink,
  type OpenEngine,
  openIo,
  type OpenOptions,
  type PathLock,
  type SupportRequest,
  type Transfer,
  type WorkerLink,
  type Workers,
  type WriteOptions,
} from "./src/io/mod.ts";
export type { Answers, Clock, Random, TimerOptions, Timers, Turns } from "./src/base/mod.ts";
export { type OpenHost, serveUpkeep } from "./src/timeline/mod.ts";
export { openStoreOn, type Store, type StoreOptions } from "./src/store/mod.ts";
export {
  BytesChoices,
  chance,
  type Choice,
  type Choices,
  ChosenFaults,
  type CrashOptions,
  cut,
  dullChoices,
  everyChoice,
  type Fault,
  type FaultPlan,
  type FaultRates,
  flip,
  HeldWrite,
  ListedFaults,
  lose,
  misdirect,
  Odometer,
  type Operation,
  pick,
  promptSchedule,
  RecordedChoices,
  ReplayedChoices,
  SeededChoices,
  SimDisk,
  SimEngine,
  type SimEngineOptions,
  SimError,
  SimHost,
  type SimHostOptions,
  type SimSchedule,
  type SimServe,
  SimTime,
  SimWorkers,
  type SimWorkersOptions,
  stale,
  swap,
  Trace,
  zero,
} from "./src/sim/mod.ts";
