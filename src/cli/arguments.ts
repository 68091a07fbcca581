/** The arguments of a command, checked against what it takes. */

import type { Key, Lsn, Value } from "../base/mod.ts";
import { parseKeyParts } from "./key_parts.ts";
import { type ArgumentSpecs, commonOptions } from "./options.ts";
import { parseOptions } from "./parse_options.ts";
import { UsageError } from "./usage_error.ts";

/** A date, and a time behind it with or without seconds and a zone. */
const datePattern = /^(\d{4}-\d{2}-\d{2})([T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

/** The options that take a key of several parts, of which one may be given. */
const keyPartsNames = ["key-parts", "key"];

/** A key of several parts, and the option that it was given by. */
export interface GivenKeyParts {
  /** The option, without its dashes. */
  readonly option: string;
  /** The key. */
  readonly key: Uint8Array;
}

/** What a command was asked. */
export class Arguments {
  /** What was given besides options; as many as are needed, at least. */
  readonly positionals: readonly string[];
  readonly #names: readonly string[];
  readonly #values: Readonly<Record<string, string | boolean | undefined>>;

  /**
   * Parses and checks the arguments of a command.
   *
   * @param command What it takes.
   * @param args The arguments after its name.
   * @throws {UsageError} If the command does not take them.
   */
  constructor(command: ArgumentSpecs, args: readonly string[]) {
    const specs = { ...commonOptions, ...command.options };
    const { values, positionals } = parseOptions(specs, args);
    this.#values = values;
    this.positionals = positionals;
    // A key of parts stands for the one among the arguments.
    const hasParts = keyPartsNames.some((name) => values[name] !== undefined);
    this.#names = command.positionals.filter((name) => !hasParts || !/\bkey\b/.test(name));
    if (this.flag("help")) return;
    checkPositionals(this.#names, positionals);
    for (const [name, { choices }] of Object.entries(specs)) {
      const text = this.text(name);
      if (text === undefined || choices === undefined || choices.includes(text)) continue;
      throw new UsageError(`--${name} takes ${choices.join(", ")}, not "${text}"`);
    }
  }

  /** Whether a switch was given. */
  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  /** The value of an option, if it was given. */
  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  /**
   * The value of an option that is an LSN.
   *
   * @param name The option.
   * @param least The smallest LSN that makes sense.
   * @throws {UsageError} If it is none.
   */
  lsn(name: string, least = 0): Lsn | undefined {
    return this.#integer(name, least, `an LSN from ${least} on`);
  }

  /**
   * The value of an option that is a date or a moment: `2026-01-31`, its first moment, or `2026-01-31T08:30`, also with
   * seconds, and with `Z` or an offset such as `+02:00`. Without one, both are local.
   *
   * @param name The option.
   * @throws {UsageError} If it is none.
   */
  date(name: string): Date | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const parts = datePattern.exec(text), day = parts?.[1] ?? "";
    const date = parts?.[2] === undefined ? new Date(`${day}T00:00`) : new Date(text.replace(" ", "T"));
    // A day that a month does not have would be one of the next month.
    const isDay = new Date(`${day}T00:00Z`).toJSON()?.startsWith(day);
    if (isDay && !Number.isNaN(date.getTime())) return date;
    throw new UsageError(`--${name} takes a date such as 2026-01-31 or 2026-01-31T08:30:00Z, not "${text}"`);
  }

  /**
   * The value of an option that is a count.
   *
   * @param name The option.
   * @throws {UsageError} If it is none.
   */
  count(name: string): number | undefined {
    return this.#integer(name, 0, "a count");
  }

  /** The argument of a name such as `<key>`, if it was given. */
  positional(name: string): string | undefined {
    const at = this.#names.indexOf(name);
    return at < 0 ? undefined : this.positionals[at];
  }

  /**
   * The key: `<key>`, or the parts of `--key-parts`.
   *
   * @throws {UsageError} If it cannot be read.
   */
  key(): Key {
    return this.keyParts?.key ?? this.bytes(this.positional("<key>") ?? "");
  }

  /**
   * The key, and those behind it of a command that takes `[key…]`.
   *
   * @throws {UsageError} If one of them cannot be read.
   */
  keys(): Key[] {
    const parts = this.keyParts;
    if (parts !== undefined) return [parts.key];
    return this.positionals.slice(this.#names.indexOf("<key>")).map((text) => this.bytes(text));
  }

  /**
   * The key of several parts, or the prefix, if one was given.
   *
   * @throws {UsageError} If it is none.
   */
  get keyParts(): GivenKeyParts | undefined {
    const [option, other] = keyPartsNames.filter((name) => this.text(name) !== undefined);
    if (option === undefined) return undefined;
    if (other !== undefined) throw new UsageError(`--${option} and --${other} are the same`);
    try {
      return { option, key: parseKeyParts(this.text(option) as string) };
    } catch (error) {
      throw new UsageError(`--${option} takes parts such as '["user",42]': ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Whether structured keys are shown as their parts: if that was asked for, or a key was given so and not as bytes. */
  get showsParts(): boolean {
    return this.flag("parts") || this.keyParts !== undefined && !this.flag("raw");
  }

  /**
   * The value of an option that is a time in seconds, in milliseconds.
   *
   * @param name The option.
   * @throws {UsageError} If it is none.
   */
  milliseconds(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (text === "Infinity" || /^[0-9]+(\.[0-9]+)?$/.test(text)) return Number(text) * 1000;
    throw new UsageError(`--${name} takes seconds, not "${text}"`);
  }

  /**
   * A key or value of the command line: its UTF-8, or with `--base64` what it decodes to.
   *
   * @param text The argument.
   * @throws {UsageError} If it is no base64 where it should be.
   */
  bytes(text: string): Value {
    if (!this.flag("base64")) return text;
    try {
      return Uint8Array.fromBase64(text);
    } catch {
      throw new UsageError(`"${text}" is not base64`);
    }
  }

  /**
   * The value of an option that is a key, or where keys begin or end, as {@linkcode bytes} reads it.
   *
   * @param name The option.
   * @throws {UsageError} If it is no base64 where it should be.
   */
  bound(name: string): Value | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : this.bytes(text);
  }

  #integer(name: string, least: number, what: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = wholeNumber(text);
    if (number !== undefined && number >= least) return number;
    throw new UsageError(`--${name} takes ${what}, not "${text}"`);
  }
}

/** A whole number that was given; `undefined` if it is none, or too large. */
export function wholeNumber(text: string): number | undefined {
  const number = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

function checkPositionals(names: readonly string[], given: readonly string[]): void {
  const needed = names.filter((name) => name.startsWith("<"));
  if (given.length < needed.length) throw new UsageError(`${needed[given.length]} is missing`);
  if (given.length > names.length && !names.at(-1)?.endsWith("…]")) {
    throw new UsageError(`"${given[names.length]}" is one argument too many`);
  }
}
