import { assertEquals, assertMatch } from "@std/assert";
import { Store } from "../../src/store/mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { startVarve } from "./fixture.ts";

/** Reads to the end, and takes its time: the pipe is full long before. */
async function slowly(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const bytes: number[] = [];
  await new Promise((resolve) => setTimeout(resolve, 500));
  for await (const piece of stream) {
    for (const byte of piece) bytes.push(byte);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return Uint8Array.from(bytes);
}

Deno.test("varve ends only when a slow reader has all that it wrote", async () => {
  await using folder = new TemporaryFolder();
  const value = new Uint8Array(250_000).map((_, i) => i % 251);
  {
    await using store = await Store.open(folder.join("store"));
    await store.timeline().append([{ key: "k", value }]);
  }
  await using child = startVarve(folder, ["get", "store", "k"]);
  await child.stdin.close();
  const [out, err] = await Promise.all([slowly(child.stdout), slowly(child.stderr)]);
  assertEquals([(await child.status).code, err.length], [0, 0]);
  assertEquals(out, value);
});

Deno.test("varve says what went wrong also behind output that is read late", async () => {
  await using folder = new TemporaryFolder();
  const large = "x".repeat(250_000);
  {
    await using store = await Store.open(folder.join("store"));
    await store.timeline().append([{ key: "k", value: large }]);
  }
  // Its first lines fill the pipe, then it is told that a redo is missing.
  {
    await using store = await Store.open(folder.join("store"));
    await store.timeline().append([{ key: "l", patch: "y" }]);
  }
  await using child = startVarve(folder, ["scan", "store"]);
  await child.stdin.close();
  const [out, err] = await Promise.all([slowly(child.stdout), slowly(child.stderr)]);
  assertEquals([(await child.status).code, new TextDecoder().decode(out)], [1, `k\t${large}\n`]);
  assertMatch(new TextDecoder().decode(err), /^varve: .*redo.*\n$/);
});
