/** How the holder of a store speaks to who started it. */

const encoder = new TextEncoder();

/** Says a line: one small write, which a pipe takes whole or not at all. */
export function say(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line.replaceAll("\n", " ")}\n`));
}
