/** What the README's first screen says can be typed as it stands. */

import { assert, assertEquals } from "@std/assert";
import { root, textOf } from "../source.ts";

Deno.test("the README's way to the command line works in an empty folder", async () => {
  const block = /```sh\n(alias varve=[^\n]+)\n([^`]+)```/.exec(textOf("README.md"));
  assert(block !== null);
  const [, alias, commands] = block;
  const folder = await Deno.makeTempDir({ prefix: "varve_test_" });
  try {
    // The runtime that runs this stands for the one that the package registry would give.
    const here = alias.replace("npx -y deno@2.9.6", Deno.execPath());
    const script = ["set -e", here, `cd ${folder}`, commands].join("\n");
    const command = new Deno.Command("sh", { args: ["-c", script], cwd: root });
    const { code, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    assertEquals([code, decoder.decode(stdout).trim().slice(-5)], [0, "hello"], decoder.decode(stderr));
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["store"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
