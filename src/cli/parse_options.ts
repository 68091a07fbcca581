/**
 * Options and positionals out of words.
 *
 * ```text
 * --limit 5  --limit=5  --limit -5     a value; a dash and a digit begin no option
 * --start -x                           refused: is -x a value, or an option? --start=-x says that it is a value
 * --wait  --wait=5                     a value that may be left out stands behind "="
 * -- -x                                what follows "--" is a positional, whatever it begins with
 * ```
 */

import { parseArgs } from "node:util";
import type { OptionSpec, OptionSpecs } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** What was given. */
export interface ParsedOptions {
  /** Values of options and, of those without, whether they were given. */
  values: Record<string, string | boolean | undefined>;
  /** What was given besides. */
  positionals: string[];
}

/** How the parser tells of an option. */
interface OptionToken {
  kind: "option";
  index: number;
  name: string;
  rawName: string;
  value: string | undefined;
  inlineValue: boolean | undefined;
}

/**
 * Parses the arguments of a command.
 *
 * @param specs The options that it takes.
 * @param args The arguments.
 * @returns What was given.
 * @throws {UsageError} If an option is unknown, lacks its value or has one that it does not take.
 */
export function parseOptions(specs: OptionSpecs, args: readonly string[]): ParsedOptions {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { value, short }]) => {
      const type: "string" | "boolean" = value === undefined ? "boolean" : "string";
      return [name, short === undefined ? { type } : { type, short }];
    }),
  );
  // Strict, the parser would refuse in words of its own.
  const { values, positionals, tokens } = parseArgs({
    args: filled(specs, args),
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) if (token.kind === "option") checkOption(specs, token, args[token.index]);
  return { values, positionals };
}

/** The arguments, where each option that was given without its value has the one that it then has. */
function filled(specs: OptionSpecs, args: readonly string[]): string[] {
  const end = args.indexOf("--");
  return args.map((arg, i) => {
    const otherwise = end >= 0 && i > end ? undefined : specOf(specs, arg)?.otherwise;
    if (otherwise === undefined) return arg;
    refuseSeparateValue(arg, args[i + 1]);
    return `${arg}=${otherwise}`;
  });
}

/** A number there would be an argument of the command, though whoever wrote it may have meant a value. */
function refuseSeparateValue(option: string, next: string | undefined): void {
  if (next === undefined || !/^-?[0-9.]+$/.test(next)) return;
  throw new UsageError(
    `"${next}" follows ${option}: write ${option}=${next}, or ${option} behind the other arguments`,
  );
}

function checkOption(specs: OptionSpecs, token: OptionToken, given: string): void {
  const spec = specOf(specs, `--${token.name}`);
  if (spec === undefined) throw unknownOption(token, given);
  const { rawName, value } = token;
  if (spec.value === undefined) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
    return;
  }
  if (value === undefined || (!token.inlineValue && isOption(specs, value))) {
    throw new UsageError(`${rawName} lacks its value: ${rawName} ${spec.value}`);
  }
  if (token.inlineValue || !/^-[^0-9]/.test(value)) return;
  throw new UsageError(`"${value}" begins with a dash: write ${rawName}=${value} if it is the value`);
}

function unknownOption({ rawName }: OptionToken, given: string): UsageError {
  if (rawName.startsWith("--")) return new UsageError(`${rawName} is no option`);
  return new UsageError(`"${given}" is no option, and an argument that begins with a dash goes behind "--"`);
}

/** Whether a word is an option that there is, or ends the options. */
function isOption(specs: OptionSpecs, word: string): boolean {
  const isShort = Object.values(specs).some(({ short }) => short !== undefined && word === `-${short}`);
  return word === "--" || isShort || specOf(specs, word.replace(/=.*/s, "")) !== undefined;
}

function specOf(specs: OptionSpecs, word: string): OptionSpec | undefined {
  const name = word.slice("--".length);
  return word.startsWith("--") && Object.hasOwn(specs, name) ? specs[name] : undefined;
}
