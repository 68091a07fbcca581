/** Stores with patches, whose redo joins texts: what patches stand on, and `+` and each of them. */

import type { Redo, Timeline } from "../../../mod.ts";

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
