/**
 * Finding the redo of a store: a function, or what a module exports, which another thread can load too.
 *
 * @module
 */

import { typeName } from "../../base/mod.ts";
import { type Redo, Redoer } from "./redo.ts";

/** A module that exports a function `redo`. */
export interface RedoModule {
  /** Its URL, or an absolute path. */
  readonly module: URL | string;
}

/** The URL of a module. A path must be absolute: nobody knows which directory another would be in. */
export function moduleUrl(module: URL | string): string {
  if (module instanceof URL) return module.href;
  if (module.startsWith("/")) {
    return new URL(`file://${encodeURI(module).replace(/[?#]/g, encodeURIComponent)}`).href;
  }
  try {
    return new URL(module).href;
  } catch (cause) {
    throw new TypeError(`Cannot load redo: expected a URL or an absolute path, found "${module}"`, { cause });
  }
}

/**
 * Loads what makes values of patches.
 *
 * @param redo The function, or the URL of a module; left out, there is none.
 * @throws {TypeError} If the module cannot be loaded, or exports no function `redo`.
 */
export async function loadRedo(redo: Redo | string | undefined): Promise<Redoer> {
  if (redo === undefined || typeof redo === "function") return new Redoer(redo);
  let exported: unknown;
  try {
    exported = (await import(redo)).redo;
  } catch (cause) {
    throw new TypeError(`Cannot load redo from "${redo}": ${(cause as Error).message}`, { cause });
  }
  if (typeof exported === "function") return new Redoer(exported as Redo);
  const found = `found ${typeName(exported)}`;
  throw new TypeError(
    `Cannot load redo from "${redo}": expected a function "redo" among its exports, ${found}`,
  );
}
