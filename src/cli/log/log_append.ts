/** `varve log append`. */

import type { Log } from "../../log/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { exitInterrupted, exitOk } from "../exit_code.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { escapeText } from "../terminal/escape.ts";
import { formatCounted } from "../terminal/quantity.ts";
import { noTimeline, openLog } from "./open_log.ts";
import { checkForm, formOptions, payloadsOf } from "./payload_lines.ts";

/** Appends records. */
export const logAppendCommand: Command = {
  name: "log append",
  positionals: ["<log>"],
  summary: "append lines of standard input to a log as records",
  details: `
Each line is a record, without its line feed; with --json each line is {"payload":"text"} or {"payloadBase64":"…"}, as
"varve log cat --json" shows them; with --raw all of the input is one record. What is said to be appended is durable. A
bad line, a full disk or Ctrl-C (exit code 130) leaves what came before it in the log, and standard error says how many
records that are: to go on, give it the input without so many of its first lines.`,
  options: {
    ...formOptions,
    "create": { describe: "make the log if it is missing" },
    "tail": {
      value: "TAIL",
      choices: ["pad", "rewrite"],
      describe: "what a sync does with an unfinished block: pad or rewrite (pad)",
    },
    ...noTimeline,
  },
  async run(args, terminal) {
    checkForm(args);
    const tail = args.text("tail") === "rewrite" ? "rewrite" : "pad";
    using interrupt = listenForInterrupt();
    const { signal } = interrupt;
    const create = args.flag("create");
    await using log = await openLog(args, { create, tail }).catch((error) => {
      if (create || !(error instanceof Deno.errors.NotFound)) throw error;
      throw new Deno.errors.NotFound(`${error.message} (--create makes one)`, { cause: error });
    });
    const first = log.nextOffset;
    try {
      for await (const payloads of payloadsOf(args, terminal.input(), signal)) await log.append(payloads);
      await log.sync();
    } catch (error) {
      const told = await leftIn(args, log).then(
        (next) => appended(first, next),
        (cause: Error) => `What was appended cannot be told: ${escapeText(cause.message)}\n`,
      );
      terminal.note(`varve: ${told}`);
      throw error;
    }
    const said = appended(first, log.nextOffset);
    if (!signal.aborted) {
      await terminal.output.write(said);
      return exitOk;
    }
    terminal.note(`varve: ${said}`);
    return exitInterrupted;
  },
};

/** The offset behind what a log holds to which something could not be appended; it is closed then. */
async function leftIn(args: Arguments, log: Log): Promise<number> {
  const { nextOffset } = log;
  try {
    await log.close();
    return nextOffset;
  } catch {
    // Who asked closes it once more and is told of it; of what was in memory some may be in the file.
  }
  await using left = await openLog(args, { readOnly: true });
  return Math.min(left.nextOffset, nextOffset);
}

function appended(first: number, next: number): string {
  const count = next - first;
  const where = count === 0
    ? ""
    : count === 1
    ? `, at offset ${first}`
    : `, at offsets ${first} to ${next - 1}`;
  return `Appended ${formatCounted(count, "record")}${where}\n`;
}
