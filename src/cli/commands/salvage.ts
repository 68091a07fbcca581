/** `varve salvage`. */

import { type Lsn, systemClock } from "../../base/mod.ts";
import {
  type LostStretch,
  salvage,
  type SalvagedTimeline,
  type SalvageProgress,
  type SalvageReport,
} from "../../store/mod.ts";
import type { Command } from "../command.ts";
import { exitDamaged, exitInterrupted, exitOk } from "../exit_code.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { ioOptions } from "../open_timeline.ts";
import { escapeText } from "../terminal/escape.ts";
import { unlessClosed } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { formatCount, formatCounted, formatWork } from "../terminal/quantity.ts";
import { UsageError } from "../usage_error.ts";

/** Copies what still reads of a store. */
export const salvageCommand: Command = {
  name: "salvage",
  positionals: ["<store>", "<new store>"],
  summary: "copy all that still reads of a damaged store into a new one",
  details: `
Every timeline and every version is copied, each at its LSN, also of a store that cannot be opened; the store is only
read, and nobody may write it meanwhile. What is lost is shown. A batch beside damage may lack records: it is named, and
kept unless --drop-incomplete is given. Without a manifest the names of timelines are lost, and their ids stand for them.
At <new store> there must be nothing, or an empty directory. A salvage that was interrupted or failed leaves what it had
copied there, and is begun anew elsewhere.

Exit codes: 0 everything was copied, 3 something was lost`,
  options: {
    "drop-incomplete": { describe: "leave out batches that may lack records" },
    "json": { describe: "show the report as one JSON object" },
    "timeline": { value: "NAME", describe: "not taken: every timeline is copied", isHidden: true },
  },
  async run(args, terminal) {
    if (args.text("timeline") !== undefined) {
      throw new UsageError("--timeline is not taken: every timeline is copied");
    }
    const [from, to] = args.positionals, started = systemClock.monotonic();
    using interrupt = listenForInterrupt();
    using progress = new Progress(terminal, systemClock);
    const { signal } = interrupt;
    let come: SalvageProgress = { bytes: 0, totalBytes: 0, batches: 0 };
    const text = () =>
      formatWork([formatBatches(come.batches)], come.bytes, systemClock.monotonic() - started);
    try {
      const report = await salvage(from, to, {
        ...ioOptions(args),
        signal,
        incomplete: args.flag("drop-incomplete") ? "drop" : "keep",
        progress: (now) => {
          come = now;
          progress.update(() => ({
            fraction: now.totalBytes === 0 ? undefined : now.bytes / now.totalBytes,
            text: text(),
          }));
        },
      });
      progress[Symbol.dispose]();
      const shown = args.flag("json") ? jsonReport(report) : shownReport(report, text());
      await unlessClosed(terminal.output.write(shown));
      return isWhole(report) ? exitOk : exitDamaged;
    } catch (error) {
      progress[Symbol.dispose]();
      const left = `${formatBatches(come.batches)}, and is no whole copy`;
      if (come.totalBytes > 0) terminal.note(`varve: "${escapeText(to)}" holds ${left}\n`);
      if (!signal.aborted) throw error;
      return exitInterrupted;
    }
  },
};

function isWhole({ hasManifest, timelines }: SalvageReport): boolean {
  return hasManifest &&
    timelines.every(({ lostCount, incompleteCount }) => lostCount + incompleteCount === 0);
}

function shownReport({ hasManifest, manifestError, timelines }: SalvageReport, work: string): string {
  const without = hasManifest
    ? ""
    : `No manifest could be read: timelines are named by their ids, and branches lack what they went on from\n${
      manifestError === undefined ? "" : `  ${escapeText(manifestError.message)}\n`
    }`;
  const next = hasManifest ? "" : howToRead(timelines);
  return `${without}${timelines.map(shownTimeline).join("")}Salvaged ${work}\n${next}`;
}

/** Which timelines to ask for, where none has the name that is read by default. */
function howToRead(timelines: readonly SalvagedTimeline[]): string {
  const options = timelines.filter(({ batches }) => batches > 0).map(({ name }) => `--timeline ${name}`);
  if (options.length === 0) return "";
  return `Read ${options.length === 1 ? "it" : "them"} with ${escapeText(options.join(" or "))}\n`;
}

function shownTimeline(timeline: SalvagedTimeline): string {
  const { name, ancestor, batches, records, firstLsn, lastLsn, lost, lostCount } = timeline;
  const counts = `${formatBatches(batches)}, ${formatCounted(records, "record")}`;
  const range = batches === 0 ? "" : `, ${formatLsns(firstLsn, lastLsn)}`;
  const more = lostCount > lost.length
    ? `  … and ${formatCounted(lostCount - lost.length, "more stretch", "more stretches")}\n`
    : "";
  const from = ancestor === undefined
    ? ""
    : `, goes on from ${escapeText(ancestor.name)} at LSN ${ancestor.lsn}`;
  return `${escapeText(name)}: ${counts}${range}${from}\n${lost.map(shownLoss).join("")}${more}${
    doubts(timeline)
  }`;
}

function shownLoss({ path, offset, length, lsns, error }: LostStretch): string {
  const range = length === undefined ? "" : `, bytes ${offset} to ${offset + length}`;
  const at = lsns === undefined ? "" : `, ${formatLsns(lsns.first, lsns.last)}`;
  const why = error === undefined ? "" : `: ${escapeText(error.message)}`;
  return `  lost: ${escapeText(path)}${range}${at}${why}\n`;
}

function formatBatches(count: number): string {
  return formatCounted(count, "batch", "batches");
}

function formatLsns(first: Lsn, last: Lsn): string {
  return first === last ? `LSN ${first}` : `LSNs ${first} to ${last}`;
}

function doubts({ incomplete, incompleteCount, repeated }: SalvagedTimeline): string {
  const more = incompleteCount > incomplete.length
    ? ` and ${formatCount(incompleteCount - incomplete.length)} more`
    : "";
  const lacking = incompleteCount === 0 ? "" : `  may lack records: LSN ${incomplete.join(", ")}${more}\n`;
  const again = repeated === 0 ? "" : `  found twice and copied once: ${formatBatches(repeated)}\n`;
  return `${lacking}${again}`;
}

function jsonReport({ manifestError, timelines, ...report }: SalvageReport): string {
  const shown = timelines.map(({ lost, ...rest }) => ({
    ...rest,
    lost: lost.map(({ error, ...stretch }) => ({ ...stretch, message: error?.message })),
  }));
  return `${JSON.stringify({ ...report, manifestError: manifestError?.message, timelines: shown })}\n`;
}
