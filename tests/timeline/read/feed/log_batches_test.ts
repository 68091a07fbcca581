/** Memory of what a feed tells: whoever keeps a key keeps little. */

import { assert, assertEquals } from "@std/assert";
import { SimEngine } from "../../../../src/sim/mod.ts";
import { mostBlockBytes } from "../../../../src/timeline/read/records/copies.ts";
import { collect } from "../../../store/bytes.ts";
import { WriterFixture } from "../../write/writer_fixture.ts";

Deno.test("changes() gives keys that keep none of a large value, or of large patches, from being freed", async () => {
  const t = await WriterFixture.open(new SimEngine());
  t.append(
    { key: "a", value: "1" },
    { key: "b", value: "v".repeat(100_000) },
    { key: "c", patch: "p".repeat(100_000) },
    { key: "d", value: "2" },
  );
  const check = async (when: string) => {
    const [{ changes }] = await collect(t.timeline.changes());
    const [a, b, c, d] = changes;
    assertEquals([a, b, c, d].map(({ key }) => new TextDecoder().decode(key)), ["a", "b", "c", "d"], when);
    for (const { key } of changes) assert(key.buffer.byteLength <= mostBlockBytes, when);
    assert("value" in b && b.value.length === 100_000 && b.value.every((byte) => byte === 0x76), when);
    assert("patch" in c && c.patch.length === 100_000 && c.patch.every((byte) => byte === 0x70), when);
  };
  await check("in memory");
  await t.writer.freeze();
  await check("sealed");
  await t.timeline.compact();
  await check("merged");
  await t.close();
});
