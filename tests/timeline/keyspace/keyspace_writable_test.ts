/** A part of a timeline as a sink: keys behind its prefix, values as a codec makes them. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Batch, type Change, json, LimitError, ReadOnlyError, text } from "../../../mod.ts";
import { collect } from "../../store/bytes.ts";
import { test } from "../../store/matrix.ts";

test("Keyspace.writable() makes one batch of each change and array, behind its prefix, as the codec makes it", async (place) => {
  const timeline = (await place.open()).timeline();
  const orders = timeline.under(["user", 42]).as(json<{ total: number }>()).under(["order"]);
  type Order = Change<{ total: number }>;
  const chunks: (Order | Order[])[] = [
    { key: [1], value: { total: 30 } },
    [{ key: [1], value: { total: 31 } }, { key: [2], value: { total: 5 } }],
    [],
    { key: [2], delete: true },
  ];
  await ReadableStream.from(chunks).pipeTo(orders.writable());
  assertEquals([timeline.lastLsn, timeline.durableLsn], [4, 4]);
  const [one, two] = [[1], [2]].map((key) => timeline.history(["user", 42, "order", ...key]));
  const values = (await collect(one)).map(({ lsn, value }) => [lsn, new TextDecoder().decode(value)]);
  assertEquals(values, [[1, '{"total":30}'], [2, '{"total":31}']]);
  assertEquals((await collect(two)).map(({ lsn, deleted }) => [lsn, deleted]), [[2, false], [4, true]]);
  assertEquals(await orders.getMany([[1], [2]]), [{ total: 31 }, undefined]);
});

test("Keyspace.writable() makes each chunk durable before the next when it was asked to", async (place) => {
  const timeline = (await place.open()).timeline();
  const writer = timeline.under("user/").writable({ sync: true }).getWriter();
  for (let i = 1; i <= 3; i++) {
    await writer.write({ key: `${i}`, value: "" });
    assertEquals(timeline.durableLsn, i);
  }
  await writer.close();
  assertEquals(await timeline.count({ prefix: "user/" }), 3);
  assertThrows(
    () => timeline.under("user/").writable({ synced: true } as Record<string, boolean>),
    TypeError,
  );
});

test("Keyspace.writable() fails and applies nothing of a chunk when the chunk is wrong", async (place) => {
  const timeline = (await place.open()).timeline(), texts = timeline.under("t/").as(text());
  const wrong: [unknown, typeof TypeError | typeof LimitError][] = [
    [[{ key: "b", value: "2" }, { key: "c", value: 5 }], TypeError],
    [new Batch().put("b", "2"), TypeError],
    [{ key: "b" }, TypeError],
    [{ key: "b", value: undefined }, TypeError],
    [null, TypeError],
    [[{ key: "b", value: "2" }, { key: "x".repeat(600), value: "" }], LimitError],
  ];
  for (const [chunk, type] of wrong) {
    const before = timeline.lastLsn, writer = texts.writable().getWriter();
    await writer.write({ key: "a", value: "1" });
    for (const refused of [() => writer.write(chunk as Change<string>), () => writer.closed]) {
      assert(await refused().catch((error: unknown) => error) instanceof type);
    }
    assertEquals([timeline.lastLsn, await texts.get("b")], [before + 1, undefined]);
  }
  assert(await texts.get("a") === "1");
});

test("Keyspace.writable() refuses what a store that is closed, or only read, refuses", async (place) => {
  const store = await place.open(), users = store.timeline().under(["user"]);
  const writer = users.writable().getWriter();
  await writer.write({ key: [1], value: "Ann" });
  await store.timeline().sync();
  const reader = await place.open({ readOnly: true });
  assertThrows(() => reader.timeline().under(["user"]).writable(), ReadOnlyError);
  await place.close(store);
  await assertRejects(() => writer.write({ key: [2], value: "Bob" }), Deno.errors.BadResource);
  assertThrows(() => users.writable(), Deno.errors.BadResource);
});
