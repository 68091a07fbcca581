/** The programs in `examples/` do what they say, without a cast or a work-around. */

import { assert, assertEquals, assertNotMatch, assertRejects, unreachable } from "@std/assert";
import * as backup from "../../examples/backup.ts";
import { changes, prices, takeOver, tryOut } from "../../examples/branch.ts";
import { cached, forget } from "../../examples/cache.ts";
import { replicate, Totals } from "../../examples/follow.ts";
import { handler } from "../../examples/http_server.ts";
import { balances, deposit, statement, transfer } from "../../examples/ledger.ts";
import { average, count, ingest, lastTime } from "../../examples/telemetry.ts";
import { changed, documents, revert, story } from "../../examples/time_travel.ts";
import { Store, type Timeline } from "../../mod.ts";
import { codeOf, textOf } from "../source.ts";
import { collect } from "../store/bytes.ts";
import { test } from "../store/matrix.ts";

const names = ["ledger", "cache", "time_travel", "telemetry", "backup", "http_server", "branch"];

const backupUsage = "Usage: backup.ts <store> <backup> [module that exports redo]\n";

for (const name of names) {
  Deno.test(`examples/${name}.ts is short, casts nothing, and is named in the README`, () => {
    const path = `examples/${name}.ts`;
    const code = codeOf(textOf(path));
    assert(textOf(path).split("\n").length <= 80);
    assertNotMatch(code, /\bas (?!backup)|\w!|\)!|<any>|: any\b|@ts-|"\.\.?\//);
    assert(textOf("README.md").includes(`(${path})`));
  });

  test(`examples/${name}.ts runs`, async (place) => {
    if (name === "http_server") return;
    const script = new URL(`../../examples/${name}.ts`, import.meta.url).pathname;
    const args = ["run", "--no-prompt", `--allow-read=${place.path}`, `--allow-write=${place.path}`, script];
    const paths = name === "backup" ? [`${place.path}/from`, `${place.path}/to`] : [place.path];
    if (name === "backup") await (await Store.open(paths[0])).close();
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args, ...paths] })
      .output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assert(stdout.length > 0);
    if (name !== "backup") return;
    for (const few of [[], paths.slice(1)]) {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args, ...few] }).output();
      assertEquals([code, new TextDecoder().decode(stderr)], [2, backupUsage]);
    }
  });
}

for (const name of names.filter((name) => name !== "backup" && name !== "http_server")) {
  test(`examples/${name}.ts leaves nothing behind if it is given no path`, async (place) => {
    const script = new URL(`../../examples/${name}.ts`, import.meta.url).pathname;
    const args = ["run", "--no-prompt", `--allow-read=${place.path}`, `--allow-write=${place.path}`, script];
    const env = { TMPDIR: place.path };
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assert(stdout.length > 0);
    assertEquals([...Deno.readDirSync(place.path)], []);
  });
}

test("the ledger transfers what there is, whoever else transfers", async (place) => {
  const ledger = (await place.open()).timeline();
  const opened = await deposit(ledger, "ann", 100n);
  const transfers = Array.from({ length: 12 }, () => transfer(ledger, "ann", "bob", 10n));
  const results = await Promise.allSettled(transfers);
  const refused = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  assertEquals(refused.map((error) => error instanceof RangeError), [true, true]);
  assertEquals(await balances(ledger), new Map([["ann", 0n], ["bob", 100n]]));
  assertEquals(await balances(ledger, opened), new Map([["ann", 100n]]));
  assertEquals(await statement(ledger, "bob", 3), [100n, 90n, 80n]);
  assertEquals(ledger.durableLsn, ledger.lastLsn);
});

test("the ledger moves money from 64 tasks at once and loses none", async (place) => {
  const names = ["ann", "bob", "cy", "dot", "eve"], tasks = 64, each = 6;
  {
    const store = await place.open(), ledger = store.timeline();
    for (const name of names) await deposit(ledger, name, 1000n);
    await ledger.freeze();
    await Promise.all(Array.from({ length: tasks }, async (_, task) => {
      for (let i = 0; i < each; i++) {
        const from = (task + i) % names.length, to = (from + 1 + i % (names.length - 1)) % names.length;
        await transfer(ledger, names[from], names[to], BigInt(1 + task % 3));
      }
    }));
    // Each transfer is one batch, and changes two accounts.
    assertEquals(ledger.lastLsn, names.length + tasks * each);
    assert(store.metrics().conflicts > 0, "none met another");
    await place.close(store);
  }
  const ledger = (await place.open()).timeline();
  const found = await balances(ledger), statements = names.map((name) => statement(ledger, name, Infinity));
  assertEquals([...found.values()].reduce((sum, balance) => sum + balance, 0n), 5000n);
  assertEquals((await Promise.all(statements)).flat().length, names.length + 2 * tasks * each);
  for (let lsn = names.length; lsn <= ledger.lastLsn; lsn += 37) {
    const then = await balances(ledger, lsn);
    assertEquals([...then.values()].reduce((sum, balance) => sum + balance, 0n), 5000n, `as of LSN ${lsn}`);
  }
});

