import { assertEquals, assertInstanceOf } from "@std/assert";
import { IoError } from "../../../src/base/mod.ts";
import type { IoFile, Transfer } from "../../../src/io/engine.ts";
import { syncWritten } from "../../../src/io/transfer/transfer.ts";

function transferOf(file: IoFile, error?: Error): Transfer {
  return { file, offset: 4096, bytes: new Uint8Array(1), done: 1, error };
}

Deno.test("syncWritten() syncs each file once, and none that nothing was written to", async () => {
  const [a, b, c] = ["/a", "/b", "/c"].map((path) => ({ path, direct: false }));
  const synced: string[] = [];
  const broken = new Error("broken");
  const batch = [transferOf(a), transferOf(b), transferOf(a, broken), transferOf(a), transferOf(c, broken)];
  await syncWritten(batch, ({ path }) => {
    synced.push(path);
    return Promise.resolve();
  });
  assertEquals(synced, ["/a", "/b"]);
  assertEquals(batch.map(({ error }) => error), [undefined, undefined, broken, undefined, broken]);
});

Deno.test("syncWritten() fails the transfers of a file that cannot be synced, and no others", async () => {
  const [a, b] = ["/a", "/b"].map((path) => ({ path, direct: false }));
  const batch = [transferOf(a), transferOf(b), transferOf(b)];
  await syncWritten(batch, ({ path }) => {
    if (path === "/a") return Promise.resolve();
    throw Object.assign(new Error("no"), { code: "EIO" });
  });
  assertEquals(batch[0].error, undefined);
  for (const { error } of batch.slice(1)) {
    assertInstanceOf(error, IoError);
    assertEquals([error.code, error.operation, error.path], ["EIO", "datasync", "/b"]);
  }
});
