/** What the tests of the command line speak in: the program, and a terminal. */

import { Output, type Terminal } from "../../src/cli/mod.ts";
import { feed, type TemporaryFolder } from "../git/fixture.ts";

/** The program. */
export const program: string = new URL("../../cli.ts", import.meta.url).href;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How a run of the program ended. */
export interface Ran {
  code: number;
  out: string;
  bytes: Uint8Array;
  err: string;
}

/** Starts the program with no more permissions than it needs in `folder`, by another one if that is given. */
export function startVarve(
  folder: TemporaryFolder,
  args: string[],
  by: readonly string[] = [],
): Deno.ChildProcess {
  const [starter, ...starterArgs] = [...by, Deno.execPath()];
  return new Deno.Command(starter, {
    args: [
      ...starterArgs,
      "run",
      "--no-prompt",
      `--allow-read=${folder.path}`,
      `--allow-write=${folder.path}`,
      "--allow-run=git",
      program,
      ...args,
    ],
    cwd: folder.path,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs the program to its end. */
export async function varve(
  folder: TemporaryFolder,
  args: string[],
  input: string | Uint8Array = "",
  by?: readonly string[],
): Promise<Ran> {
  const child = startVarve(folder, args, by);
  const fed = feed(child, typeof input === "string" ? encoder.encode(input) : input);
  const { code, stdout, stderr } = await child.output();
  await fed;
  return { code, out: decoder.decode(stdout), bytes: stdout, err: decoder.decode(stderr) };
}

/** What stands on standard error but for how far a work has come, which is told every 5 s: a busy machine takes longer. */
export function withoutProgress(err: string): string {
  return err.replace(/^\d[^\n]* {2}[\d.]+ MiB {2}[\d.]+ MiB\/s {2}(?:\d+:)?\d+:\d\d\n/gm, "");
}

/** A terminal that keeps what is written to it. */
export class FakeTerminal implements Terminal {
  readonly notes: string[] = [];
  readonly written: Uint8Array[] = [];
  /** Who writes waits for it. */
  held: Promise<unknown> = Promise.resolve();
  readonly output: Output = new Output({
    write: async (bytes) => {
      this.written.push(bytes.slice());
      await this.held;
      return bytes.length;
    },
  });

  constructor(
    readonly notesAreSeen: boolean = false,
    readonly width: number = 80,
    readonly outputIsSeen: boolean = false,
  ) {}

  input(): ReadableStream<Uint8Array> {
    return ReadableStream.from([]);
  }

  note(text: string): void {
    this.notes.push(text);
  }

  columns(): number {
    return this.width;
  }
}
