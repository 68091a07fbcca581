/** `varve timelines`, `varve branch` and `varve drop`. */

import type { Lsn } from "../../base/mod.ts";
import type { TimelineInfo } from "../../store/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { openForReading, openForWriting } from "../open_timeline.ts";
import { type OptionSpecs, writeOptions } from "../options.ts";
import { escapeText } from "../terminal/escape.ts";
import { renderTable } from "../terminal/table.ts";
import { UsageError } from "../usage_error.ts";

/** What is taken only to be refused: these commands name their timelines otherwise. */
const noTimeline: OptionSpecs = {
  "timeline": { value: "NAME", describe: "not taken", isHidden: true },
};

function refuseTimeline(args: Arguments, instead: string): void {
  if (args.text("timeline") !== undefined) throw new UsageError(`--timeline is not taken: ${instead}`);
}

/** Shows the timelines of a store. */
export const timelinesCommand: Command = {
  name: "timelines",
  positionals: ["<store>"],
  summary: "show the timelines of a store",
  details: `
For each its name, its last LSN and the LSN up to which it is durable, the horizon below which it cannot be read, the
timeline that it goes on from and at which LSN, if it is a branch, and when it was made. --json shows {"name","created",
"ancestor":{"name","lsn"},"lastLsn","durableLsn","horizon"} on each line.`,
  options: { "json": { describe: "show a JSON object on each line" }, ...noTimeline },
  async run(args, { output }) {
    refuseTimeline(args, "all timelines are shown");
    await using open = await openForReading(args);
    const timelines = open.store.timelines();
    if (args.flag("json")) {
      for (const timeline of timelines) await output.write(`${JSON.stringify(timeline)}\n`);
    } else {
      const head = ["timeline", "last LSN", "durable", "horizon", "goes on from", "made"];
      await output.write(renderTable([head, ...timelines.map(rowOf)]));
    }
  },
};

function rowOf({ name, lastLsn, durableLsn, horizon, ancestor, created }: TimelineInfo): string[] {
  const from = ancestor === undefined ? "" : `${escapeText(ancestor.name)} at ${ancestor.lsn}`;
  return [escapeText(name), `${lastLsn}`, `${durableLsn}`, `${horizon}`, from, created.toISOString()];
}

/** Makes a branch. */
export const branchCommand: Command = {
  name: "branch",
  positionals: ["<store>", "<name>"],
  summary: "make a timeline that goes on from another, and show at which LSN",
  details: `
The new timeline has all that the other one has up to an LSN, and from there on both are written apart. Nothing is copied,
so that it costs the same whatever there is. --at is an LSN, or a moment: what was there then, as far as it is known: to the
second, and coarser the longer ago it is. A date stands for its first moment; without Z or an offset such as +02:00 it is
local, as a time is. History that branches go on from is kept: "varve gc" says so.
Other commands read and write it with --timeline.`,
  options: {
    "from": { value: "TIMELINE", describe: "the timeline that it goes on from (main)" },
    "at": { value: "LSN|DATE", describe: "where: 1234, 2026-01-31, 2026-01-31T08:30:00Z (the last LSN)" },
    "wait": writeOptions.wait,
    ...noTimeline,
  },
  async run(args, { output }) {
    refuseTimeline(args, "--from names the timeline that it goes on from");
    const at = momentOf(args), ancestor = args.text("from") ?? "main";
    await using open = await openForWriting(args);
    const lsn = at instanceof Date ? open.store.timeline(ancestor).lsnAt(at) : at;
    const { lastLsn } = await open.store.createTimeline(args.positionals[1], { ancestor, lsn });
    await output.write(`${lastLsn}\n`);
  },
};

/** What --at says. */
function momentOf(args: Arguments): Lsn | Date | undefined {
  const isLsn = /^[0-9]+$/.test(args.text("at") ?? "");
  return isLsn ? args.lsn("at") : args.date("at");
}

/** Deletes a timeline. */
export const dropCommand: Command = {
  name: "drop",
  positionals: ["<store>", "<name>"],
  summary: "delete a timeline with all its history",
  details: `
Timelines that go on from it must be deleted before; "main" cannot be. What it went on from itself stays. Its files go at
once, or when no other process reads them any more and the store is opened to be written.`,
  options: { "wait": writeOptions.wait, ...noTimeline },
  async run(args) {
    refuseTimeline(args, "<name> names the timeline");
    await using open = await openForWriting(args);
    await open.store.deleteTimeline(args.positionals[1]);
  },
};
