/**
 * Paths of stores.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/**
 * Returns the path of a `file:` URL.
 *
 * @throws {TypeError} If it is another kind of URL.
 */
export function fromFileUrl(url: URL): string {
  return fileURLToPath(url).replace(/(?<=.)\/+$/, "");
}
