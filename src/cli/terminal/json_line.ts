/**
 * One JSON object per line, the shape that `--json` writes and `load` reads:
 *
 * ```text
 * {"key":"a","lsn":3,"value":"text"}               a key and a value that are UTF-8
 * {"keyBase64":"/w==","lsn":3,"valueBase64":"AP8="}  either of them, if it is not
 * {"keyParts":["a",1],"lsn":3,"value":"text"}      a structured key, if parts are asked for
 * {"key":"a","lsn":4,"delete":true}                a deletion, in a history
 * {"key":"a","lsn":5,"patch":"text"}               a patch, in a feed
 * {"key":"a","before":"1","after":"2"}             a difference, without what there is not; no load reads it
 * ```
 */

import { isUtf8 } from "node:buffer";
import type { Lsn } from "../../base/mod.ts";
import { formatKeyParts } from "../key_parts.ts";
import { characterSlices } from "./escape.ts";
import type { Output } from "./output.ts";

/** The most bytes that are turned into base64 at once: a multiple of 3, so that the pieces join. */
const sliceBytes = 48 * 1024;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What one line says. */
export interface JsonLine {
  /** The key. */
  key: Uint8Array;
  /** Whether a structured key is shown as its parts. */
  asParts?: boolean;
  /** Where in history, if that is known. */
  lsn: Lsn | undefined;
  /** The value, or the patch; `undefined` for a deletion. */
  value: Uint8Array | undefined;
  /** Whether it is a patch. */
  isPatch?: boolean;
}

/**
 * Writes one line, without ever holding all of its text.
 *
 * @param output Where to.
 * @param line What to write.
 */
export async function writeJsonLine(output: Output, line: JsonLine): Promise<void> {
  await output.write("{");
  await writeKey(output, line);
  if (line.lsn !== undefined) await output.write(`,"lsn":${line.lsn}`);
  await output.write(",");
  if (line.value === undefined) await output.write('"delete":true');
  else await writeField(output, line.isPatch ? "patch" : "value", line.value);
  await output.write("}\n");
}

/** What differs of one key. */
export interface JsonDifference extends Pick<JsonLine, "key" | "asParts"> {
  /** Its value as of the first LSN, if it had one. */
  before: Uint8Array | undefined;
  /** Its value as of the second LSN, if it had one. */
  after: Uint8Array | undefined;
}

/** Writes what differs of one key as a line; see {@linkcode writeJsonLine}. */
export async function writeJsonDifference(output: Output, difference: JsonDifference): Promise<void> {
  await output.write("{");
  await writeKey(output, difference);
  for (const name of ["before", "after"] as const) {
    const value = difference[name];
    if (value === undefined) continue;
    await output.write(",");
    await writeField(output, name, value);
  }
  await output.write("}\n");
}

async function writeKey(output: Output, { key, asParts }: Pick<JsonLine, "key" | "asParts">): Promise<void> {
  const parts = asParts ? formatKeyParts(key) : undefined;
  if (parts === undefined) await writeField(output, "key", key);
  else await output.write(`"keyParts":${jsonSafe(parts)}`);
}

/** Writes a member: text as it is, other bytes as base64 under a name that says so. */
export async function writeField(output: Output, name: string, bytes: Uint8Array): Promise<void> {
  const text = isUtf8(bytes);
  await output.write(text ? `"${name}":"` : `"${name}Base64":"`);
  if (text) {
    for (const slice of characterSlices(bytes)) await output.write(jsonCharacters(decoder.decode(slice)));
  } else {
    for (let i = 0; i < bytes.length; i += sliceBytes) {
      await output.write(bytes.subarray(i, i + sliceBytes).toBase64());
    }
  }
  await output.write('"');
}

/** The inside of a JSON string; control characters that JSON would allow are escaped too. */
function jsonCharacters(text: string): string {
  return jsonSafe(JSON.stringify(text).slice(1, -1));
}

/** JSON without the control characters that it would allow. */
export function jsonSafe(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
