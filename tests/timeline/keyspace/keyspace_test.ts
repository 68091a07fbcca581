import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Change,
  ConflictError,
  decodeKey,
  encodeKey,
  type Expectation,
  json,
  type Key,
  LimitError,
  LsnError,
  type ScanRange,
  type Timeline,
} from "../../../mod.ts";
import { Random } from "../../random.ts";
import { collect } from "../../store/bytes.ts";
import { test } from "../../store/matrix.ts";

const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value);
const partsOf = ({ key }: { key: Uint8Array }) => decodeKey(key);

/** Two users, one of whom has a namesake but for a zero byte. */
async function users(timeline: Timeline): Promise<void> {
  const change = (key: Key): Change => ({ key, value: JSON.stringify(key) });
  await timeline.append(
    [["user", 7], ["user", 7, "name"], ["user", 8, "name"], ["user\0", 7], "user"].map(change),
  );
}

test("Timeline.under() reads with keys behind the prefix, and gives them so", async (place) => {
  const timeline = (await place.open()).timeline();
  await users(timeline);
  await timeline.append([{ key: ["user", 7, "name"], delete: true }]);
  for (const state of ["in memory", "sealed"]) {
    const user = timeline.under(["user", 7]);
    assertEquals(text(await user.get(["name"], { lsn: 1 })), '["user",7,"name"]', state);
    assertEquals(await user.get(["name"]), undefined);
    assertEquals(await user.getEntry(["name"]), { key: encodeKey(["name"]), value: undefined, lsn: 2 });
    assertEquals((await user.getMany([[], ["name"], ["none"]], { lsn: 1 })).map(text), [
      '["user",7]',
      '["user",7,"name"]',
      undefined,
    ]);
    const entries = await collect(user.getVectored([["none"], ["name"]], { lsn: 1 }));
    assertEquals(entries.map(partsOf), [["none"], ["name"]]);
    assertEquals(entries.map(({ lsn }) => lsn), [undefined, 1]);
    assertEquals((await collect(user.scan({}, { lsn: 1 }))).map(partsOf), [[], ["name"]]);
    assertEquals([await user.count(), await user.count({}, { lsn: 1 })], [1, 2]);
    const keys = await collect(user.scan({ keysOnly: true, deleted: true }));
    assertEquals(keys, [{ key: encodeKey([]), lsn: 1 }, { key: encodeKey(["name"]), lsn: 2 }]);
    const versions = await collect(user.history(["name"], { reverse: true }));
    assertEquals(versions.map(({ lsn, deleted }) => [lsn, deleted]), [[2, true], [1, false]]);
    await timeline.freeze();
  }
});

test("Keyspace.append() expects keys behind the prefix, as it gives them", async (place) => {
  const timeline = (await place.open()).timeline();
  const accounts = timeline.under(["account"]).as(json<number>());
  await accounts.append([{ key: [1], value: 30 }, { key: [2], value: 5 }]);
  // Whole keys that look as those behind the prefix do.
  await timeline.append([{ key: [1], value: "another" }, { key: [3], value: "another" }]);
  const [one, two] = [await accounts.getEntry([1]), await accounts.getEntry([2])];
  const moved = [{ key: [1], value: 20 }, { key: [2], value: 15 }];
  assertEquals(await accounts.append(moved, { expect: [one, two, { key: [3], lsn: undefined }] }), 3);
  const error = await assertRejects(() => accounts.append(moved, { expect: [one] }), ConflictError);
  assertEquals([error.key, error.expected, error.found], [encodeKey(["account", 1]), 1, 3]);
  const within = timeline.under(["account"]).under([2]);
  assertEquals(await within.append([{ key: ["note"], value: "" }], { expect: [{ key: [], lsn: 3 }] }), 4);
  assertEquals(timeline.lastLsn, 4);
  const wrong = [
    [one, TypeError],
    [[{ key: 1, lsn: 1 }], TypeError],
    [[{ key: [1] }], TypeError],
    [[null], TypeError],
    [[{ key: "x".repeat(512), lsn: 1 }], LimitError],
    [[{ key: Uint8Array.of(255), lsn: 1 }], RangeError],
  ] as const;
  for (const [expect, kind] of wrong) {
    await assertRejects(() => accounts.append(moved, { expect: expect as unknown as Expectation[] }), kind);
  }
  assertEquals(timeline.lastLsn, 4);
});

