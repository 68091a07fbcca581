import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { type Codec, CodecError, encodeKey, json, structured, text, type Timeline } from "../../../mod.ts";
import { collect } from "../../store/bytes.ts";
import { test } from "../../store/matrix.ts";

interface User {
  name: string;
}

/** Three users, the second of whom is no JSON. */
async function withBadUser(timeline: Timeline): Promise<void> {
  const values = ['{"name":"Ann"}', "{", '{"name":"Cy"}'];
  for (const [i, value] of values.entries()) await timeline.append([{ key: ["user", i], value }]);
}

test("Timeline.as() writes and reads values as the codec makes them", async (place) => {
  const timeline = (await place.open()).timeline(), users = timeline.as(json<User>());
  await users.append([{ key: "ann", value: { name: "Ann" } }]);
  await users.append([{ key: "ann", delete: true }, { key: "bob", value: { name: "Bob" } }]);
  for (const state of ["in memory", "sealed"]) {
    assertEquals((await users.get("bob"))?.name, "Bob", state);
    assertEquals(await users.get("ann"), undefined);
    assertEquals((await users.getEntry("ann", { lsn: 1 })).value, { name: "Ann" });
    assertEquals(await users.getMany(["ann", "bob"], { lsn: 1 }), [{ name: "Ann" }, undefined]);
    const entries = await collect(users.getVectored(["bob", "ann"]));
    assertEquals(entries.map(({ value, lsn }) => [value?.name, lsn]), [["Bob", 2], [undefined, 2]]);
    assertEquals((await collect(users.scan())).map(({ value }) => value.name), ["Bob"]);
    const versions = await collect(users.history("ann"));
    assertEquals(versions.map(({ value, deleted }) => [value?.name, deleted]), [["Ann", false], [
      undefined,
      true,
    ]]);
    await timeline.freeze();
  }
  assertEquals(await timeline.get("bob"), new TextEncoder().encode('{"name":"Bob"}'));
});

test("Keyspace.as() and under() stand in any order, also of a snapshot", async (place) => {
  const timeline = (await place.open()).timeline();
  await timeline.as(json<User>()).under(["user"]).append([{ key: [1], value: { name: "Ann" } }]);
  using snapshot = timeline.snapshot();
  const found = await Promise.all([
    timeline.under(["user"]).as(json<User>()).get([1]),
    timeline.as(text()).as(json<User>()).under([]).under(["user"]).get([1]),
    snapshot.under(["user"]).as(json<User>()).get([1]),
    snapshot.as(json<User>()).under(["user", 1]).get([]),
  ]);
  assertEquals(found.map((user) => user?.name), ["Ann", "Ann", "Ann", "Ann"]);
  assertEquals(await snapshot.as(text()).get(["user", 1]), '{"name":"Ann"}');
});

test("a value that does not decode rejects, with its whole key and its LSN", async (place) => {
  const timeline = (await place.open()).timeline(), users = timeline.under(["user"]).as(json<User>());
  await withBadUser(timeline);
  for (const state of ["in memory", "sealed"]) {
    for (const read of [() => users.get([1]), () => users.getEntry([1]), () => users.getMany([[0], [1]])]) {
      const error = await assertRejects(
        read,
        CodecError,
        'Cannot decode value of key ["user", 1] at LSN 2: ',
        state,
      );
      assertEquals([error.key, error.lsn], [encodeKey(["user", 1]), 2]);
      assertInstanceOf(error.cause, SyntaxError);
    }
    await timeline.freeze();
  }
});

test("a stream ends at a value that does not decode, or reports it in its place", async (place) => {
  const timeline = (await place.open()).timeline(), users = timeline.under(["user"]).as(json<User>());
  await withBadUser(timeline);
  await timeline.append([{ key: ["user", 1], value: '{"name":"Bo"}' }]);
  const report = { damage: "report" } as const;
  const shown = (entry: { value: User | undefined } | { error: Error }) =>
    "error" in entry ? (entry.error as CodecError).lsn : entry.value?.name;
  for (const state of ["in memory", "sealed"]) {
    const streams: [() => ReadableStream<{ value: User | undefined }>, string[]][] = [
      [() => users.scan({}, { lsn: 3 }), ["Ann"]],
      [() => users.getVectored([[2], [1], [0]], { lsn: 3 }), ["Cy"]],
      [() => users.history([1]), []],
    ];
    for (const [open, before] of streams) {
      const names: (string | undefined)[] = [];
      const read = async () => {
        for await (const { value } of open()) names.push(value?.name);
      };
      assertEquals((await assertRejects(read, CodecError, "at LSN 2", state)).lsn, 2);
      assertEquals(names, before);
    }
    const entries = await collect(users.scan({}, { lsn: 3, ...report }));
    assertEquals(entries.map(shown), ["Ann", 2, "Cy"]);
    assert("error" in entries[1]);
    assertEquals([entries[1].key, entries[1].lsn], [encodeKey([1]), 2]);
    assertEquals((await collect(users.getVectored([[1], [2]], { lsn: 3, ...report }))).map(shown), [2, "Cy"]);
    assertEquals((await collect(users.history([1], report))).map(shown), [2, "Bo"]);
    assertEquals(await users.count(), 3);
    await timeline.freeze();
  }
});

