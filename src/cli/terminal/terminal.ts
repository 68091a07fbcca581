/** The standard streams of the program, as the commands see them. */

import { Output } from "./output.ts";

const usualColumns = 80;
const encoder = new TextEncoder();

/** Where a command reads from and writes to. */
export interface Terminal {
  /** Standard input, opened at the first call. */
  input(): ReadableStream<Uint8Array>;
  /** Standard output. */
  readonly output: Output;
  /** Whether standard output is a terminal, which bytes as they are might harm. */
  readonly outputIsSeen: boolean;
  /** Writes to standard error at once. */
  note(text: string): void;
  /** Whether standard error is a terminal, so that a line may be drawn over. */
  readonly notesAreSeen: boolean;
  /** The width of that terminal in characters. */
  columns(): number;
}

/** The standard streams of this process. */
export function systemTerminal(): Terminal {
  return {
    input: () => Deno.stdin.readable,
    output: new Output(Deno.stdout),
    outputIsSeen: Deno.stdout.isTerminal(),
    note: writeNote,
    notesAreSeen: Deno.stderr.isTerminal(),
    columns: terminalColumns,
  };
}

function writeNote(text: string): void {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
  } catch {
    // Nobody reads the notes; the work goes on without them.
  }
}

function terminalColumns(): number {
  try {
    // Some terminals say that they have no columns at all.
    return Deno.consoleSize().columns || usualColumns;
  } catch {
    return usualColumns;
  }
}