test("Keyspace.append() writes behind the prefix, all of it at one LSN or nothing", async (place) => {
  const timeline = (await place.open()).timeline(), user = timeline.under(["user"]).under([7]);
  const lsn = await user.append([{ key: ["name"], value: "Ann" }, { key: ["mail"], delete: true }], {
    lsn: 5,
  });
  assertEquals([lsn, text(await timeline.get(["user", 7, "name"]))], [5, "Ann"]);
  assertEquals((await timeline.getEntry(["user", 7, "mail"])).lsn, 5);
  const good = { key: ["name"], value: "Eve" };
  for (const bad of [undefined, 5, {}, { key: ["a"] }, { key: 5, value: "" }, { key: ["a"], value: 5 }]) {
    await assertRejects(() => user.append([good, bad as typeof good]), TypeError, "Cannot", `${bad}`);
  }
  const both = { key: ["a"], value: "", delete: true };
  for (const bad of [both, { key: ["a"], delete: false }, { key: ["a"], value: undefined }]) {
    await assertRejects(
      () => user.append([good, bad as unknown as typeof good]),
      TypeError,
      "Cannot add change",
    );
  }
  await assertRejects(() => user.append([good, { key: "x".repeat(512), value: "" }]), LimitError);
  await assertRejects(() => user.append(5 as unknown as []), TypeError, "expected changes");
  await assertRejects(() => user.append([good], { lsn: 5 }), LsnError);
  assertEquals([timeline.lastLsn, text(await user.get(["name"]))], [5, "Ann"]);
});

