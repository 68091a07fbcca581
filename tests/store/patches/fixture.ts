/** Stores with patches, whose redo joins texts: what patches stand on, and `+` and each of them. */

import { assertInstanceOf } from "@std/assert";
import { type ChangesOptions, ConflictError, type Redo, type Timeline } from "../../../mod.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** See the top of the file. */
export const redo: Redo = (_key, base, patches) => encoder.encode(joinedTexts(base, patches));

function joinedTexts(base: Uint8Array | undefined, patches: readonly Uint8Array[]): string {
  return [base === undefined ? "-" : decoder.decode(base), ...patches.map((one) => decoder.decode(one))].join(
    "+",
  );
}

/** A value as text; `undefined` for none. */
export function textOf(value: Uint8Array | undefined): string | undefined {
  return value && decoder.decode(value);
}

/** Appends batches of one change each: `a=1` puts, `a+1` patches, `a!` deletes, `/` freezes. */
export async function write(timeline: Timeline, program: string): Promise<void> {
  for (const word of program.split(" ")) {
    const [, key, verb, text] = /^(\w*)([=+!\/])(.*)$/.exec(word)!;
    if (verb === "/") await timeline.freeze();
    else if (verb === "=") await timeline.append([{ key, value: text }]);
    else if (verb === "+") await timeline.append([{ key, patch: text }]);
    else await timeline.append([{ key, delete: true }]);
  }
}

/** What a feed tells, in words: `3: a=1 a+2 b!`. Long values are cut. */
export async function told(timeline: Timeline, options: ChangesOptions = {}): Promise<string[]> {
  const batches = await Array.fromAsync(timeline.changes(options));
  return batches.map(({ lsn, changes }) => {
    const words = changes.map((change) => {
      const key = textOf(change.key);
      if ("delete" in change) return `${key}!`;
      return "patch" in change ? `${key}+${cut(change.patch)}` : `${key}=${cut(change.value)}`;
    });
    return `${lsn}: ${words.join(" ")}`;
  });
}

function cut(bytes: Uint8Array): string {
  return decoder.decode(bytes.subarray(0, 8));
}

/** Whether an append that expects an LSN of a key is applied; what was found, if it is not. */
export async function expects(
  timeline: Timeline,
  key: string,
  lsn: number | undefined,
): Promise<number | undefined | true> {
  const ended = await timeline.append([{ key: "other", value: "" }], { expect: [{ key, lsn }] }).catch((
    error,
  ) => error);
  if (typeof ended === "number") return true;
  assertInstanceOf(ended, ConflictError);
  return ended.found;
}
