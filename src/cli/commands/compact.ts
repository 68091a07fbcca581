/** `varve compact`. */

import { systemClock } from "../../base/mod.ts";
import type { Command } from "../command.ts";
import { exitInterrupted, exitOk } from "../exit_code.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { openForWriting } from "../open_timeline.ts";
import { writeOptions } from "../options.ts";
import { Progress } from "../terminal/progress.ts";
import { formatCounted, formatWork } from "../terminal/quantity.ts";

/** Merges layers. */
export const compactCommand: Command = {
  name: "compact",
  positionals: ["<store>"],
  summary: "merge layers, so that reads look into few",
  details: `
Merges the layers of a timeline until none lies over another one; every version stays. What is merged is written once
more, so there must be room for it. Merges that were done stay when it is interrupted, and the next one goes on there.`,
  options: {
    "json": { describe: "show the report as one JSON object" },
    "wait": writeOptions.wait,
  },
  async run(args, terminal) {
    const started = systemClock.monotonic();
    using interrupt = listenForInterrupt();
    using progress = new Progress(terminal, systemClock);
    const { signal } = interrupt;
    await using open = await openForWriting(args, { create: "never", signal });
    const work = (bytes: number, done: readonly string[] = []) =>
      formatWork(done, bytes, systemClock.monotonic() - started);
    try {
      const report = await open.timeline.compact({
        signal,
        progress: ({ bytes, totalBytes }) =>
          progress.update(() => ({ fraction: bytes / totalBytes, text: work(bytes) })),
      });
      progress[Symbol.dispose]();
      const { inputLayers, outputLayers, inputBytes } = report;
      const done = [`${formatCounted(inputLayers, "layer")} into ${outputLayers}`];
      const text = inputLayers === 0 ? "Nothing to merge" : `Merged ${work(inputBytes, done)}`;
      await terminal.output.write(args.flag("json") ? `${JSON.stringify(report)}\n` : `${text}\n`);
      return exitOk;
    } catch (error) {
      if (!signal.aborted) throw error;
      progress[Symbol.dispose]();
      terminal.note("varve: Interrupted: the merges that were done stay\n");
      return exitInterrupted;
    }
  },
};
