/** Keys whose newest versions are on disk alone, and reads that are held back. */

import { Gate } from "../../store/hooked_engine.ts";
import type { HookedSim } from "../hooked_sim.ts";
import type { WriterFixture } from "../write/writer_fixture.ts";

/** Holds the first read of a file from now on, and lets all others pass. */
export function holdRead(engine: HookedSim): Gate {
  const gate = new Gate();
  let isHeld = false;
  engine.hook = (operation, path) => {
    if (isHeld || operation !== "read" || !/\.(seg|delta)$/.test(path)) return;
    isHeld = true;
    return gate.wait();
  };
  return gate;
}

/** Appends `old` at LSN 1, `gone` at 1 and its deletion at 2, and seals both; none of their pages is in memory then. */
export async function makeCold({ timeline }: WriterFixture): Promise<void> {
  await timeline.append([{ key: "old", value: "1" }, { key: "gone", value: "1" }]);
  await timeline.append([{ key: "gone", delete: true }]);
  await timeline.freeze();
}
