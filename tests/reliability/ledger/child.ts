/** One part, in a process of its own: `child.ts <part> <budget as JSON>`. What it did is the last line that it prints. */

// deno-lint-ignore-file no-console
import type { Budget } from "./part.ts";
import { parts } from "./parts.ts";

const [name, budget] = Deno.args;
const part = parts.find((one) => one.name === name);
if (part === undefined) {
  throw new TypeError(`Expected one of ${parts.map((one) => one.name)}, found "${name}"`);
}
console.log(JSON.stringify(await part.run(JSON.parse(budget) as Budget)));
