/** Patches on values that are long: compressed in images, longer than what is taken at once, or too long in the end. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { LimitError, type Redo } from "../../../mod.ts";
import { visitRows } from "../../../src/timeline/mod.ts";
import { deadline } from "../../deadline.ts";
import { collect } from "../bytes.ts";
import { type Place, test } from "../matrix.ts";

const MiB = 1024 * 1024;

/** A patch is one byte, which stands in front of all from now on. */
const redo: Redo = (_key, base = new Uint8Array(), patches) => {
  const value = new Uint8Array(patches.length + base.length);
  value.set(patches.toReversed().map(([byte]) => byte));
  value.set(base, patches.length);
  return value;
};

test("Patches stand on values that are compressed, however long those are", async (place: Place) => {
  const store = await place.open({ redo }), timeline = store.timeline();
  for (const [i, key] of ["a", "b", "c"].entries()) {
    await timeline.append([{ key, value: "old" }]);
    await timeline.append([{ key, value: new Uint8Array(3 * MiB).fill(65 + i) }]);
  }
  await timeline.gc({ history: { lsns: 0 } });
  assert(timeline.layers()[0].byteLength < MiB, "they are compressed");
  for (const key of ["a", "c", "a"]) {
    await timeline.append([{ key, patch: new Uint8Array([key.charCodeAt(0)]) }]);
  }
  const expected = [[3 * MiB + 2, 97, 97, 65], [3 * MiB, 66, 66, 66], [3 * MiB + 1, 99, 67, 67]];
  const shape = (value: Uint8Array | undefined) => [value!.length, ...value!.subarray(0, 3)];
  const read = async () => {
    assertEquals(shape(await timeline.get("a")), expected[0]);
    assertEquals((await timeline.getMany(["a", "b", "c"])).map(shape), expected);
    assertEquals((await collect(timeline.scan())).map(({ value }) => shape(value)), expected);
    const rows: number[][] = [];
    await visitRows(timeline, {}, {}, ({ from, to, values: { bytes, starts, lengths } }) => {
      for (let row = from; row < to; row++) {
        rows.push(shape(bytes.subarray(starts[row], starts[row] + lengths[row])));
      }
      return Promise.resolve();
    });
    assertEquals(rows, expected);
  };
  for (let time = 0; time < 3; time++) {
    await deadline(read());
    await (time === 0 ? timeline.freeze() : timeline.gc({ history: { lsns: 0 } }));
  }
});

test("A value that patches make too long is an error of its key, and stays one when layers are merged", async (place: Place) => {
  const most = 64 * MiB;
  const store = await place.open({
    redo: ([name], _base, patches) => new Uint8Array(name === 97 ? most + patches.length : 1),
  });
  const timeline = store.timeline();
  await timeline.append([{ key: "a", value: "1" }, { key: "b", value: "" }]);
  await timeline.append([{ key: "a", patch: "2" }, { key: "b", patch: "3" }]);
  for (const time of ["in memory", "merged", "merged again"]) {
    const error = await assertRejects(() => timeline.get("a"), LimitError, "at LSN 2", time);
    assertEquals([error.limit, error.found], [most, most + 1]);
    const entries = await collect(timeline.getVectored(["a", "b"], { damage: "report" }));
    assertEquals(entries.map((one) => "error" in one ? one.error.name : one.value?.length), [
      "LimitError",
      1,
    ]);
    await (time === "in memory" ? timeline.gc({ history: { lsns: 0 } }) : timeline.compact());
    assert(store.io.notes.some((note) => note.includes("Patches of a key cannot be redone")), time);
  }
});
