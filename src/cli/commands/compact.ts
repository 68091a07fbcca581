/** `varve compact`. */

import { callUpkeep } from "../called_upkeep.ts";
import type { Command } from "../command.ts";
import { redoOption, writeOptions } from "../options.ts";
import { formatCounted } from "../terminal/quantity.ts";

/** Merges layers. */
export const compactCommand: Command = {
  name: "compact",
  positionals: ["<store>"],
  summary: "merge layers, so that reads look into few",
  details: `
Merges the layers of a timeline until none lies over another one; every version stays. What is merged is written once
more, so there must be room for it. Patches below the horizon become whole values by --redo; those that cannot be redone
stay as they are, which is said. Merges that were done stay when it is interrupted, and the next one goes on there.`,
  options: {
    "json": { describe: "show the report as one JSON object" },
    "redo": redoOption,
    "wait": writeOptions.wait,
  },
  async run(args, terminal) {
    return await callUpkeep(args, terminal, {
      work: (timeline, options) => timeline.compact(options),
      linesOf: ({ inputLayers, outputLayers, inputBytes }, workOf) => {
        const done = `${formatCounted(inputLayers, "layer")} into ${outputLayers}`;
        return inputLayers === 0 ? "Nothing to merge\n" : `Merged ${workOf(inputBytes, done)}\n`;
      },
      staying: "the merges that were done stay",
    });
  },
};