test("the cache answers once it has fetched, and forgets", async (place) => {
  const cache = (await place.open({ ioMode: "buffered" })).timeline();
  let fetches = 0;
  const fetch = (url: string) => {
    fetches++;
    return Promise.resolve(
      url.endsWith("/absent") ? new Response("no", { status: 404 }) : Response.json(url),
    );
  };
  for (const found of ["miss", "hit", "hit"]) {
    const response = await cached(cache, "https://a.test/1", fetch);
    assertEquals([response.headers.get("x-cache"), response.headers.get("content-type")], [
      found,
      "application/json",
    ]);
    assertEquals(await response.json(), "https://a.test/1");
  }
  assertEquals((await cached(cache, "https://a.test/absent", fetch)).status, 404);
  assertEquals([fetches, await forget(cache, "https://a.test/"), await forget(cache, "")], [2, 1, 0]);
  assertEquals((await cached(cache, "https://a.test/1", fetch)).headers.get("x-cache"), "miss");
});

test("time travel reads every moment, and puts one back", async (place) => {
  const timeline = (await place.open()).timeline();
  const first = await timeline.append([{ key: "a", value: "1" }, { key: "b", value: "1" }]);
  using moment = timeline.snapshot();
  await timeline.append([{ key: "a", value: "2" }]);
  const last = await timeline.append([{ key: "b", delete: true }, { key: "c", value: "3" }]);
  assertEquals(await documents(moment), { a: "1", b: "1" });
  assertEquals(await changed(timeline, first, last), ["a", "b", "c"]);
  assertEquals(await changed(timeline, first + 1, last), ["b", "c"]);
  await revert(timeline, "b", first);
  await revert(timeline, "c", first);
  using now = timeline.snapshot();
  assertEquals(await documents(now), { a: "2", b: "1" });
  assertEquals(await story(timeline, "b"), ["1: 1", "3: deleted", "4: 1"]);
});

test("a branch is tried out, compared and taken over, or not", async (place) => {
  const store = await place.open(), main = store.timeline();
  const first = await main.append([{ key: "a", value: "1" }, { key: "b", value: "1" }]);
  await main.append([{ key: "a", value: "2" }]);
  const trial = await tryOut(store, "trial"), early = await tryOut(store, "early", first);
  await trial.append([{ key: "b", delete: true }, { key: "c", value: "3" }]);
  await trial.append([{ key: "c", value: "4" }]);
  // What is put back is not taken over, nor what comes while changes are read, in part or in whole.
  for (const value of ["9", "2"]) await trial.append([{ key: "a", value }]);
  await main.append([{ key: "d", value: "5" }]);
  assertEquals([await prices(trial), await prices(early)], [{ a: "2", c: "4" }, { a: "1", b: "1" }]);
  const changing = changes(store, trial);
  const later = ["b", "c"].map((key) => trial.append([{ key, value: "later" }]));
  assertEquals(await changing, [
    { key: new TextEncoder().encode("b"), delete: true },
    { key: new TextEncoder().encode("c"), value: new TextEncoder().encode("4") },
  ]);
  await Promise.all(later);
  await trial.append([{ key: "b", delete: true }, { key: "c", value: "4" }]);
  assertEquals(await changes(store, early), []);
  assertEquals(await takeOver(store, trial), 4);
  assertEquals(await prices(main), { a: "2", c: "4", d: "5" });
  assertEquals(store.timelines().map(({ name }) => name), ["main", "early"]);
});

test("telemetry finds ranges of time", async (place) => {
  const timeline = (await place.open()).timeline();
  const samples = Array.from({ length: 1000 }, (_, i) => ({
    sensor: i % 2 ? "attic" : "cellar",
    time: i - 300,
    value: i / 10,
  }));
  await ingest(timeline, ReadableStream.from(samples));
  assertEquals([timeline.lastLsn, timeline.durableLsn], [4, 4]);
  assertEquals(await count(timeline, "attic", -1000, 1000), 500);
  assertEquals(await count(timeline, "cellar", -2, 2), 2);
  assertEquals(await average(timeline, "cellar", -300, -296), 0.1);
  assertEquals(await lastTime(timeline, "attic"), 699);
  assertEquals(await lastTime(timeline, "roof"), undefined);
});

/** The versions of every key, deleted ones too. */
async function versionsOf(timeline: Timeline): Promise<unknown[]> {
  const keys = await collect(timeline.scan({ keysOnly: true, deleted: true }));
  return await Promise.all(keys.map(async ({ key }) => [key, await collect(timeline.history(key))]));
}

