/** What changed and what differs in a part of a timeline: keys without its prefix, values as a codec makes them. */

import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  type ChangeBatch,
  CodecError,
  decodeKey,
  type Difference,
  encodeKey,
  json,
  type KeyPart,
  text,
  type Timeline,
} from "../../../mod.ts";
import { collect } from "../../store/bytes.ts";
import { test } from "../../store/matrix.ts";

/** Batches in words, keys as their parts: `2 [1]=30 [2]-`. */
function words<T>(batches: readonly ChangeBatch<T>[]): string[] {
  return batches.map(({ lsn, changes }) => {
    const told = changes.map((change) =>
      partsOf(change.key) + ("value" in change ? `=${JSON.stringify(change.value)}` : "-")
    );
    return [lsn, ...told].join(" ");
  });
}

function differences<T>(found: readonly Difference<T>[]): [string, T | undefined, T | undefined][] {
  return found.map(({ key, before, after }) => [partsOf(key), before, after]);
}

function partsOf(key: Uint8Array<ArrayBuffer>): string {
  return JSON.stringify(decodeKey(key));
}

/** Orders of a user, of a namesake but for a zero byte, and what is none of them. */
async function orders(timeline: Timeline): Promise<void> {
  const change = (key: KeyPart[], value: unknown) => ({ key, value: JSON.stringify(value) });
  await timeline.append([
    change(["user", 1], 30),
    change(["user\0", 1], "namesake"),
    change(["user"], "head"),
  ]);
  await timeline.append([change(["usher", 1], "another")]);
  await timeline.append([change(["user", 2], 5), { key: ["user", 1], delete: true }, change(["a"], "")]);
}

test("Keyspace.changes() tells what is behind the prefix, and as the codec makes it", async (place) => {
  const timeline = (await place.open()).timeline();
  await orders(timeline);
  const users = timeline.under(["user"]).as(json<unknown>());
  for (let round = 0; round < 3; round++) {
    assertEquals(words(await collect(users.changes())), ['1 []="head" [1]=30', "3 [1]- [2]=5"]);
    assertEquals(words(await collect(users.changes({ prefix: [2] }))), ["3 [2]=5"]);
    assertEquals(words(await collect(users.under([1]).changes({ from: 2 }))), ["3 []-"]);
    assertEquals(words(await collect(timeline.as(text()).changes({ from: 2, to: 2 }))), [
      `2 ["usher",1]=${JSON.stringify('"another"')}`,
    ]);
    // Parts are a prefix as parts: those of a longer string do not begin with them.
    const whole = await collect(timeline.changes({ prefix: ["user"], to: 1 }));
    assertEquals(whole[0].changes.map(({ key }) => decodeKey(key)), [["user"], ["user", 1]]);
    const bytes = await collect(timeline.changes({ prefix: encodeKey(["user"]), to: 1 }));
    assertEquals(bytes[0].changes.length, 3);
    if (round === 0) await timeline.freeze();
    else await timeline.compact();
  }
  assertThrows(() => users.changes({ prefix: 1 } as unknown as { prefix: string }), TypeError);
});

test("Keyspace.changes() goes on with what is appended to the part", async (place) => {
  const timeline = (await place.open()).timeline(), user = timeline.under(["user", 1]).as(text());
  const feed = user.changes({ follow: true })[Symbol.asyncIterator](), next = feed.next();
  await timeline.append([{ key: ["user", 2, "name"], value: "Bob" }]);
  await user.append([{ key: ["name"], value: "Ann" }]);
  assertEquals(words([(await next).value]), ['2 ["name"]="Ann"']);
  await feed.return?.();
});

test("Keyspace.changes() gives all before a value that does not decode, and then the error", async (place) => {
  const timeline = (await place.open()).timeline();
  for (const value of ["1", "2", "{", "4"]) await timeline.append([{ key: ["n", value], value }]);
  const told: ChangeBatch<number>[] = [];
  const error = await (async () => {
    for await (const batch of timeline.under(["n"]).as(json<number>()).changes()) told.push(batch);
  })().catch((error: unknown) => error);
  assertInstanceOf(error, CodecError);
  assertEquals([error.lsn, error.key], [3, encodeKey(["n", "{"])]);
  assertEquals(words(told), ['1 ["1"]=1', '2 ["2"]=2']);
});

test("Keyspace.diff() compares what is behind the prefix, also on a branch", async (place) => {
  const store = await place.open(), main = store.timeline();
  await orders(main);
  const branch = await store.createTimeline("branch", { ancestor: "main", lsn: 2 });
  const users = (timeline: Timeline) => timeline.under(["user"]).as(json<unknown>());
  const ofMain = users(main), ofBranch = users(branch);
  await ofBranch.append([{ key: [1], value: 31 }]);
  assertEquals(differences(await collect(ofMain.diff(0, 3))), [["[]", undefined, "head"], [
    "[2]",
    undefined,
    5,
  ]]);
  assertEquals(differences(await collect(ofMain.diff(1, 3, { prefix: [1] }))), [["[1]", 30, undefined]]);
  assertEquals(differences(await collect(ofMain.diff(1, 3, { start: [2] }))), [["[2]", undefined, 5]]);
  assertEquals(differences(await collect(ofBranch.diff(1, 3))), [["[1]", 30, 31]]);
  assertEquals(words(await collect(ofBranch.changes())), ['1 []="head" [1]=30', "3 [1]=31"]);
  const whole = await collect(main.diff(0, 1, { prefix: ["user"] }));
  assertEquals(whole.map(({ key }) => decodeKey(key)), [["user"], ["user", 1]]);
  assertThrows(() => ofMain.diff(1, 3, { start: [2], end: [1] }), RangeError, "contradict");
  assertThrows(() => ofMain.diff(1, 3, { prefix: [1], start: [2] }), RangeError, "contradict");
  await main.append([{ key: ["user", 2], value: "{" }]);
  const error = await assertRejects(() => collect(ofMain.diff(2, 4)), CodecError);
  assertEquals([error.lsn, error.key], [4, encodeKey(["user", 2])]);
  assertEquals(store.metrics().views, 0);
});
