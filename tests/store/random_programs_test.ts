/**
 * Random programs over a store, with chosen LSNs, failures, deaths, full disks and renamed directories, on every engine
 * and on a disk in memory whose power fails. `deno task soak:programs` runs them for as long as one likes.
 */

import { diskNames, reasonAgainst } from "../soak/programs/disks.ts";
import { runProgram } from "../soak/random_programs.ts";
import { seeds } from "../random.ts";

const programs = 3;

for (const name of diskNames) {
  const skip = await reasonAgainst(name);
  Deno.test({
    name: `Store keeps what it acknowledged, and a prefix of the rest, in any program (${name})${
      skip === undefined ? "" : ` — absent: ${skip}`
    }`,
    ignore: skip !== undefined,
    fn: async () => {
      for (const seed of seeds(`programs ${name}`, programs)) await runProgram(name, seed);
    },
  });
}
