/** The contract of engines on the simulated one, and what it does besides. */

import { SimEngine } from "../../src/sim/mod.ts";
import { testEngine } from "../io/engine_contract.ts";

for (const direct of [true, false]) {
  testEngine({
    name: "SimEngine",
    make: () => new SimEngine(),
    direct,
    alignment: 4096,
    makeDirectory: () => Promise.resolve("/some/directory"),
  });
}
