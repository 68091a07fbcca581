/** Says how nice its thread is, before and after it gave way. */

import { giveWay } from "../../../src/io/mod.ts";

const niceness = () => {
  const stat = Deno.readTextFileSync("/proc/thread-self/stat");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
};
const before = niceness();
giveWay();
(globalThis as unknown as Worker).postMessage([before, niceness()]);
