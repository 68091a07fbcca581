/** A bench that is interrupted leaves no program behind. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { killChildren, runChild } from "../../bench/peers/machine/child.ts";

Deno.test("killChildren() ends a program that runs, and the children that it has", async () => {
  const directory = await Deno.makeTempDir({ prefix: "varve_child_" });
  try {
    // The shell would wait for its child, and the pipe of its output is open as long as the child lives.
    const script = `sleep 20 & : >"${directory}/begun"; wait; : >"${directory}/ended"`;
    const ended = runChild(["sh", "-c", script], { accountPath: `${directory}/account` });
    while (!namesIn(directory).includes("begun")) await new Promise((resolve) => setTimeout(resolve, 10));
    const begin = performance.now();
    killChildren();
    assertNotEquals((await ended).code, 0);
    assertEquals(performance.now() - begin < 10_000, true);
    assertEquals(namesIn(directory), ["begun"]);
    killChildren(); // Nothing runs any more.
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

function namesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted();
}
