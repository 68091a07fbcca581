/** Upkeep that a command calls for: shown while it goes on, told of at its end, ended by an interrupt. */

import { systemClock } from "../base/mod.ts";
import type { CompactOptions, Redo, Timeline } from "../timeline/mod.ts";
import type { Arguments } from "./arguments.ts";
import { exitInterrupted, exitOk } from "./exit_code.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { openForWriting, toldMilliseconds } from "./open_timeline.ts";
import { escapeText } from "./terminal/escape.ts";
import { Progress } from "./terminal/progress.ts";
import { formatWork } from "./terminal/quantity.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** Stands for the module that is not given, so that upkeep tells of patches that it leaves. */
const noRedo: Redo = () => {
  throw new Error("no --redo MODULE is given");
};

/** What is called for, and the words for it. */
export interface CalledUpkeep<Report> {
  /** Does it. */
  readonly work: (timeline: Timeline, options: CompactOptions) => Promise<Report>;
  /**
   * Tells what came of it, in whole lines.
   *
   * @param report What came of it.
   * @param workOf Says of bytes, behind what was done, how fast they went and how long it took.
   */
  readonly linesOf: (report: Report, workOf: (bytes: number, done: string) => string) => string;
  /** What stays when it is interrupted. */
  readonly staying: string;
}

/**
 * Has upkeep done on the timeline that was asked for, which is not made.
 *
 * @param args What was asked; `--json` shows the report as it is.
 * @param terminal Where it is shown.
 * @param called What is to be done.
 * @returns The exit code.
 */
export async function callUpkeep<Report>(
  args: Arguments,
  terminal: Terminal,
  { work, linesOf, staying }: CalledUpkeep<Report>,
): Promise<number> {
  const started = systemClock.monotonic();
  using interrupt = listenForInterrupt();
  using progress = new Progress(terminal, systemClock);
  const { signal } = interrupt;
  await using open = await openForWriting(args, {
    create: "never",
    metricsMilliseconds: toldMilliseconds,
    redo: noRedo,
    signal,
  });
  const { notes } = open.store.io, notesBefore = notes.length;
  const noteUndone = () => {
    // Layers that are merged again would tell it again.
    for (const note of new Set(notes.slice(notesBefore))) terminal.note(`varve: ${escapeText(note)}\n`);
  };
  const workOf = (bytes: number, ...done: string[]) =>
    formatWork(done, bytes, systemClock.monotonic() - started);
  try {
    const report = await work(open.timeline, {
      signal,
      progress: ({ bytes, totalBytes }) =>
        progress.update(() => ({ fraction: bytes / totalBytes, text: workOf(bytes) })),
    });
    progress[Symbol.dispose]();
    noteUndone();
    await terminal.output.write(args.flag("json") ? `${JSON.stringify(report)}\n` : linesOf(report, workOf));
    return exitOk;
  } catch (error) {
    if (!signal.aborted) throw error;
    progress[Symbol.dispose]();
    noteUndone();
    terminal.note(`varve: Interrupted: ${staying}\n`);
    return exitInterrupted;
  }
}
