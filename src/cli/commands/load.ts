/** `varve load`. */

import { systemClock } from "../../base/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { exitInterrupted, exitOk } from "../exit_code.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { LoadError, type LoadReport } from "../load/change_loader.ts";
import { toldShortage } from "../load/full_disk.ts";
import { LineBlocks } from "../load/line_blocks.ts";
import { LineLoad } from "../load/load_lines.ts";
import { maxNameBytes } from "../load/load_position.ts";
import { openForWriting, toldMilliseconds } from "../open_timeline.ts";
import { writeOptions } from "../options.ts";
import { metricsLine } from "../seeing/metrics_line.ts";
import { systemReason } from "../system_reason.ts";
import { Progress } from "../terminal/progress.ts";
import { formatCounted, formatDuration, formatWork } from "../terminal/quantity.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { UsageError } from "../usage_error.ts";

/** Loads changes from lines of JSON. */
export const loadCommand: Command = {
  name: "load",
  positionals: ["<store>", "[file]"],
  summary: "load changes from lines of JSON",
  details: `
Each line is {"key":"a","value":"b"}, {"key":"a","patch":"b"} or {"key":"a","delete":true}, with "lsn":N or without, from
the file or from standard input; "keyBase64", "valueBase64" and "patchBase64" may stand for "key", "value" and "patch",
and "keyParts" for a key of several parts. Empty lines are passed over, and so is a byte order mark in front of all.
Lines one after the other with the same LSN are one batch. Lines without are gathered into batches of at most 1,000
changes or 1 MiB; a key that comes again begins a new batch, so that no version is lost.
A line that cannot be used ends the load: the batches before it are stored, nothing of its own batch is.

Ctrl-C ends the load (exit code 130). After that, a crash, a full disk or a bad line that was mended, the same command
goes on with the rest, and stores no line twice; once all is stored, it loads what was added to the file since. Lines
with LSNs that the store has are passed over. For lines without, each batch keeps the position behind it under the key
"\\x00varve/load/NAME"; NAME is the path of the file. Standard input has no name, and is loaded from its first line on,
unless --name gives it one. "varve scan", "varve tail" and "varve diff" leave these keys out; the API shows them, scans
but with start: "\\0varve0".`,
  options: {
    "base64": { describe: '"key", "value" and "patch" are base64' },
    "ignore-lsn": { describe: 'pass over "lsn" and write at the next LSNs' },
    "name": { value: "NAME", describe: "the name under which the position in the input is kept" },
    "again": { describe: "load from the first line on, also what is stored" },
    "metrics": { describe: "show metrics of the store while it loads, beside the progress" },
    ...writeOptions,
  },
  async run(args, terminal) {
    const source = await openSource(args, terminal);
    try {
      return await loadFrom(source, args, terminal);
    } catch (error) {
      throw await toldShortage(error, args, source);
    }
  },
};

async function loadFrom(source: Source, args: Arguments, terminal: Terminal): Promise<number> {
  await using lines = new LineBlocks(source.stream);
  using interrupt = listenForInterrupt();
  interrupt.signal.addEventListener("abort", () => lines.cancel());
  await using open = await openForWriting(args, {
    upkeep: "slices",
    metricsMilliseconds: toldMilliseconds,
    signal: interrupt.signal,
  });
  const started = systemClock.monotonic();
  const elapsed = () => systemClock.monotonic() - started;
  using progress = new Progress(terminal, systemClock);
  const load = new LineLoad(open.timeline, {
    base64: args.flag("base64"),
    ignoreLsn: args.flag("ignore-lsn"),
    again: args.flag("again"),
    name: source.name,
    signal: interrupt.signal,
    onProgress: () => progress.update(status),
  });
  const { report } = load;
  const status = () => {
    const work = formatWork([formatCounted(report.changes, "change")], lines.bytesRead, elapsed());
    return {
      fraction: source.bytes === undefined ? undefined : lines.bytesRead / source.bytes,
      text: args.flag("metrics") ? `${work}  ${metricsLine(open.store.metrics())}` : work,
    };
  };
  try {
    await load.run(lines);
  } catch (error) {
    throw error instanceof LoadError ? stopped(source, error, report) : error;
  } finally {
    await open.timeline.sync();
  }
  progress[Symbol.dispose]();
  const { aborted } = interrupt.signal;
  await terminal.output.write(summary(report, aborted ? "Interrupted" : "Loaded", elapsed()));
  return aborted ? exitInterrupted : exitOk;
}

function summary(report: LoadReport, word: string, milliseconds: number): string {
  const counts = `${formatCounted(report.changes, "change")} in ${
    formatCounted(report.batches, "batch", "batches")
  }`;
  const end = `up to LSN ${report.lastLsn}, in ${formatDuration(milliseconds)}`;
  const skipped = formatCounted(report.skipped, "line was", "lines were");
  const before = report.skipped > 0 ? `; ${skipped} stored before` : "";
  return `${word === "Loaded" ? word : `${word}: loaded`} ${counts}, ${end}${before}\n`;
}

/** Where lines come from. */
interface Source {
  title: string;
  name: string | undefined;
  stream: ReadableStream<Uint8Array>;
  bytes: number | undefined;
}

async function openSource(args: Arguments, terminal: Terminal): Promise<Source> {
  const path = args.positionals[1];
  const name = checkName(args.text("name"));
  if (path === undefined || path === "-") {
    return { title: "standard input", name, stream: terminal.input(), bytes: undefined };
  }
  const file = await openFile(path);
  const { isFile, size } = await file.stat();
  // A pipe has no position to go on from, whatever its path.
  const own = name ?? (isFile ? checkName(await Deno.realPath(path)) : undefined);
  return { title: path, name: own, stream: file.readable, bytes: isFile ? size : undefined };
}

async function openFile(path: string): Promise<Deno.FsFile> {
  try {
    // A folder could be opened, and says what it is only when it is read.
    if ((await Deno.stat(path)).isDirectory) throw new Deno.errors.IsADirectory("it is a folder");
    return await Deno.open(path);
  } catch (error) {
    throw new Error(`Cannot load ${path}: ${systemReason(error)}`, { cause: error });
  }
}

function checkName(name: string | undefined): string | undefined {
  const length = new TextEncoder().encode(name ?? "").length;
  if (length <= maxNameBytes) return name;
  throw new UsageError(`The name of the input has ${length} bytes, --name takes up to ${maxNameBytes}`);
}

function stopped(source: Source, error: LoadError, report: LoadReport): LoadError {
  const stored = report.batches === 0
    ? "nothing was stored"
    : `the ${formatCounted(report.changes, "change before is", "changes before are")} stored, ` +
      `up to LSN ${report.lastLsn}`;
  return new LoadError(`Cannot load ${source.title}, ${error.message} (${stored})`, { cause: error });
}
