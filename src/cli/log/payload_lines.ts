/**
 * Payloads of a log as text:
 *
 * ```text
 * lines    each line is a record; what is no printable text is shown as \xNN
 * --json   {"offset":7,"payload":"text"}, or "payloadBase64" for what is not UTF-8; the offset is not read back
 * --raw    the bytes as they are: all of the input is one record
 * ```
 */

import { concat } from "@std/bytes";
import { LimitError, maxValueBytes } from "../../base/mod.ts";
import type { LogEntry } from "../../log/mod.ts";
import type { Arguments } from "../arguments.ts";
import { LineBlocks } from "../load/line_blocks.ts";
import type { OptionSpecs } from "../options.ts";
import { writeEscaped } from "../terminal/escape.ts";
import { writeField } from "../terminal/json_line.ts";
import type { Output } from "../terminal/output.ts";
import { UsageError } from "../usage_error.ts";

/** How records are written and read. */
export const formOptions: OptionSpecs = {
  "json": { describe: "records as lines of JSON, which keep every byte" },
  "raw": { describe: "bytes as they are" },
};

const decoder = new TextDecoder("utf-8", { fatal: true }), encoder = new TextEncoder();
const lineFeed = 10;

/** Refuses two forms at once. */
export function checkForm(args: Arguments): void {
  if (args.flag("json") && args.flag("raw")) throw new UsageError("--json and --raw exclude each other");
}

/** Shows a record. */
export async function writeEntry(
  args: Arguments,
  output: Output,
  { offset, payload }: LogEntry,
): Promise<void> {
  if (args.flag("raw")) return await output.write(payload);
  if (args.flag("json")) {
    await output.write(`{"offset":${offset},`);
    await writeField(output, "payload", payload);
    return await output.write("}\n");
  }
  await writeEscaped(output, payload);
  await output.write("\n");
}

/**
 * The payloads of an input, several at once.
 *
 * @param args How they are written.
 * @param input The input.
 * @param signal Ends it: whole lines that were read come still, and of one raw payload nothing.
 * @throws {Error} If a line is none that can be appended, once those before it were taken.
 */
export async function* payloadsOf(
  args: Arguments,
  input: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array[]> {
  if (args.flag("raw")) {
    const whole = await wholeOf(input, signal);
    if (whole !== undefined) yield [whole];
    return;
  }
  const read = args.flag("json") ? parseLine : (line: Uint8Array) => line;
  await using blocks = new LineBlocks(input);
  onAbort(signal, () => blocks.cancel());
  let number = 0;
  for (let block = await blocks.next(); block !== undefined; block = await blocks.next()) {
    const payloads: Uint8Array[] = [];
    try {
      for (let at = 0; at < block.length;) {
        const found = block.indexOf(lineFeed, at), end = found < 0 ? block.length : found;
        payloads.push(checkLength(read(block.subarray(at, end), ++number), `line ${number}`));
        at = end + 1;
      }
    } catch (error) {
      yield payloads;
      throw error;
    }
    yield payloads;
  }
}

function onAbort(signal: AbortSignal, cancel: () => Promise<void>): void {
  signal.addEventListener("abort", cancel);
  if (signal.aborted) void cancel();
}

function checkLength(payload: Uint8Array, of: string): Uint8Array {
  const { length: found } = payload, limit = maxValueBytes;
  if (found <= limit) return payload;
  throw new LimitError(`Cannot append ${of}: it is over ${limit} bytes long`, { limit, found });
}

function parseLine(line: Uint8Array, number: number): Uint8Array {
  const fail = (why: string, cause?: unknown) => new Error(`Cannot append line ${number}: ${why}`, { cause });
  let found: { payload?: unknown; payloadBase64?: unknown } | null;
  try {
    found = JSON.parse(decoder.decode(line));
  } catch (error) {
    throw fail("it is no JSON", error);
  }
  const { payload, payloadBase64 } = found ?? {};
  if (typeof payload === "string" && payloadBase64 === undefined) return encoder.encode(payload);
  if (typeof payloadBase64 !== "string" || payload !== undefined) {
    throw fail('expected {"payload"} or {"payloadBase64"}, and a text in it');
  }
  try {
    return Uint8Array.fromBase64(payloadBase64);
  } catch (error) {
    throw fail("its payload is no base64", error);
  }
}

/** All of an input; `undefined` if it was ended before. */
async function wholeOf(
  input: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const reader = input.getReader(), chunks: Uint8Array[] = [];
  onAbort(signal, () => reader.cancel());
  let found = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    chunks.push(read.value);
    found += read.value.length;
    if (found > maxValueBytes) {
      await reader.cancel();
      throw new LimitError(`Cannot append a payload of over ${maxValueBytes} bytes`, {
        limit: maxValueBytes,
        found,
      });
    }
  }
  return signal.aborted ? undefined : concat(chunks);
}
