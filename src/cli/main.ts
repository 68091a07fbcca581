/** The command line: finds the command, runs it, and turns its end into an exit code. */

import deno from "../../deno.json" with { type: "json" };
import { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { diffCommand, tailCommand } from "./commands/changes.ts";
import { compactCommand } from "./commands/compact.ts";
import { gcCommand } from "./commands/gc.ts";
import { importGitCommand } from "./commands/import_git.ts";
import { layersCommand, statsCommand } from "./commands/inspect.ts";
import { loadCommand } from "./commands/load.ts";
import { logAppendCommand } from "./log/log_append.ts";
import { logCatCommand, logInfoCommand, logTailCommand, logTruncateCommand } from "./log/log_commands.ts";
import { getCommand, historyCommand, scanCommand } from "./commands/read.ts";
import { salvageCommand } from "./commands/salvage.ts";
import { branchCommand, dropCommand, timelinesCommand } from "./commands/timelines.ts";
import { topCommand } from "./commands/top.ts";
import { verifyCommand } from "./commands/verify.ts";
import { createCommand, deleteCommand, putCommand } from "./commands/write.ts";
import { escapeText } from "./terminal/escape.ts";
import { hintOf } from "./terminal/hint.ts";
import { ConflictError, CorruptionError } from "../base/mod.ts";
import { exitConflict, exitDamaged, exitFailure, exitInterrupted, exitOk, exitUsage } from "./exit_code.ts";
import { commandHelp, programHelp } from "./help.ts";
import { InterruptedError } from "./interrupt.ts";
import { ClosedOutputError, unlessClosed } from "./terminal/output.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { UsageError } from "./usage_error.ts";

const commands: readonly Command[] = [
  createCommand,
  loadCommand,
  importGitCommand,
  putCommand,
  deleteCommand,
  getCommand,
  scanCommand,
  historyCommand,
  tailCommand,
  diffCommand,
  branchCommand,
  timelinesCommand,
  dropCommand,
  layersCommand,
  statsCommand,
  topCommand,
  compactCommand,
  gcCommand,
  verifyCommand,
  salvageCommand,
  logAppendCommand,
  logCatCommand,
  logTailCommand,
  logInfoCommand,
  logTruncateCommand,
];

/**
 * Runs the command line.
 *
 * @param args The arguments, without the name of the program.
 * @param terminal Where it reads and writes. All output is written when the promise resolves.
 * @returns The exit code.
 */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const code = await dispatch(args, terminal);
    // Whoever stopped to read may still ask how it ended.
    await unlessClosed(terminal.output.flush());
    return code;
  } catch (error) {
    if (error instanceof ClosedOutputError) return exitOk;
    return await fail(error, terminal, args[0]);
  }
}

async function dispatch(args: readonly string[], terminal: Terminal): Promise<number> {
  const command = findCommand(args);
  if (command === undefined) return await withoutCommand(args, terminal);
  try {
    const parsed = new Arguments(command, args.slice(command.name.split(" ").length));
    if (!parsed.flag("help")) return await command.run(parsed, terminal) ?? exitOk;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message} (see "varve ${command.name} --help")`, { cause: error });
  }
  await terminal.output.write(commandHelp(command));
  return exitOk;
}

function findCommand(args: readonly string[]): Command | undefined {
  return commands.find(({ name }) => name.split(" ").every((word, i) => word === args[i]));
}

async function withoutCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = args, longer = longerCommand(first);
  if (first === "--version") {
    await terminal.output.write(`varve ${deno.version}\n`);
  } else if (longer !== undefined && (rest[0] === "--help" || rest[0] === "-h")) {
    await terminal.output.write(commandHelp(longer));
  } else if (first === "--help" || first === "-h" || first === "help") {
    const asked = findCommand(rest) ?? (rest.length === 1 ? longerCommand(rest[0]) : undefined);
    if (asked === undefined && rest.length > 0) throw noCommand(rest);
    await terminal.output.write(asked === undefined ? programHelp(commands) : commandHelp(asked));
  } else {
    throw noCommand(args);
  }
  return exitOk;
}

/** The command of two words of which the first is given. */
function longerCommand(first: string | undefined): Command | undefined {
  return commands.find(({ name }) => name.startsWith(`${first} `));
}

/** Says what is wrong with arguments that do not begin with a command. */
function noCommand([first, second]: readonly string[]): UsageError {
  if (first === undefined) return new UsageError('A command is missing (see "varve --help")');
  if (first.startsWith("-")) {
    return new UsageError(`The command comes first, found "${first}" (see "varve --help")`);
  }
  const longer = longerCommand(first);
  if (longer === undefined) return new UsageError(`"${first}" is no command (see "varve --help")`);
  const given = second === undefined || second.startsWith("-") ? first : `${first} ${second}`;
  return new UsageError(`"${given}" is no command, "${longer.name}" is (see "varve ${longer.name} --help")`);
}

/** Says in one line what is wrong, after the output so far. */
async function fail(error: unknown, terminal: Terminal, command: string | undefined): Promise<number> {
  await terminal.output.flush().catch(() => {});
  const cause = firstFailure(error);
  const message = cause instanceof Error ? cause.message : String(cause);
  terminal.note(`varve: ${escapeText(message)}${hintOf(cause, command)}\n`);
  if (cause instanceof InterruptedError) return exitInterrupted;
  if (cause instanceof CorruptionError) return exitDamaged;
  if (cause instanceof ConflictError) return exitConflict;
  return cause instanceof UsageError ? exitUsage : exitFailure;
}

/** What failed first, where closing the store then failed too. */
function firstFailure(error: unknown): unknown {
  return error instanceof SuppressedError ? firstFailure(error.suppressed) : error;
}
