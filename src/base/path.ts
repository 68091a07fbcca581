/** The paths that callers give. */

import { fileURLToPath } from "node:url";
import { typeName } from "./type_name.ts";

/**
 * The path that a caller gave as text or as a URL.
 *
 * @param action What it is for, such as `"open store"`.
 * @param path What the caller gave.
 * @throws {TypeError} If it is neither, or is empty, or is a URL that is not `file:`.
 */
export function pathOf(action: string, path: string | URL): string {
  if (path instanceof URL && path.protocol !== "file:") {
    throw new TypeError(`Cannot ${action}: expected a "file:" URL, found "${path.protocol}"`);
  }
  const text = path instanceof URL ? fileURLToPath(path) : path;
  if (typeof text !== "string") {
    throw new TypeError(`Cannot ${action}: expected a path or a URL, found ${typeName(text)}`);
  }
  if (text === "") throw new TypeError(`Cannot ${action}: the path is empty`);
  return text;
}
