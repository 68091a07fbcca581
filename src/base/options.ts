/** Checks of options that callers give. */

import { typeName } from "./type_name.ts";

/**
 * Checks that options are an object that has no other names than those that are known: a name that is mistyped would
 * otherwise do nothing in silence.
 *
 * @param action What the options are for, such as `"read"`.
 * @param options What the caller gave.
 * @param names The names that are known.
 * @throws {TypeError} If it is not an object, or has another name.
 */
export function checkNames(action: string, options: object, names: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot ${action}: expected options, found ${typeName(options)}`);
  }
  for (const name in options) {
    if (!names.includes(name)) {
      throw new TypeError(
        `Cannot ${action}: unknown option "${name}", expected ${names.join(", ") || "none"}`,
      );
    }
  }
}

/**
 * Checks a flag.
 *
 * @param action What it is for, such as `"read"`.
 * @param name Its name.
 * @param value What the caller gave.
 * @returns Whether it is set; `false` if it was left out.
 * @throws {TypeError} If it is not a boolean.
 */
export function checkFlag(action: string, name: string, value: unknown): boolean {
  if (value === undefined || typeof value === "boolean") return value === true;
  throw new TypeError(`Cannot ${action}: expected "${name}" to be a boolean, found ${typeName(value)}`);
}

/**
 * Checks how many of something there may be.
 *
 * @param action What it is for, such as `"scan"`.
 * @param value What the caller gave.
 * @returns A whole number, or `Infinity` if it was left out.
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is not a whole number of 0 or more.
 */
export function checkLimit(action: string, value: unknown): number {
  if (value === undefined || value === Infinity) return Infinity;
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${action}: expected "limit" to be a number, found ${typeName(value)}`);
  }
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`Cannot ${action}: expected a limit of 0 or more, found ${value}`);
  }
  return value;
}
