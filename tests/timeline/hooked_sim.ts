/** A simulated engine, which a test can hold or fail at any operation. */

import type { IoFile, OpenOptions } from "../../src/io/mod.ts";
import { SimDisk, SimEngine } from "../../src/sim/mod.ts";
import type { Hook } from "../store/hooked_engine.ts";

/** See the top of the file. */
export class HookedSim extends SimEngine {
  /** Asked before each operation. */
  hook: Hook = () => {};
  #isUnasked = false;
  #asked: Promise<void> | undefined;

  /** Stands on a disk of its own, unless it is given one. */
  constructor(disk: SimDisk = new SimDisk()) {
    super({
      disk,
      faults: {
        faultOf: (operation, path) => {
          if (!this.#isUnasked) this.#asked = Promise.try(() => this.hook(operation, path));
          return undefined;
        },
      },
      schedule: {
        park: async () => {
          const asked = this.#asked;
          this.#asked = undefined;
          await asked;
        },
      },
    });
  }

  /** What is opened to be read only does not ask: no disk is too full for that. */
  override open(path: string, options: OpenOptions): Promise<IoFile> {
    this.#isUnasked = options.access === "read";
    try {
      return super.open(path, options);
    } finally {
      this.#isUnasked = false;
    }
  }
}