test("Keyspace.append() takes a codec that uses the same keyspace while it encodes", async (place) => {
  const timeline = (await place.open()).timeline();
  const codec: Codec<string> = {
    encode(value) {
      names.keyOf(["another"]);
      names.get(["yet another"]);
      return text().encode(value);
    },
    decode: (bytes) => text().decode(bytes),
  };
  const names = timeline.under(["name"]).as(codec);
  await names.append([{ key: [1], value: "Ann" }, { key: [2], value: "Bob" }]);
  assertEquals(await names.getMany([[1], [2], ["another"]]), ["Ann", "Bob", undefined]);
  assertEquals(await timeline.count(), 2);
});

test("a value that does not encode rejects the append, and nothing of it is applied", async (place) => {
  const timeline = (await place.open()).timeline();
  const circle: unknown[] = [];
  circle.push(circle);
  const refused: [Codec<unknown>, unknown][] = [
    [json(), undefined],
    [json(), () => {}],
    [json(), 7n],
    [json(), circle],
    [text() as Codec<unknown>, 7],
    [text() as Codec<unknown>, "\ud800"],
    [structured(), undefined],
    [{ encode: () => 5 as unknown as Uint8Array, decode: (bytes) => bytes }, "a"],
  ];
  for (const [codec, value] of refused) {
    const good = { key: "good", value: "1" };
    await assertRejects(() => timeline.as(codec).append([good, { key: "bad", value }]), TypeError);
  }
  const cloned = timeline.as(structured<unknown>());
  await assertRejects(
    () => cloned.append([{ key: "good", value: 1 }, { key: "bad", value: () => {} }]),
    Error,
  );
  assertEquals([timeline.lastLsn, await timeline.count()], [0, 0]);
});

test("Timeline.as() refuses what is no codec", async (place) => {
  const timeline = (await place.open()).timeline();
  using snapshot = timeline.snapshot();
  for (const codec of [undefined, null, json, {}, { encode: () => new Uint8Array(0) }]) {
    assertThrows(() => timeline.as(codec as unknown as Codec<string>), TypeError, "Cannot use codec");
    assertThrows(() => snapshot.as(codec as unknown as Codec<string>), TypeError, "Cannot use codec");
  }
});

test("structured() gives back what structuredClone() would", async (place) => {
  const timeline = (await place.open()).timeline(), values = timeline.as(structured<unknown>());
  const circle: { self?: unknown } = {};
  circle.self = circle;
  const given = [
    null,
    "é😀",
    -0,
    7n,
    new Date(5),
    new Map([["a", new Set([1])]]),
    Uint8Array.of(1, 2, 3),
    new Float64Array([1.5, -2]),
    { a: [undefined, true] },
    circle,
  ];
  await values.append(given.map((value, i) => ({ key: [i], value })));
  for (const state of ["in memory", "sealed"]) {
    assertEquals(await values.getMany(given.map((_, i) => [i])), given, state);
    assertEquals((await collect(values.scan())).map(({ value }) => value), given);
    await timeline.freeze();
  }
  const bytes = await values.get([6]) as Uint8Array;
  bytes.fill(9);
  assertEquals(await values.get([6]), Uint8Array.of(1, 2, 3));
});

Deno.test("text() and json() decode UTF-8 alone", () => {
  assertEquals(text().decode(text().encode("\ufeffé😀\0") as Uint8Array<ArrayBuffer>), "\ufeffé😀\0");
  assertThrows(() => text().decode(Uint8Array.of(0xff)), TypeError);
  assertThrows(() => json().decode(Uint8Array.of(0x22, 0xff, 0x22)), TypeError);
  assertThrows(() => structured().decode(Uint8Array.of(1, 2, 3)), Error);
});
