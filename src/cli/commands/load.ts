/** `varve load`. */

import { systemClock } from "../../base/mod.ts";
import { ByteReader } from "../../git/mod.ts";
import { type ChangeLineOptions, maxLineBytes, parseChangeLine } from "../change_line.ts";
import { ChangeLoader, LoadError, type LoadReport } from "../change_loader.ts";
import type { Command } from "../command.ts";
import { exitInterrupted, exitOk } from "../exit_code.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { openTimeline } from "../open_timeline.ts";
import { Progress } from "../terminal/progress.ts";
import { formatCount, formatDuration, formatWork } from "../terminal/quantity.ts";
import type { Terminal } from "../terminal/terminal.ts";

const lineFeed = 10;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Loads changes from lines of JSON. */
export const loadCommand: Command = {
  name: "load",
  positionals: ["<store>", "[file]"],
  summary: "load changes from lines of JSON",
  details: `
Each line is {"key":"a","value":"b"} or {"key":"a","delete":true}, with "lsn":N or without, from the file or from
standard input; "keyBase64" and "valueBase64" may stand for "key" and "value". Empty lines are passed over.
Lines one after the other with the same LSN are one batch. Lines without are gathered into batches of at most 1,000
changes or 1 MiB; a key that comes again begins a new batch, so that no version is lost.
A line that cannot be used ends the load: the batches before it are stored, nothing of its own batch is.
The store and the timeline are made if they are missing.`,
  options: {
    "base64": { describe: '"key" and "value" are base64' },
    "ignore-lsn": { describe: 'pass over "lsn" and write at the next LSNs' },
  },
  async run(args, terminal) {
    const options = { base64: args.flag("base64"), ignoreLsn: args.flag("ignore-lsn") };
    const source = await openSource(args.positionals[1], terminal);
    await using lines = new ByteReader(source.stream);
    using interrupt = listenForInterrupt();
    interrupt.signal.addEventListener("abort", () => lines.cancel());
    await using open = await openTimeline(args, "create");
    const started = systemClock.monotonic();
    const elapsed = () => systemClock.monotonic() - started;
    const loader = new ChangeLoader(open.timeline);
    const { report } = loader;
    using progress = new Progress(terminal, systemClock);
    const status = () => ({
      fraction: source.bytes === undefined ? undefined : lines.bytesRead / source.bytes,
      text: formatWork([`${formatCount(report.changes)} changes`], lines.bytesRead, elapsed()),
    });
    try {
      for (let number = 1; await loadLine(lines, number, options, loader); number++) progress.update(status);
      await loader.flush();
    } catch (error) {
      throw error instanceof LoadError ? stopped(source, error, report) : error;
    } finally {
      await open.timeline.sync();
    }
    progress[Symbol.dispose]();
    const counts = `${formatCount(report.changes)} changes in ${formatCount(report.batches)} batches`;
    const end = `up to LSN ${report.lastLsn}, in ${formatDuration(elapsed())}`;
    await terminal.output.write(`Loaded ${counts}, ${end}\n`);
    return interrupt.signal.aborted ? exitInterrupted : exitOk;
  },
};

/** Where lines come from. */
interface Source {
  name: string;
  stream: ReadableStream<Uint8Array>;
  bytes: number | undefined;
}

async function openSource(path: string | undefined, terminal: Terminal): Promise<Source> {
  if (path === undefined || path === "-") {
    return { name: "standard input", stream: terminal.input(), bytes: undefined };
  }
  const file = await Deno.open(path);
  const { isFile, size } = await file.stat();
  return { name: path, stream: file.readable, bytes: isFile ? size : undefined };
}

/** Loads one line and returns whether there was one. */
async function loadLine(
  lines: ByteReader,
  number: number,
  options: ChangeLineOptions,
  loader: ChangeLoader,
): Promise<boolean> {
  try {
    const line = await lines.readUntil(lineFeed, maxLineBytes);
    if (line === undefined) return false;
    const text = strictUtf8.decode(line);
    if (text.trim() !== "") await loader.add(parseChangeLine(text, options), number);
    return true;
  } catch (error) {
    if (error instanceof LoadError) throw error;
    throw new LoadError(`line ${number}: ${(error as Error).message}`, { cause: error });
  }
}

function stopped(source: Source, error: LoadError, report: LoadReport): LoadError {
  const stored = report.batches === 0
    ? "nothing was stored"
    : `the ${report.changes} changes before are stored, up to LSN ${report.lastLsn}`;
  return new LoadError(`Cannot load ${source.name}, ${error.message} (${stored})`, { cause: error });
}
