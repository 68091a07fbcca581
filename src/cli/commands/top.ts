/** `varve top`. */

import { systemClock } from "../../base/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { exitOk } from "../exit_code.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { type Look, Looks, type Rates, ratesBetween } from "../seeing/look.ts";
import { topJson, topLine, topScreen } from "../seeing/top_text.ts";
import { Screen } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { UsageError } from "../usage_error.ts";

const usualMilliseconds = 1000;
/** A look is followed by a pause so many times as long, so that looking takes little from whoever works. */
const pausesPerLook = 9;

/** Shows how a store changes. */
export const topCommand: Command = {
  name: "top",
  positionals: ["<store>"],
  summary: "show how a store changes, while another process writes it",
  details: `
Opens the store read only for a moment, every second, and shows what its files tell: how far history goes and how fast
it grows, bytes written and merged each second, layers by levels, how many of them a get may look into, bytes that are
not sealed or not merged yet, bytes on disk, and on Linux who has it open. Ingest, reads, cache, memory, latencies and
why appends wait are shown of a process that tells them: "varve load", "compact", "gc" and "import git" do, and programs
that open the store with the option metricsMilliseconds.
A look reads what is not sealed yet, 64 MiB at the most unless segments are larger. Looking takes a tenth of the time
at the most: if it takes long, looks come more seldom than --interval says.
Elsewhere than on a terminal it writes a line for each look. Ctrl-C ends it; the exit code is 0.`,
  options: {
    "interval": { value: "SECONDS", describe: "time from one look to the next (1)" },
    "count": { value: "N", describe: "end after so many looks" },
    "json": { describe: "show a JSON object on each line" },
  },
  async run(args, terminal) {
    const milliseconds = intervalOf(args), count = countOf(args);
    using interrupt = listenForInterrupt();
    const { signal } = interrupt;
    await using screen = new Screen(terminal);
    const looks = new Looks();
    let before: Look | undefined;
    for (let i = 0; i < count && !signal.aborted; i++) {
      const began = systemClock.monotonic();
      const look = await looks.look(args);
      await show(args, terminal, screen, look, before && ratesBetween(before, look));
      before = look;
      const took = systemClock.monotonic() - began;
      if (i + 1 < count) await pause(Math.max(milliseconds - took, took * pausesPerLook), signal);
    }
    return exitOk;
  },
};

async function show(
  args: Arguments,
  { output, outputIsSeen }: Terminal,
  screen: Screen,
  look: Look,
  rates: Rates | undefined,
): Promise<void> {
  const time = new Date(systemClock.now()), isJson = args.flag("json");
  if (outputIsSeen && !isJson) return await screen.draw(topScreen(look, rates, time));
  await output.write((isJson ? topJson : topLine)(look, rates, time));
  await output.flush();
}

function intervalOf(args: Arguments): number {
  const milliseconds = args.milliseconds("interval") ?? usualMilliseconds;
  if (milliseconds > 0 && milliseconds <= 2 ** 31 - 1) return milliseconds;
  throw new UsageError(`--interval takes seconds, more than 0, not "${args.text("interval")}"`);
}

function countOf(args: Arguments): number {
  const count = args.count("count") ?? Infinity;
  if (count > 0) return count;
  throw new UsageError(`--count takes a count from 1 on, not "${args.text("count")}"`);
}

/** Waits, until it is interrupted. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}
