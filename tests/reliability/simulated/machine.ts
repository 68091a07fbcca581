/** A process on a simulated disk that has a store or a log open, or opens and closes it. */

import type { Log, LogOptions } from "../../../log.ts";
import type { Store, StoreOptions } from "../../../mod.ts";
import type { Host } from "../../../src/io/mod.ts";
import { openLogWith } from "../../../src/log/mod.ts";
import {
  type Fault,
  type FaultPlan,
  type Operation,
  randomOf,
  SeededChoices,
  type SimDisk,
  type SimEngine,
  SimHost,
  type SimHostOptions,
  SimTime,
} from "../../../src/sim/mod.ts";
import { openStoreOn } from "../../../src/store/mod.ts";
import { RecyclingEngine } from "../recycling_engine.ts";
import type { Counts } from "./counts.ts";
import { patched } from "./versions.ts";

/** Where the store is. */
export const storePath = "/store";
/** Where the log is. */
const logPath = "/store/log";
/** The smallest segments that a log may have. */
const logSegmentBytes = 64 * 1024;

/** Small things, so that little work meets every case; nothing is merged unless somebody asks for it. */
const sizes: StoreOptions = {
  redo: (_key, base, patches) => patches.reduce(patched, base) ?? new Uint8Array(),
  upkeep: "manual",
  segmentBytes: 64 * 1024,
  memoryBytes: 16 * 2 ** 20,
  cacheBytes: 64 * 1024,
};

/** What makes an engine on a disk; a test of the oracle makes one that lies. */
export type MakeEngine = (disk: SimDisk, faults: FaultPlan) => SimEngine;

/** Makes an engine that does what it says. */
export const honestEngine: MakeEngine = (disk, faults) => new RecyclingEngine({ disk, faults });

/** Faults of another plan, if there is one; counts what is asked. */
class CountedFaults implements FaultPlan {
  readonly #counts: Counts;
  readonly #inner: FaultPlan | undefined;

  constructor(counts: Counts, inner: FaultPlan | undefined) {
    this.#counts = counts;
    this.#inner = inner;
  }

  faultOf(operation: Operation, path: string, nth: number): Fault | undefined {
    this.#counts.engineOperations++;
    this.#counts.operations++;
    return this.#inner?.faultOf(operation, path, nth);
  }
}

/** The outside world, with a simulated engine. */
export type Outside = Host & { readonly engine: SimEngine; readonly clock: SimTime };

/** How a machine is made. */
export interface MachineOptions {
  /** What goes wrong. The default is nothing. */
  readonly faults?: FaultPlan | undefined;
  /** What makes its engine. */
  readonly makeEngine?: MakeEngine | undefined;
}

/** See the top of the file. */
export class Machine {
  /** The outside world. */
  readonly host: Outside;
  readonly #counts: Counts;

  /** Starts a process in a world. */
  constructor(host: Outside, counts: Counts) {
    this.host = host;
    this.#counts = counts;
  }

  /**
   * A process for which everything completes at once and in order, no time passes, and chance comes of what stands on
   * the disk: so the same script leaves the same bytes.
   */
  static prompt(disk: SimDisk, counts: Counts, { faults, makeEngine }: MachineOptions = {}): Machine {
    const engine = (makeEngine ?? honestEngine)(disk, new CountedFaults(counts, faults));
    const time = new SimTime();
    const turns = { due: () => false, turn: () => Promise.resolve(), awaiting: () => {}, answered: () => {} };
    const random = randomOf(new SeededChoices(disk.hash()));
    return new Machine({ engine, clock: time, timers: time, random, turns }, counts);
  }

  /** A process for which the order of everything is chosen. It must be run by its host. */
  static chosen(options: SimHostOptions, counts: Counts): [Machine, SimHost] {
    const host = new SimHost({ ...options, faults: new CountedFaults(counts, options.faults) });
    return [new Machine(host, counts), host];
  }

  /** The engine. */
  get engine(): SimEngine {
    return this.host.engine;
  }

  /** The disk. */
  get disk(): SimDisk {
    return this.host.engine.disk;
  }

  /** Counts a call of the public API. */
  called(): void {
    this.#counts.calls++;
    this.#counts.operations++;
  }

  /** Opens the store. */
  open(options: Omit<StoreOptions, "ioEngine"> = {}): Promise<Store> {
    this.called();
    return openStoreOn(this.host, storePath, { ...sizes, ...options });
  }

  /** Opens the log. */
  openLog(options: Omit<LogOptions, "ioEngine"> = {}): Promise<Log> {
    this.called();
    const { host } = this, all = { segmentBytes: logSegmentBytes, ...options, ioEngine: host.engine };
    return openLogWith(() => host, logPath, all);
  }

  /** Closes the store, and checks that nothing is left of it. */
  async close(store: Store): Promise<void> {
    this.called();
    try {
      await store.close();
    } finally {
      this.checkIdle(store);
    }
  }

  /** Checks that a store which was closed has nothing open. */
  checkIdle(store: Store): void {
    const { openFiles } = this.engine;
    const { views } = store.metrics();
    if (openFiles > 0 || views > 0) {
      throw new Error(`a store that is closed has ${openFiles} files and ${views} views open`);
    }
  }

  /** Gives the memory of the engine to the next one. Nothing may be under way. */
  retire(): void {
    if (this.engine instanceof RecyclingEngine) this.engine.retire();
  }
}
