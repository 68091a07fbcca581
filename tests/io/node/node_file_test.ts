import { assertEquals } from "@std/assert";
import { constants, openSync } from "node:fs";
import { dirname } from "node:path";
import { type DescriptorBudget, NodeFile } from "../../../src/io/node/node_file.ts";
import { openPaths } from "../engine_contract.ts";

interface Scene {
  file: NodeFile;
  path: string;
  budget: DescriptorBudget;
}

function test(name: string, spare: number, body: (scene: Scene) => Promise<void>): void {
  const fn = async () => {
    const path = await Deno.makeTempFile({ prefix: "varve_test_" });
    const budget = { left: spare };
    const file = new NodeFile(openSync(path, "r"), { path, direct: false }, constants.O_RDONLY, budget);
    try {
      await body({ file, path, budget });
    } finally {
      file.close();
      assertEquals(budget.left, spare);
      await Deno.remove(path);
    }
  };
  Deno.test({ name, sanitizeResources: true, sanitizeOps: true, fn });
}

/** Borrows a descriptor until it is given back. */
function borrow(file: NodeFile): { fd: () => number | undefined; giveBack: () => Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let lent: number | undefined;
  const over = file.lend((fd) => {
    lent = fd;
    return promise;
  });
  return {
    fd: () => lent,
    giveBack: async () => {
      resolve();
      await over;
    },
  };
}

test(
  "NodeFile.lend() opens the file again when every descriptor is lent",
  8,
  async ({ file, budget }) => {
    const borrowed = Array.from({ length: 3 }, () => borrow(file));
    assertEquals(new Set(borrowed.map(({ fd }) => fd())).size, 3);
    assertEquals(budget.left, 6);
    for (const { giveBack } of borrowed) await giveBack();
    const again = borrow(file);
    assertEquals(budget.left, 6);
    await again.giveBack();
  },
);

test("NodeFile.lend() waits when the budget is spent", 1, async ({ file }) => {
  const [first, second, third, fourth] = Array.from({ length: 4 }, () => borrow(file));
  assertEquals([third.fd(), fourth.fd()], [undefined, undefined]);
  await second.giveBack();
  await Promise.resolve();
  assertEquals([third.fd(), fourth.fd()], [second.fd(), undefined]);
  await third.giveBack();
  await first.giveBack();
  await fourth.giveBack();
});

test("NodeFile.lend() waits when the path leads to another file", 8, async ({ file, path, budget }) => {
  await Deno.rename(path, `${path}-renamed`);
  await Deno.writeFile(path, new Uint8Array());
  const [first, second] = [borrow(file), borrow(file)];
  assertEquals([second.fd(), budget.left], [undefined, 8]);
  await first.giveBack();
  await second.giveBack();
  assertEquals(openPaths(dirname(path)).filter((open) => open === path), []);
  await Deno.remove(`${path}-renamed`);
});

test("NodeFile.lend() waits when the path leads nowhere", 8, async ({ file, path, budget }) => {
  await Deno.rename(path, `${path}-renamed`);
  const [first, second] = [borrow(file), borrow(file)];
  assertEquals([second.fd(), budget.left], [undefined, 8]);
  await first.giveBack();
  await second.giveBack();
  await Deno.rename(`${path}-renamed`, path);
});
