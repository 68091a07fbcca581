/** The program `examples/follow.ts` with orders that are patched. */

import { assertEquals } from "@std/assert";
import { replicate, Totals } from "../../examples/follow.ts";
import type { Redo } from "../../mod.ts";
import { test } from "../store/matrix.ts";

const decoder = new TextDecoder();

/** A patch is the amount from now on. */
const redo: Redo = (_key, base, patches) => {
  const order = JSON.parse(decoder.decode(base)), amount = Number(decoder.decode(patches.at(-1)));
  return new TextEncoder().encode(JSON.stringify({ ...order, amount }));
};

test("examples/follow.ts counts orders that are patched, and deletes only those that are deleted", async (place) => {
  await using others = place.within("copy");
  const orders = (await place.open({ redo })).timeline(), copy = (await others.open({ redo })).timeline();
  const totals = new Totals(), stop = new AbortController();
  const following = [replicate(orders, copy, stop.signal), totals.follow(orders, stop.signal)];
  for (const id of [1, 2]) {
    await orders.append([{ key: `order/${id}`, value: JSON.stringify({ customer: "ann", amount: id }) }]);
  }
  await orders.append([{ key: "order/1", patch: "10" }]);
  await orders.append([{ key: "order/2", delete: true }]);
  while (copy.lastLsn < 4 || totals.lsn < 4) await new Promise((resolve) => setTimeout(resolve, 1));
  stop.abort();
  await Promise.all(following);
  assertEquals([totals.of("ann"), await copy.count()], [10, 1]);
});
