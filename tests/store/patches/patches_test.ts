/** Patches in stores: read through every kind of layer, on branches, in histories, with a redo that fails and without. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { LimitError, type Redo, RedoError, type Store } from "../../../mod.ts";
import { visitRows } from "../../../src/timeline/mod.ts";
import { collect } from "../bytes.ts";
import { type Place, test } from "../matrix.ts";
import { redo, textOf, write } from "./fixture.ts";

const program = "a=1 a+2 b+x / a+3 c=v c! c+w / b=y b+z a+4";
const expected = { a: "1+2+3+4", b: "y+z", c: "-+w" };

/** Checks what every way to read finds. */
async function assertReads(store: Store): Promise<void> {
  const timeline = store.timeline(), keys = Object.keys(expected), values = Object.values(expected);
  for (const time of ["first", "again"]) {
    const found = await Promise.all(keys.map((key) => timeline.get(key)));
    assertEquals(found.map(textOf), values, `get ${time}`);
  }
  assertEquals((await timeline.getMany([...keys, "d"])).map(textOf), [...values, undefined]);
  for (const reverse of [false, true]) {
    const scanned = (await collect(timeline.scan({ reverse }))).map(({ value }) => textOf(value));
    assertEquals(scanned, reverse ? values.toReversed() : values, "scan");
    const rows: string[] = [];
    await visitRows(timeline, { reverse }, {}, ({ from, to, values: { bytes, starts, lengths } }) => {
      for (let row = from; row < to; row++) {
        rows.push(textOf(bytes.subarray(starts[row], starts[row] + lengths[row]))!);
      }
      return Promise.resolve();
    });
    assertEquals(rows, scanned, "rows");
  }
  assertEquals(await timeline.count(), 3);
  assertEquals((await collect(timeline.scan({ keysOnly: true }))).map(({ lsn }) => lsn), [10, 9, 7]);
  assertEquals(textOf(await timeline.get("a", { lsn: 3 })), "1+2");
  for (const reverse of [false, true]) {
    const versions = (await collect(timeline.history("a", { reverse }))).map(({ lsn, value }) =>
      `${lsn} ${textOf(value)}`
    );
    const forward = ["1 1", "2 1+2", "4 1+2+3", "10 1+2+3+4"];
    assertEquals(versions, reverse ? forward.toReversed() : forward, "history");
  }
  const [first] = await collect(timeline.history("a", { from: 3 }));
  assertEquals([first.lsn, textOf(first.value)], [4, "1+2+3"], "a history that begins with a patch");
}

test("Patches are redone through layers in memory, segments and deltas", async (place: Place) => {
  const store = await place.open({ redo });
  await write(store.timeline(), program);
  await assertReads(store);
  await store.timeline().freeze();
  await assertReads(store);
  await store.timeline().compact();
  await assertReads(store);
  assertEquals(await Array.fromAsync(store.verify()), []);
  await place.close(store);
  await assertReads(await place.open({ redo }));
});

test("Patches stand on the value of the ancestor, and those of a branch are its own", async (place: Place) => {
  const store = await place.open({ redo }), main = store.timeline();
  await write(main, "a=1 a+2 / a+3");
  const branch = await store.createTimeline("branch", { ancestor: "main", lsn: 2 });
  await write(branch, "a+x b+y");
  assertEquals([await branch.get("a"), await branch.get("b"), await main.get("a")].map(textOf), [
    "1+2+x",
    "-+y",
    "1+2+3",
  ]);
  await branch.compact();
  assertEquals((await collect(branch.scan())).map(({ value }) => textOf(value)), ["1+2+x", "-+y"]);
  const versions = await collect(branch.history("a", { reverse: true }));
  assertEquals(versions.map(({ value }) => textOf(value)), ["1+2+x", "1+2", "1"]);
});