test("Keyspace.append() says which change of a batch is wrong, but not of what a codec throws", async (place) => {
  const user = (await place.open()).timeline().under(["user"]), good = { key: ["name"], value: "Ann" };
  const wrong = [
    5,
    { key: ["a"] },
    { key: ["a"], value: undefined },
    { key: ["a"], value: 5 },
    { key: 5, delete: true },
    { key: 5, value: "" },
    { key: Uint8Array.of(255), value: "" },
    { key: "x".repeat(512), patch: "" },
  ];
  for (const change of wrong) {
    const changes = [good, good, change as typeof good];
    const error = await assertRejects(() => user.append(changes), Error, "Cannot");
    assertEquals(error.message.match(/\(changes.*/)?.[0], "(changes[2])", error.message);
  }
  const own = new TypeError("mine");
  const refuse = () => {
    throw own;
  };
  const codec = { ...json<string>(), encode: refuse };
  assertEquals(await assertRejects(() => user.as(codec).append([good])), own);
  assertEquals(own.message, "mine");
});

test("Keyspace.append() takes changes of an iterable that reads the same keyspace meanwhile", async (place) => {
  const user = (await place.open()).timeline().under(["user"]);
  const changes = function* () {
    for (let i = 0; i < 3; i++) {
      user.get(["other"]);
      yield { key: [i], value: `${i}` };
      user.keyOf(["yet another"]);
    }
  };
  await user.append(changes());
  assertEquals((await collect(user.scan())).map(partsOf), [[0], [1], [2]]);
});

test("Keyspace.changeOf() gives changes for a batch of several keyspaces", async (place) => {
  const timeline = (await place.open()).timeline();
  const [a, b] = [timeline.under(["a"]), timeline.under("b/")];
  const change = a.changeOf({ key: [1], value: "one" });
  a.changeOf({ key: [2], value: "two" });
  await timeline.append([change, b.changeOf({ key: "x", delete: true })]);
  assertEquals(await a.getEntry([1]).then(({ lsn }) => lsn), 1);
  assertEquals((await timeline.getEntry("b/x")).lsn, 1);
  assertEquals([a.keyOf([1]), b.keyOf("x")], [encodeKey(["a", 1]), new TextEncoder().encode("b/x")]);
});

test("Keyspace.expectationOf() has the timeline expect what was read in a part", async (place) => {
  const timeline = (await place.open()).timeline(), user = timeline.under(["user"]).under([7]);
  await user.append([{ key: ["name"], value: "Ann" }]);
  const [name, mail] = [await user.getEntry(["name"]), await user.getEntry(["mail"])];
  const expect = [user.expectationOf(name), user.expectationOf(mail)];
  assertEquals(expect.map(({ key, lsn }) => [key, lsn]), [
    [encodeKey(["user", 7, "name"]), 1],
    [encodeKey(["user", 7, "mail"]), undefined],
  ]);
  const change = user.changeOf({ key: ["mail"], value: "ann@a.test" });
  assertEquals(await timeline.append([change], { expect }), 2);
  const conflict = await assertRejects(() => timeline.append([change], { expect }), ConflictError);
  assertEquals(conflict.key, encodeKey(["user", 7, "mail"]));
  const mistyped = { key: ["name"], Lsn: 1 } as unknown as typeof name;
  assertThrows(() => user.expectationOf(mistyped), TypeError, 'to have a "key" and an "lsn"');
});

test("Snapshot.under() reads as of its LSN", async (place) => {
  const timeline = (await place.open()).timeline();
  await users(timeline);
  using snapshot = timeline.snapshot();
  await timeline.append([{ key: ["user", 7, "name"], delete: true }]);
  const user = snapshot.under(["user"]).under([7]);
  assertEquals(text(await user.get(["name"])), '["user",7,"name"]');
  assertEquals([await user.count(), await timeline.under(["user", 7]).count()], [2, 1]);
  assertEquals((await collect(user.scan({ reverse: true }))).map(partsOf), [["name"], []]);
});

test("Keyspace.getVectored() counts runs within its own bytes, and never into its prefix", async (place) => {
  const timeline = (await place.open()).timeline(), pages = timeline.under("p");
  await timeline.append([{ key: Uint8Array.of(0x70, 0xff), value: "last" }, { key: "q", value: "next" }]);
  const last = Uint8Array.of(0xff);
  assertEquals((await collect(pages.getVectored([{ base: last, count: 1 }]))).map(({ key }) => key), [last]);
  await assertRejects(() => collect(pages.getVectored([{ base: last, count: 2 }])), RangeError, "fewer");
  const parts = timeline.under(["p"]), run = { base: Uint8Array.of(0xfe), count: 2 };
  await assertRejects(() => collect(parts.getVectored([run])), RangeError, "go on with the last part");
  const bigints = await collect(parts.getVectored([{ base: [7n], count: 2 }]));
  assertEquals(bigints.map(partsOf), [[7n], [8n]]);
});

test("Timeline.under() takes strings and bytes too, and refuses what is no prefix", async (place) => {
  const timeline = (await place.open()).timeline();
  await timeline.append([{ key: "a/1", value: "1" }, { key: "a", value: "" }, { key: "a0", value: "" }]);
  for (const prefix of ["a/", new TextEncoder().encode("a/")]) {
    assertEquals(text(await timeline.under(prefix).get("1")), "1");
    assertEquals((await collect(timeline.under(prefix).scan())).map(({ key }) => text(key)), ["1"]);
  }
  assertEquals(await timeline.under([]).count(), 3);
  for (const prefix of [5, null, undefined, {}]) {
    assertThrows(() => timeline.under(prefix as unknown as Key), TypeError, "Cannot use key");
  }
  assertThrows(() => timeline.under("x".repeat(513)), LimitError);
  await assertRejects(() => timeline.under("").get(""), LimitError);
  assertThrows(() => timeline.under("a").scan({ limit: -1 }), RangeError);
  assertThrows(() => timeline.under("a").scan({ from: 1 } as ScanRange), TypeError);
});

test("Keyspace.scan() gives what the timeline has behind the prefix, in any range", async (place) => {
  const timeline = (await place.open()).timeline(), random = new Random(3);
  const anyBytes = (most: number) =>
    random.bytes(random.from(0, most)).map((byte) => random.pick([0, 1, 0xff, byte]));
  const keys = Array.from({ length: 300 }, () => Uint8Array.of(random.pick([0, 1, 0xff]), ...anyBytes(3)));
  await timeline.append(keys.map((key) => ({ key, value: key })));
  const all = await collect(timeline.scan());
  for (let i = 0; i < 200; i++) {
    const prefix = anyBytes(2), bound = () => random.once(2) ? { start: anyBytes(3) } : {};
    const range = {
      ...bound(),
      ...random.once(2) ? { end: anyBytes(3) } : {},
      ...random.once(3) ? { prefix: anyBytes(1) } : {},
      reverse: random.once(2),
      limit: random.pick([2, Infinity]),
    };
    const starts = (key: Uint8Array, with_: Uint8Array) => key.toHex().startsWith(with_.toHex());
    const expected = all.map(({ key }) => key).filter((key) => starts(key, prefix))
      .map((key) => key.slice(prefix.length).toHex())
      .filter((key) => range.start === undefined || key >= range.start.toHex())
      .filter((key) => range.end === undefined || key < range.end.toHex())
      .filter((key) => range.prefix === undefined || key.startsWith(range.prefix.toHex()));
    if (range.reverse) expected.reverse();
    const found = await collect(timeline.under(prefix).scan(range));
    assertEquals(found.map(({ key }) => key.toHex()), expected.slice(0, range.limit));
    assertEquals(
      found.map(({ value }) => value.toHex()),
      found.map(({ key }) => prefix.toHex() + key.toHex()),
    );
  }
});
