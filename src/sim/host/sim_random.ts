/**
 * Randomness of a simulated machine.
 *
 * @module
 */

import type { Random } from "../../base/mod.ts";
import type { Choices } from "../choices.ts";

/** Randomness that choices decide. */
export function randomOf(choices: Choices): Random {
  return {
    bytes: (length) => {
      const bytes = new Uint8Array(length);
      for (let i = 0; i < length; i++) bytes[i] = choices.choose(256);
      return bytes;
    },
    id: () => choices.choose(2 ** 21) * 2 ** 32 + choices.choose(2 ** 32) || 1,
  };
}