test("Patches of a batch apply in order to what came before them there", async (place: Place) => {
  const store = await place.open({ redo }), timeline = store.timeline();
  await timeline.append([{ key: "a", value: "0" }, { key: "a", patch: "1" }, { key: "a", patch: "2" }]);
  await timeline.append([{ key: "a", patch: "3" }, { key: "a", patch: "4" }, { key: "b", patch: "5" }]);
  await timeline.append([{ key: "b", delete: true }, { key: "b", patch: "6" }]);
  const check = async () => {
    assertEquals((await timeline.getMany(["a", "b"])).map(textOf), ["0+1+2+3+4", "-+6"]);
    // From memory, if that answered.
    for (let time = 0; time < 3; time++) {
      assertEquals(textOf(await timeline.get("b")), "-+6");
      assertEquals(textOf(await timeline.get("a", { lsn: 1 })), "0+1+2");
    }
    assertEquals(textOf(await timeline.get("b", { lsn: 2 })), "-+5");
    const versions = await collect(timeline.history("a"));
    assertEquals(versions.map(({ value }) => textOf(value)), ["0+1+2", "0+1+2+3+4"]);
  };
  await check();
  await timeline.compact();
  await check();
});

test("A read takes in no more than down to a whole value", async (place: Place) => {
  const store = await place.open({ redo }), timeline = store.timeline();
  await write(timeline, "a=0 a+1 / a+2 / a=3 / a+4 / a+5");
  const { keys: [{ patches, visits, found }] } = await timeline.explain(["a"]);
  assertEquals([patches, visits.length, found?.lsn], [2, 3, 6]);
  const { keys: [plain] } = await timeline.explain(["a"], { lsn: 4 });
  assertEquals([plain.patches, plain.visits.length], [0, 1]);
});

/** Redoes as others do, but for what has a patch "bad". */
const picky: Redo = (key, base, patches) => {
  if (patches.some((one) => textOf(one) === "bad")) throw new RangeError("bad patch");
  return redo(key, base, patches);
};