test("a backup has all of history at the same LSNs, and goes on where it ended", async (place) => {
  await using from = await Store.open(`${place.path}/from`);
  await using to = await Store.open(`${place.path}/to`);
  await using now = await Store.open(`${place.path}/now`);
  const source = from.timeline(), target = to.timeline();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 50; i++) {
      await source.append([{ key: `k${i % 7}`, value: `${round} ${i}` }, { key: `d${i}`, value: "1" }]);
      if (i % 3 === 0) await source.append([{ key: `d${i}`, delete: true }]);
    }
    await source.append([], { lsn: source.lastLsn + 5000 });
    await backup.backUp(source, target);
    assertEquals([target.lastLsn, target.durableLsn], [source.lastLsn, source.lastLsn]);
    assertEquals(await versionsOf(target), await versionsOf(source));
  }
  assertEquals((await versionsOf(target)).length, 57);
  await backup.backUpNow(source, now.timeline());
  assertEquals(await now.timeline().count(), await source.count());
});

function requestFor(path: string, init?: RequestInit): Request {
  const request = new Request(`http://localhost${path}`, init);
  // The runtime warns whoever asks for it, since it is aborted also when all was sent.
  return Object.defineProperty(request, "signal", { get: () => unreachable() });
}

test("the server ends a scan that nobody reads any more", async (place) => {
  const store = await place.open();
  const value = "v".repeat(100_000);
  await store.timeline().append(Array.from({ length: 200 }, (_, i) => ({ key: `k${i}`, value })));
  const body = (await handler(store.timeline())(requestFor("/"))).body?.getReader();
  await body?.read();
  assertEquals(store.metrics().views, 1);
  await body?.cancel();
  // It passes the streams between one by one.
  for (let left = 3000; store.metrics().views > 0 && left > 0; left--) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assertEquals(store.metrics().views, 0);
});

test("the server answers many at once, streams, and says what is wrong", async (place) => {
  const store = await place.open();
  const answer = handler(store.timeline());
  const ask = (path: string, init?: RequestInit) => answer(requestFor(path, init));
  const put = (key: string, body: string) => ask(`/${key}`, { method: "PUT", body });
  const written = await Promise.all(Array.from({ length: 50 }, (_, i) => put(`k${i}`, `value ${i}`)));
  assertEquals(written.map(({ status }) => status), Array(50).fill(200));
  await ask("/k1", { method: "DELETE" });
  const bodies = await Promise.all(Array.from({ length: 1000 }, (_, i) => ask(`/k${i % 50}`)));
  assertEquals(bodies.filter(({ status }) => status === 404).length, 20);
  assertEquals(await bodies[49].text(), "value 49");
  assertEquals(await (await ask("/k1?lsn=50")).text(), "value 1");
  const lines = (await (await ask("/?prefix=k4")).text()).trim().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).key), [
    "k4",
    ...Array.from({ length: 10 }, (_, i) => `k4${i}`),
  ]);
  for (const path of ["/k1?lsn=99", "/k1?lsn=x", `/${"k".repeat(600)}`, "/%ff"]) {
    assertEquals((await ask(path)).status, 400, path);
  }
  assertEquals((await ask("/k1", { method: "PATCH" })).status, 405);
  // What is being answered when the store is closed ends with an error; what was written stays.
  const body = (await ask("/?prefix=")).body?.getReader();
  const closing = place.close(store);
  await assertRejects(async () => {
    while (!(await body?.read())?.done);
  });
  await closing;
  assertEquals(await (await place.open()).timeline().count(), 49);
});

test("what follows a timeline goes on where it stood, and misses nothing", async (place) => {
  await using others = place.within("copy");
  const orders = (await place.open()).timeline(), copy = (await others.open()).timeline();
  const totals = new Totals();
  const order = async (id: number, customer: string, amount: number) =>
    await orders.append([{ key: `order/${id}`, value: JSON.stringify({ customer, amount }) }]);
  for (let round = 0; round < 3; round++) {
    const stop = new AbortController();
    const following = [replicate(orders, copy, stop.signal), totals.follow(orders, stop.signal)];
    for (let i = 0; i < 20; i++) await order(round * 20 + i, "ann", i);
    if (round === 1) await orders.freeze();
    while (copy.lastLsn < orders.lastLsn || totals.lsn < orders.lastLsn) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    stop.abort();
    await Promise.all(following);
    // What nobody follows is told later.
    await order(1000 + round, "bob", 7);
  }
  assertEquals([totals.of("ann"), totals.of("bob"), copy.lastLsn], [3 * 190, 14, 62]);
  assertEquals(await collect(copy.changes()), await collect(orders.changes({ to: 62 })));
});
