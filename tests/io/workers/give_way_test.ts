import { assertEquals } from "@std/assert";
import { Libc, openLibc } from "../../../src/io/posix/libc.ts";

const found = openLibc();
const ignore = !(found instanceof Libc);
if (found instanceof Libc) found[Symbol.dispose]();

Deno.test({
  name: "giveWay() makes the thread that calls it nicer, and no other",
  ignore,
  fn: async () => {
    const niceness = () => {
      const stat = Deno.readTextFileSync("/proc/self/stat");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
    };
    const own = niceness();
    const worker = new Worker(new URL("./give_way_worker.ts", import.meta.url), { type: "module" });
    const said = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
    worker.terminate();
    assertEquals(said, [own, Math.min(19, own + 5)]);
    assertEquals(niceness(), own);
  },
});
