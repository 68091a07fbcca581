/**
 * What a test of a program that embeds Varve needs: the engines, and the interface that an engine of one's own has.
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
 * @module
 */

export {
  type DirectAlignment,
  type DirectSupport,
  type EngineChoice,
  type EngineName,
  type Io,
  type IoEngine,
  type IoFile,
  type IoMode,
  type IoOptions,
  type IoReport,
  type OpenEngine,
  openIo,
  type OpenOptions,
  type PathLock,
  type SupportRequest,
  type Transfer,
  type WriteOptions,
} from "./src/io/mod.ts";
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
  misdirect,
  Odometer,
  type Operation,
  pick,
  RecordedChoices,
  ReplayedChoices,
  SeededChoices,
  SimDisk,
  SimEngine,
  type SimEngineOptions,
  type SimSchedule,
  stale,
  swap,
  zero,
} from "./src/sim/mod.ts";
