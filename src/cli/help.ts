/** The help texts. */

import type { Command } from "./command.ts";
import { commonOptions, type OptionSpec, type OptionSpecs } from "./options.ts";

/** Returns the help of the program. */
export function programHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  const list = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`).join("\n");
  return `Varve keeps every version of every key.

Usage: varve <command> <store> …

Commands:
${list}

  varve <command> --help   shows what a command takes, as "varve help <command>" does
  varve --version          shows the version

Exit codes: 0 done, 1 failed or key absent, 2 asked wrongly, 3 damaged, 4 cannot be opened,
            5 not as expected, 130 interrupted
`;
}

/** Returns the help of a command. */
export function commandHelp(command: Command): string {
  const usages = command.usages ?? [command.positionals.join(" ")];
  const usage = usages.map((words) => `varve ${command.name} ${words} [options]`).join("\n       ");
  const details = command.details === undefined ? "" : `\n${command.details.trim()}\n`;
  const common = Object.fromEntries(
    Object.entries(commonOptions).filter(([name]) => !(name in command.options)),
  );
  const own = Object.keys(command.options).length === 0 ? "" : `${optionLines(command.options)}\n`;
  return `${capital(command.summary)}.

Usage: ${usage}
${details}
Options:
${own}${optionLines(common)}
`;
}

function optionLines(options: OptionSpecs): string {
  const shown = Object.entries(options).filter(([, { isHidden }]) => isHidden !== true);
  return shown.map(([name, spec]) => {
    const option = `--${name}${valueOf(spec)}`;
    return `  ${option.padEnd(20)}  ${spec.describe}`;
  }).join("\n");
}

function valueOf({ value, otherwise }: OptionSpec): string {
  if (value === undefined) return "";
  return otherwise === undefined ? ` ${value}` : `[=${value}]`;
}

function capital(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
