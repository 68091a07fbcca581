import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Batch, encodeKey, type Key, type KeyPart, LimitError } from "../../mod.ts";
import { collect } from "../store/bytes.ts";
import { test } from "../store/matrix.ts";

const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value);

test("Timeline takes parts wherever it takes a key, for what they are encoded as", async (place) => {
  const timeline = (await place.open()).timeline(), ann = ["user", 1n, "name"], bob = ["user", 2n, "name"];
  await timeline.append([{ key: ann, value: "Ann" }]);
  await timeline.append(new Batch().put(bob, "Bob").put(["user", 3n], "").delete(["user", 3n]));
  for (const state of ["in memory", "sealed"]) {
    const whole = encodeKey(ann);
    assertEquals(text(await timeline.get(ann)), "Ann", state);
    assertEquals(text(await timeline.get(whole)), "Ann");
    assertEquals((await timeline.getEntry(ann)).key, whole);
    assertEquals((await timeline.getMany([bob, ["none"], ann])).map(text), ["Bob", undefined, "Ann"]);
    const run = { base: ["user", 2n], count: 2 };
    const entries = await collect(timeline.getVectored([ann, run, whole]));
    assertEquals(entries.map(({ key }) => key), [
      whole,
      encodeKey(["user", 2n]),
      encodeKey(["user", 3n]),
      whole,
    ]);
    assertEquals(entries.map(({ lsn }) => lsn), [1, undefined, 2, 1]);
    const found = await collect(timeline.scan({ start: ["user", 2n], end: ["user", 3n] }));
    assertEquals(found.map(({ key }) => key), [encodeKey(bob)]);
    assertEquals(await timeline.count({ prefix: ["user"] }), 2);
    assertEquals((await collect(timeline.history(["user", 3n]))).map(({ deleted }) => deleted), [true]);
    assertEquals((await timeline.explain([ann])).keys[0].found?.lsn, 1);
    await timeline.freeze();
  }
});

test("Timeline.scan() takes parts for a prefix of whole parts only", async (place) => {
  const timeline = (await place.open()).timeline();
  const keys = [["user"], ["user", 1], ["user\0"], ["user\0", 1], ["users"]];
  await timeline.append(keys.map((key) => ({ key, value: "" })));
  const under = async (prefix: Key) => {
    const found = await collect(timeline.scan({ prefix }));
    assertEquals(await timeline.count({ prefix }), found.length);
    return found.map(({ key }) => key);
  };
  assertEquals(await under(["user"]), [["user"], ["user", 1]].map(encodeKey));
  assertEquals((await under(encodeKey(["user"]))).length, 4);
  assertEquals((await under([])).length, 5);
});

test("Timeline keeps nothing of an array of parts that it was given", async (place) => {
  const timeline = (await place.open()).timeline();
  const bytes = Uint8Array.of(1), parts: KeyPart[] = ["user", bytes], before = encodeKey(parts);
  const change = () => {
    parts[0] = "other";
    bytes[0] = 9;
  };
  const restore = () => {
    parts[0] = "user";
    bytes[0] = 1;
  };
  const appended = timeline.append([{ key: parts, value: "1" }]);
  change();
  await appended;
  for (const state of ["in memory", "sealed"]) {
    restore();
    const reads = [
      timeline.get(parts).then((value) => [value]),
      timeline.getMany([parts]),
      collect(timeline.getVectored([parts, { base: parts, count: 1 }])).then((all) =>
        all.map(({ value }) => value)
      ),
      collect(timeline.scan({ prefix: parts })).then((all) => all.map(({ value }) => value)),
      collect(timeline.history(parts)).then((all) => all.map(({ value }) => value)),
    ];
    change();
    const found = (await Promise.all(reads)).map((values) => values.map(text));
    assertEquals(found, [["1"], ["1"], ["1", "1"], ["1"], ["1"]], state);
    await timeline.freeze();
  }
  assertEquals((await timeline.getEntry(before)).lsn, 1);
});

test("Timeline refuses parts that are no key, and applies nothing", async (place) => {
  const timeline = (await place.open()).timeline(), batch = new Batch().put("a", "1");
  const refused: [KeyPart[], typeof LimitError | typeof TypeError][] = [
    [[], LimitError],
    [["x".repeat(511)], LimitError],
    [[null as unknown as string], TypeError],
    [["a", "\ud800"], TypeError],
  ];
  for (const [key, kind] of refused) {
    await assertRejects(() => timeline.append([{ key: "a", value: "" }, { key, value: "" }]), kind);
    await assertRejects(() => timeline.get(key), kind);
    await assertRejects(() => timeline.getMany([key]), kind);
    await assertRejects(() => collect(timeline.getVectored([{ base: key, count: 1 }])), kind);
    assertThrows(() => timeline.history(key), kind);
    assertThrows(() => batch.put(key, ""), kind);
    assertThrows(() => batch.delete(key), kind);
  }
  assertThrows(() => timeline.scan({ prefix: ["x".repeat(511)] }), LimitError);
  assertEquals([timeline.lastLsn, batch.size], [0, 1]);
  assertEquals(await timeline.append(batch), 1);
  assertEquals(text(await timeline.get("a")), "1");
});

Deno.test("Batch takes parts of any length up to 512 bytes where its memory ends", () => {
  const batch = new Batch();
  let bytes = 0;
  for (let length = 1; length <= 510; length++) {
    batch.put(["x".repeat(length)], "");
    bytes += 20 + length + 2;
  }
  assertEquals([batch.size, batch.byteLength], [510, bytes]);
});
