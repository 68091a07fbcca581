import { assertEquals } from "@std/assert";
import { constants, openSync } from "node:fs";
import { dirname } from "node:path";
import { type DescriptorBudget, DescriptorPool } from "../../../src/io/node/descriptor_pool.ts";
import { openPaths } from "../engine_contract.ts";

interface Scene {
  pool: DescriptorPool;
  path: string;
  budget: DescriptorBudget;
}

function test(name: string, spare: number, body: (scene: Scene) => Promise<void>): void {
  const fn = async () => {
    const path = await Deno.makeTempFile({ prefix: "varve_test_" });
    const budget = { left: spare };
    const pool = new DescriptorPool(openSync(path, "r"), path, constants.O_RDONLY, budget);
    try {
      await body({ pool, path, budget });
    } finally {
      pool.close();
      assertEquals(budget.left, spare);
      await Deno.remove(path);
    }
  };
  Deno.test({ name, sanitizeResources: true, sanitizeOps: true, fn });
}

/** Borrows a descriptor until it is given back. */
function borrow(pool: DescriptorPool): { fd: () => number | undefined; giveBack: () => Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let lent: number | undefined;
  const over = pool.lend((fd) => {
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
  "DescriptorPool.lend() opens the file again when every descriptor is lent",
  8,
  async ({ pool, budget }) => {
    const borrowed = Array.from({ length: 3 }, () => borrow(pool));
    assertEquals(new Set(borrowed.map(({ fd }) => fd())).size, 3);
    assertEquals(budget.left, 6);
    for (const { giveBack } of borrowed) await giveBack();
    const again = borrow(pool);
    assertEquals(budget.left, 6);
    await again.giveBack();
  },
);

test("DescriptorPool.lend() waits when the budget is spent", 1, async ({ pool }) => {
  const [first, second, third, fourth] = Array.from({ length: 4 }, () => borrow(pool));
  assertEquals([third.fd(), fourth.fd()], [undefined, undefined]);
  await second.giveBack();
  await Promise.resolve();
  assertEquals([third.fd(), fourth.fd()], [second.fd(), undefined]);
  await third.giveBack();
  await first.giveBack();
  await fourth.giveBack();
});

test("DescriptorPool.lend() waits when the path leads to another file", 8, async ({ pool, path, budget }) => {
  await Deno.rename(path, `${path}-renamed`);
  await Deno.writeFile(path, new Uint8Array());
  const [first, second] = [borrow(pool), borrow(pool)];
  assertEquals([second.fd(), budget.left], [undefined, 8]);
  await first.giveBack();
  await second.giveBack();
  assertEquals(openPaths(dirname(path)).filter((open) => open === path), []);
  await Deno.remove(`${path}-renamed`);
});

test("DescriptorPool.lend() waits when the path leads nowhere", 8, async ({ pool, path, budget }) => {
  await Deno.rename(path, `${path}-renamed`);
  const [first, second] = [borrow(pool), borrow(pool)];
  assertEquals([second.fd(), budget.left], [undefined, 8]);
  await first.giveBack();
  await second.giveBack();
  await Deno.rename(`${path}-renamed`, path);
});
