/** `varve gc`. */

import type { GcReport, GcStay } from "../../timeline/mod.ts";
import { callUpkeep } from "../called_upkeep.ts";
import type { Command } from "../command.ts";
import { parseHistory } from "../history_option.ts";
import { redoOption, writeOptions } from "../options.ts";
import { escapeText } from "../terminal/escape.ts";
import { formatCounted, formatMebibytes } from "../terminal/quantity.ts";

/** Gives history up. */
export const gcCommand: Command = {
  name: "gc",
  positionals: ["<store>"],
  summary: "give up history that is not to be kept",
  details: `
Moves the horizon of a timeline to where --history says, and writes layers anew of which an eighth or more is not needed
any more. What is below the horizon cannot be read again, for ever; without --history the horizon stays.
--history takes lsns=N, days=N, hours=N, seconds=N, with commas between them: what any of them keeps is kept. It counts
for this run alone.
Patches below the horizon become whole values by --redo. Those that cannot be redone stay as they are, which is said; the
exit code is 0 all the same.
--dry-run tells where the horizon would be, and about how much would go, and changes nothing.`,
  options: {
    "history": { value: "PARTS", describe: "how much history is kept, such as lsns=1000,days=7 (all)" },
    "dry-run": { describe: "only tell what would be done" },
    "json": { describe: "show the report as one JSON object" },
    "redo": redoOption,
    "wait": writeOptions.wait,
  },
  async run(args, terminal) {
    const given = args.text("history");
    const history = given === undefined ? "all" : parseHistory(given), dryRun = args.flag("dry-run");
    return await callUpkeep(args, terminal, {
      work: (timeline, options) => timeline.gc({ ...options, dryRun, history }),
      linesOf: (report) => linesOf(report).join(""),
      staying: "what was done stays",
    });
  },
};

function linesOf(report: GcReport): string[] {
  const { dryRun, horizonBefore, horizonAfter, estimatedLayers, estimatedBytes, inputLayers, stays } = report;
  const { outputLayers, inputBytes, outputBytes } = report;
  const moved = horizonAfter === horizonBefore
    ? "stays at"
    : `${dryRun ? "would move" : "moved"} from ${horizonBefore} to`;
  const layers = (count: number) => formatCounted(count, "layer");
  const done = dryRun
    ? `About ${formatMebibytes(estimatedBytes)} of ${layers(estimatedLayers)} would go`
    : inputLayers === 0
    ? "Nothing to give up"
    : `${formatMebibytes(inputBytes - outputBytes)} went: ${layers(inputLayers)} into ${outputLayers}`;
  return [
    `The horizon ${moved} ${horizonAfter}\n`,
    `${done}\n`,
    ...stays.map((stay) => `${wordsOf(stay)}\n`),
  ];
}

function wordsOf(stay: GcStay): string {
  if (stay.reason === "history: all") {
    return "All history is kept from the horizon on: --history says otherwise";
  }
  if (stay.reason === "branch") {
    return `The horizon stays at LSN ${stay.lsn} or below: ${escapeText(stay.timeline)} goes on from there`;
  }
  const what = `${formatMebibytes(stay.bytes)} of ${formatCounted(stay.layers, "layer")} stay`;
  if (stay.reason === "not worth it") {
    return `About ${what}: the rest of the layers would be written for too little`;
  }
  if (stay.reason === "view") return `${what} for a read as of LSN ${stay.lsn}`;
  return `${what} until no other process reads the store`;
}
