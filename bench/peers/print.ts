/** Where the harness speaks: results to stdout, progress to stderr. */

const encoder = new TextEncoder();

/** Writes a line of results to stdout. */
export function print(line = ""): void {
  writeAll(Deno.stdout, encoder.encode(line + "\n"));
}

/** Writes a line of progress to stderr. */
export function progress(line: string): void {
  writeAll(Deno.stderr, encoder.encode(line + "\n"));
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}
