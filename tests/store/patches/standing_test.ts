/** What patches stand on, beside what else stores do: branches of branches, readers, snapshots, damage. */

import { assert, assertEquals } from "@std/assert";
import { collect } from "../bytes.ts";
import { type Place, test, testEach } from "../matrix.ts";
import { expects, redo, textOf, told, write } from "./fixture.ts";

testEach(
  "Patches of branches stand on what their ancestors have as of where they go on, to any depth",
  async (place) => {
    const store = await place.open(), main = store.timeline();
    await write(main, "a=1 a+2 b=1 / a+3 b! a+4");
    const one = await store.createTimeline("one", { ancestor: "main", lsn: 4 });
    await write(one, "a+x b+x / a+y");
    const two = await store.createTimeline("two", { ancestor: "one", lsn: 6 });
    await write(two, "a+p / c+p b+p");
    const three = await store.createTimeline("three", { ancestor: "two", lsn: 8 });
    await write(three, "a+q a+r b! b+r");
    const lines = [main, one, two, three];
    const expected = [
      { a: "1+2+3+4", history: "1 1+2 1+2+3 1+2+3+4" },
      { a: "1+2+3+x+y", b: "1+x", history: "1 1+2 1+2+3 1+2+3+x 1+2+3+x+y" },
      { a: "1+2+3+x+p", b: "1+x+p", c: "-+p", history: "1 1+2 1+2+3 1+2+3+x 1+2+3+x+p" },
      {
        a: "1+2+3+x+p+q+r",
        b: "-+r",
        c: "-+p",
        history: "1 1+2 1+2+3 1+2+3+x 1+2+3+x+p 1+2+3+x+p+q 1+2+3+x+p+q+r",
      },
    ];
    const check = async (when: string) => {
      for (const [i, timeline] of lines.entries()) {
        const { history, ...values } = expected[i], entries = Object.entries(values);
        const scanned = await collect(timeline.scan());
        assertEquals(
          scanned.map(({ key, value }) => [textOf(key), textOf(value)]),
          entries,
          `${timeline.name} ${when}`,
        );
        assertEquals(
          (await timeline.getMany(entries.map(([key]) => key))).map(textOf),
          entries.map(([, value]) => value),
          when,
        );
        for (const reverse of [false, true]) {
          const versions = (await collect(timeline.history("a", { reverse }))).map(({ value }) =>
            textOf(value)
          );
          assertEquals(
            (reverse ? versions.toReversed() : versions).join(" "),
            history,
            `${timeline.name} ${when}`,
          );
        }
        const { keys: [{ patches, valueBytes }] } = await timeline.explain(["a"]);
        assertEquals([patches, valueBytes], [values.a.split("+").length - 1, values.a.length], when);
      }
      assertEquals(
        (await told(three, { from: 3 })).slice(0, 4),
        ["3: b=1", "4: a+3", "5: a+x", "6: b+x"],
        when,
      );
    };
    await check("in memory");
    for (const timeline of lines) await timeline.freeze();
    await check("sealed");
    for (const timeline of lines) await timeline.compact();
    await check("merged");
    // Up to where a branch goes on from it, history of an ancestor may go; what patches of the branch stand on stays.
    for (const timeline of lines) await timeline.gc({ history: { lsns: 0 } });
    for (const [i, timeline] of lines.entries()) {
      const { history: _, ...values } = expected[i];
      for (const [key, value] of Object.entries(values)) {
        assertEquals(
          textOf(await timeline.get(key)),
          value,
          key,
        );
      }
    }
    for (const [timeline, lsn] of [[three, 10], [two, 7], [one, 7]] as const) {
      assertEquals([await expects(timeline, "a", 2), await expects(timeline, "a", lsn)], [lsn, true]);
    }
    assertEquals(await Array.fromAsync(store.verify()), []);
  },
  { redo },
);

test("A store that is only read follows patches, and redoes them by a redo of its own", async (place: Place) => {
  const store = await place.open({ redo }), timeline = store.timeline();
  await write(timeline, "a=1 a+2");
  await timeline.sync();
  const reader = await place.open({ readOnly: true, redo: (_key, _base, patches) => patches.at(-1)! });
  const read = reader.timeline();
  assertEquals([textOf(await read.get("a")), textOf(await timeline.get("a"))], ["2", "1+2"]);
  await write(timeline, "a+3 b+4");
  await timeline.sync();
  await reader.refresh();
  assertEquals((await read.getMany(["a", "b"])).map(textOf), ["3", "4"]);
  await timeline.gc({ history: { lsns: 0 } });
  await reader.refresh();
  assertEquals(
    (await read.getMany(["a", "b"])).map(textOf),
    ["1+2+3", "-+4"],
    "what was merged was redone by the writer",
  );
});

test("A snapshot reads patches that a merge has redone since", async (place: Place) => {
  const store = await place.open({ redo }), timeline = store.timeline();
  await write(timeline, "a=1 a+2 a+3 / a+4");
  using snapshot = timeline.snapshot(2);
  await timeline.gc({ history: { lsns: 0 } });
  assertEquals([textOf(await snapshot.get("a")), textOf(await timeline.get("a"))], ["1+2", "1+2+3+4"]);
  assertEquals((await timeline.explain(["a"])).keys[0].patches, 0);
});

test("verify() finds damaged patches, and says which versions it costs", async (place: Place) => {
  const store = await place.open({ redo }), timeline = store.timeline();
  for (let i = 0; i < 200; i++) {
    await timeline.append([{ key: `k${i % 20}`, [i < 20 ? "value" : "patch"]: "x".repeat(300) } as never]);
  }
  await timeline.compact();
  await place.close(store);
  const [path] = place.files(/\.delta$/), bytes = await Deno.readFile(path);
  bytes[4096 + 20_000] ^= 1;
  await Deno.writeFile(path, bytes);
  const damaged = await place.open({ redo }), findings = await Array.fromAsync(damaged.verify());
  assert(
    findings.length > 0 && findings.every(({ severity }) => severity === "damage"),
    JSON.stringify(findings),
  );
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`).sort();
  const entries = await collect(damaged.timeline().getVectored(keys, { damage: "report" }));
  const failed = entries.filter((entry) => "error" in entry);
  assert(
    failed.length > 0 && failed.length < 10 && failed.every(({ error }) => error.name === "CorruptionError"),
  );
  for (const entry of entries) if ("value" in entry) assertEquals(entry.value?.length, 300 * 10 + 9);
});
