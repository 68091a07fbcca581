/** What writes the outputs of merges waits for the disk, and so bounds what is held in memory. */

import { assert, assertEquals } from "@std/assert";
import { Gate } from "../../../store/hooked_engine.ts";
import { quiet } from "../../write/held.ts";
import { MergeFixture, put, times } from "./merge_fixture.ts";

const KiB = 1024;

Deno.test("DeltaWriter takes records no faster than the disk does", async () => {
  const t = await MergeFixture.make(
    [times(200, (i) => [put(`k${i}`, new Uint8Array(8 * KiB).fill(i))])],
    8 * KiB,
  );
  const gate = new Gate();
  t.engine.hook = (operation, path) =>
    operation === "write" && path.endsWith(".delta") ? gate.wait() : undefined;
  const merged = t.merge(t.layers, { window: { bytes: 20 * KiB, rows: 100 } });
  await gate.reached;
  for (let i = 0; i < 10; i++) await quiet();
  assert(t.copied < 200 * KiB, `${t.copied} bytes were taken`);
  gate.open();
  await t.assertMerged(t.layers, await merged);
  await t.close();
});

Deno.test("DeltaWriter pads its values to a block, also where hardly anything of the last one is left", async () => {
  // The header takes a block, a record 22 bytes and its value.
  for (let left = 0; left < 60; left++) {
    const t = await MergeFixture.make([[[put("ab", new Uint8Array(4096 - 22 - left))]]]);
    const [output] = await t.merge(t.layers);
    assertEquals(output.description.valuesEnd, left === 0 ? 8192 : left < 52 ? 12_288 : 8192);
    await t.assertMerged(t.layers, [output]);
    await t.close();
  }
});
