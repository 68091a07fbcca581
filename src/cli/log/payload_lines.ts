/**
 * Payloads of a log as text:
 *
 * ```text
 * lines    each line is a record; what is no printable text is shown as \xNN
 * --json   {"offset":7,"payload":"text"}, or "payloadBase64" for what is not UTF-8; the offset is not read back
 * --raw    the bytes as they are: all of the input is one record
 * ```
 */

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

/** The payloads of an input, several at once. */
export async function* payloadsOf(
  args: Arguments,
  input: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array[]> {
  if (args.flag("raw")) return yield [await wholeOf(input)];
  const read = args.flag("json") ? parseLine : (line: Uint8Array) => line;
  await using blocks = new LineBlocks(input);
  let number = 0;
  for (let block = await blocks.next(); block !== undefined; block = await blocks.next()) {
    const payloads: Uint8Array[] = [];
    for (let at = 0; at < block.length;) {
      const found = block.indexOf(lineFeed, at), end = found < 0 ? block.length : found;
      payloads.push(read(block.subarray(at, end), ++number));
      at = end + 1;
    }
    yield payloads;
  }
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

async function wholeOf(input: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let found = 0;
  for await (const chunk of input) {
    chunks.push(chunk);
    found += chunk.length;
    if (found > maxValueBytes) {
      throw new LimitError(`Cannot append a payload of over ${maxValueBytes} bytes`, {
        limit: maxValueBytes,
        found,
      });
    }
  }
  const whole = new Uint8Array(found);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
