import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../../src/cli/mod.ts";
import { metricsLine } from "../../src/cli/seeing/metrics_line.ts";
import { Store } from "../../mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { FakeTerminal } from "./fixture.ts";

Deno.test("metricsLine() leaves out what did not happen", async () => {
  await using folder = new TemporaryFolder();
  await using store = await Store.open(folder.join("store"), { ioEngine: "node", memoryBytes: 32 << 20 });
  assertEquals(metricsLine(store.metrics()), "writing 0 B of 32 MiB  0 to seal  0 layers stored");
  const timeline = store.timeline();
  await timeline.append([{ key: "a", value: "1" }]);
  await timeline.freeze();
  await timeline.get("a");
  await timeline.get("a");
  assertMatch(
    metricsLine(store.metrics()),
    /^append p50 \d+\.\d+ ms p99 \d+\.\d+ ms {2}writing .* of 32 MiB {2}0 to seal {2}1 layer stored {2}cache 50 %$/,
  );
});

Deno.test("varve load --metrics shows metrics beside the progress, and nothing of them without it", async () => {
  await using folder = new TemporaryFolder();
  const lines = Array.from({ length: 150_000 }, (_, i) => `{"key":"key ${i}","value":"value"}\n`);
  await Deno.writeTextFile(folder.join("lines"), lines.join(""));
  const load = async (...options: string[]) => {
    const terminal = new FakeTerminal(true, 200), store = folder.join(`store${options.length}`);
    assertEquals(await main(["load", store, folder.join("lines"), "--create", ...options], terminal), 0);
    return terminal.notes.filter((note) => note.includes("MiB/s"));
  };
  const plain = await load(), shown = await load("--metrics");
  assert(plain.length > 0 && shown.length > 0);
  assertEquals(plain.filter((note) => note.includes("writing")), []);
  for (const note of shown) assertMatch(note, /changes? .*writing .* of 256 MiB {2}/);
});
