/** `varve log cat`, `tail`, `info` and `truncate`. */

import { wholeNumber } from "../arguments.ts";
import type { Command } from "../command.ts";
import { showAsItComes } from "../commands/changes.ts";
import { exitOk } from "../exit_code.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { escapeText } from "../terminal/escape.ts";
import { formatBytes, formatCounted } from "../terminal/quantity.ts";
import { renderTable } from "../terminal/table.ts";
import { UsageError } from "../usage_error.ts";
import { noTimeline, openLog } from "./open_log.ts";
import { checkForm, formOptions, writeEntry } from "./payload_lines.ts";

/** How many records `varve log tail` shows before it follows. */
const usualCount = 10;

/** Shows records. */
export const logCatCommand: Command = {
  name: "log cat",
  positionals: ["<log>"],
  summary: "show the records of a log",
  details: `
Each line is a record, with \\xNN for every byte that is no printable text. --json shows {"offset","payload"} on each
line, or "payloadBase64" for what is not UTF-8; --raw shows the bytes as they are, one record behind the other.`,
  options: {
    "from": { value: "OFFSET", describe: "from this offset on (the first that is kept)" },
    "to": { value: "OFFSET", describe: "up to this offset, not included (the end)" },
    "since": { value: "DATE", describe: "from what was appended at this date on, to a second" },
    ...formOptions,
    ...noTimeline,
  },
  async run(args, { output }) {
    checkForm(args);
    const since = args.date("since"), given = args.count("from");
    if (since !== undefined && given !== undefined) {
      throw new UsageError("--since and --from exclude each other");
    }
    await using log = await openLog(args, { readOnly: true });
    const from = since === undefined ? given : await log.offsetAt(since);
    for await (const entry of log.readable({ from, to: args.count("to") })) {
      await writeEntry(args, output, entry);
    }
  },
};

/** Shows the last records, and follows. */
export const logTailCommand: Command = {
  name: "log tail",
  positionals: ["<log>"],
  summary: "show the last records of a log, and follow it",
  details: `
-f goes on with what another process appends, some 200 ms after it was appended, as a rule, and durable by then. Ctrl-C
ends it; the exit code is 130. Records are shown as "varve log cat" shows them. If records are given up before they were
shown, it ends with 1.`,
  options: {
    "follow": { short: "f", describe: "go on with what is appended (-f)" },
    "count": {
      short: "n",
      value: "COUNT",
      describe: `begin with so many of the last records (${usualCount})`,
    },
    "from": { value: "OFFSET", describe: "begin at this offset" },
    ...formOptions,
    ...noTimeline,
  },
  async run(args, { output }) {
    checkForm(args);
    const given = args.count("from"), count = args.count("count"), follow = args.flag("follow");
    if (given !== undefined && count !== undefined) {
      throw new UsageError("--count and --from exclude each other");
    }
    await using log = await openLog(args, { readOnly: true });
    const from = given ?? Math.max(log.firstOffset, log.nextOffset - (count ?? usualCount));
    if (!follow) {
      for await (const entry of log.readable({ from })) await writeEntry(args, output, entry);
      return exitOk;
    }
    using interrupt = listenForInterrupt();
    const stream = log.readable({ from, follow, signal: interrupt.signal });
    return await showAsItComes(output, stream, interrupt, (entry) => writeEntry(args, output, entry));
  },
};

/** Shows what a log is. */
export const logInfoCommand: Command = {
  name: "log info",
  positionals: ["<log>"],
  summary: "show the offsets and the segments of a log",
  details: `
For the log the offsets of the first record and behind the last one, and for each segment its own, the bytes that its
records take, and its file. --json shows all of it as one object.`,
  options: { "json": { describe: "show a JSON object" }, ...noTimeline },
  async run(args, { output }) {
    await using log = await openLog(args, { readOnly: true });
    const { firstOffset, nextOffset, path } = log, segments = log.segments();
    const byteLength = segments.reduce((sum, segment) => sum + segment.byteLength, 0);
    if (args.flag("json")) {
      const json = { path, firstOffset, nextOffset, byteLength, io: log.io, segments };
      return await output.write(`${JSON.stringify(json)}\n`);
    }
    const records = formatCounted(nextOffset - firstOffset, "record");
    await output.write(
      `${records}, offsets from ${firstOffset} to before ${nextOffset}, ${formatBytes(byteLength)}\n`,
    );
    if (segments.length === 0) return;
    const rows = segments.map((segment) => [
      `${segment.firstOffset}`,
      `${segment.nextOffset}`,
      formatBytes(segment.byteLength),
      segment.state,
      escapeText(segment.path.slice(path.length + 1)),
    ]);
    await output.write(renderTable([["from", "to", "bytes", "state", "file"], ...rows]));
  },
};

/** Gives records up. */
export const logTruncateCommand: Command = {
  name: "log truncate",
  positionals: ["<log>", "<offset>"],
  summary: "give up the records of a log before an offset",
  details: `
They cannot be read any more, from then on and for ever; the files of segments that held no others are removed. Shows the
offset of the first record that is kept.`,
  options: noTimeline,
  async run(args, { output }) {
    const text = args.positionals[1], offset = wholeNumber(text);
    if (offset === undefined) throw new UsageError(`An offset is a whole number, not "${text}"`);
    await using log = await openLog(args, { create: false });
    await log.truncateBefore(offset);
    await output.write(`${log.firstOffset}\n`);
  },
};