test("A redo that throws fails its own key, with key and LSN", async (place: Place) => {
  const store = await place.open({ redo: picky }), timeline = store.timeline();
  await write(timeline, "a=1 a+2 b=1 b+bad b+4 c+5");
  for (const time of ["in memory", "sealed"]) {
    const error = await assertRejects(() => timeline.get("b"), RedoError, 'key "b" at LSN 5: bad patch');
    assertEquals([error.lsn, textOf(error.key)], [5, "b"]);
    assertInstanceOf(error.cause, RangeError);
    const found = await Promise.allSettled(["a", "b", "c"].map((key) => timeline.get(key)));
    assertEquals(found.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"], time);
    for (
      const entries of [
        await collect(timeline.getVectored(["a", "b", "c"], { damage: "report" })),
        await collect(timeline.scan({}, { damage: "report" })),
      ]
    ) {
      assertEquals(entries.map((one) => "error" in one ? one.error.name : textOf(one.value)), [
        "1+2",
        "RedoError",
        "-+5",
      ]);
    }
    await assertRejects(() => collect(timeline.scan()), RedoError);
    await assertRejects(() => visitRows(timeline, {}, {}, () => Promise.resolve()), RedoError);
    const versions = await collect(timeline.history("b", { damage: "report" }));
    assertEquals(versions.map((one) => "error" in one ? "failed" : textOf(one.value)), [
      "1",
      "failed",
      "failed",
    ]);
    assertEquals((await timeline.explain(["b"])).keys[0].error?.name, "RedoError");
    await timeline.freeze();
  }
});

test("A key with patches is not read without redo, and says so", async (place: Place) => {
  const store = await place.open(), timeline = store.timeline();
  await write(timeline, "a=1 b=2 b+3");
  const error = await assertRejects(() => timeline.get("b"), RedoError, 'without the option "redo"');
  assertEquals([error.lsn, error.cause], [3, undefined]);
  assertEquals(textOf(await timeline.get("a")), "1");
  assertEquals(textOf(await timeline.get("b", { lsn: 2 })), "2");
  assertEquals(await timeline.count(), 2);
});

test("What redo returns must be bytes, and not too many", async (place: Place) => {
  let value: unknown = "text";
  const store = await place.open({ redo: () => value as Uint8Array }), timeline = store.timeline();
  await write(timeline, "a+1");
  const error = await assertRejects(() => timeline.get("a"), RedoError);
  assertInstanceOf(error.cause, TypeError);
  value = new Uint8Array(64 * 1024 * 1024 + 1);
  await assertRejects(() => timeline.get("a"), LimitError);
});

test("Entries own what redo returned, and redo what it is given", async (place: Place) => {
  const shared = new Uint8Array(4), given: Uint8Array[] = [];
  const store = await place.open({
    redo: (key, base, patches) => {
      given.push(key, ...base === undefined ? [] : [base], ...patches);
      shared.fill(given.length);
      return shared;
    },
  });
  const timeline = store.timeline();
  await write(timeline, "a=1 a+2 b+3 /");
  const [a, b] = await timeline.getMany(["a", "b"]);
  const before = [a!.slice(), b!.slice()];
  for (const bytes of given.splice(0)) bytes.fill(0xff);
  shared.fill(0xee);
  assertEquals([a, b], before);
  assertEquals((await timeline.getMany(["a", "b"])).length, 2);
  assertEquals(given.map(textOf), ["a", "1", "2", "b", "3"]);
});

test("Changes that are neither a value, a patch nor a deletion are refused", async (place: Place) => {
  const timeline = (await place.open({ redo })).timeline();
  for (
    const change of [{ key: "a", patch: "1", value: "2" }, { key: "a", patch: "1", delete: true }, {
      key: "a",
      patch: 1,
    }]
  ) {
    await assertRejects(() => timeline.append([change as never]), TypeError);
  }
  await assertRejects(
    () => timeline.append([{ key: "a", patch: new Uint8Array(64 * 1024 * 1024) }]),
    LimitError,
  );
  assertEquals(timeline.lastLsn, 0);
});

test("The option redo is a function or a module that exports one", async (place: Place) => {
  const module = new URL("./redo_module.ts", import.meta.url);
  const store = await place.open({ redo: { module } });
  await write(store.timeline(), "a=1 a+2");
  assertEquals(textOf(await store.timeline().get("a")), "1+2");
  await place.close(store);
  for (const wrong of [7, {}, { module: 7 }, { module: "redo.ts" }, { module, more: 1 }]) {
    await assertRejects(() => place.open({ redo: wrong as never }), TypeError);
  }
  const missing = new URL("./missing.ts", import.meta.url), none = new URL("../bytes.ts", import.meta.url);
  await assertRejects(() => place.open({ redo: { module: missing } }), TypeError, "missing.ts");
  await assertRejects(() => place.open({ redo: { module: none } }), TypeError, 'a function "redo"');
});

test("Long chains of patches are read, in memory and merged", async (place: Place) => {
  const store = await place.open({
    redo: (_key, base, patches) => new Uint8Array([(base?.[0] ?? 0) + patches.length & 0xff]),
  });
  const timeline = store.timeline(), count = 3000;
  for (let i = 0; i < count; i++) {
    await timeline.append([{ key: "a", patch: new Uint8Array(50) }]);
    if (i % 700 === 0) await timeline.freeze();
  }
  for (const time of ["in layers", "merged"]) {
    assertEquals((await timeline.get("a"))?.[0], count & 0xff, time);
    assertEquals((await collect(timeline.scan({ reverse: true })))[0].value[0], count & 0xff, time);
    for (const reverse of [false, true]) {
      const versions = await collect(timeline.history("a", { from: 2500, reverse, limit: 100 }));
      assert(
        versions.length === 100 && versions.every(({ lsn, value }) => value?.[0] === (lsn & 0xff)),
        time,
      );
    }
    await timeline.compact();
  }
});
