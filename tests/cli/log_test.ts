/** `varve log`: what it appends, shows, follows and gives up, and how it ends. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Log } from "../../src/log/mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { startVarve, varve } from "./fixture.ts";

async function shown(
  folder: TemporaryFolder,
  args: string[],
  input: string | Uint8Array = "",
): Promise<string> {
  const { code, out, err } = await varve(folder, ["log", ...args], input);
  assertEquals([code, err], [0, ""]);
  return out;
}

Deno.test("varve log append and cat take and show lines, JSON and raw bytes", async () => {
  await using folder = new TemporaryFolder();
  assertEquals(
    await shown(folder, ["append", "log", "--create"], "one\ntwo\n\nlast"),
    "Appended 4 records, at offsets 0 to 3\n",
  );
  assertEquals(await shown(folder, ["cat", "log"]), "one\ntwo\n\nlast\n");
  const bytes = Uint8Array.of(0, 255, 10, 7);
  assertEquals(await shown(folder, ["append", "log", "--raw"], bytes), "Appended 1 record, at offset 4\n");
  assertEquals((await varve(folder, ["log", "cat", "log", "--raw", "--from", "4"])).bytes, bytes);
  const json = await shown(folder, ["cat", "log", "--json", "--from", "3"]);
  assertEquals(json, '{"offset":3,"payload":"last"}\n{"offset":4,"payloadBase64":"AP8KBw=="}\n');
  assertEquals(
    await shown(folder, ["append", "other", "--create", "--json"], json),
    "Appended 2 records, at offsets 0 to 1\n",
  );
  assertEquals((await varve(folder, ["log", "cat", "other", "--raw", "--from", "1"])).bytes, bytes);
  assertEquals(await shown(folder, ["cat", "log", "--from", "1", "--to", "2"]), "two\n");
  assertEquals(await shown(folder, ["cat", "log", "--since", "2020-01-01", "--to", "1"]), "one\n");
  assertEquals(await shown(folder, ["append", "log"], ""), "Appended 0 records\n");
});

Deno.test("varve log info and truncate show and give up", async () => {
  await using folder = new TemporaryFolder();
  await shown(folder, ["append", "log", "--create", "--tail", "rewrite"], "a\n".repeat(100));
  const info = await shown(folder, ["info", "log"]);
  assertStringIncludes(info, "100 records, offsets from 0 to before 100, ");
  assertEquals(info.split("\n").length, 4);
  assertEquals(await shown(folder, ["truncate", "log", "40"]), "40\n");
  const { firstOffset, nextOffset, segments } = JSON.parse(await shown(folder, ["info", "log", "--json"]));
  assertEquals([firstOffset, nextOffset, segments.length], [40, 100, 1]);
  assertEquals((await shown(folder, ["cat", "log"])).length, 120);
  assertEquals(await shown(folder, ["tail", "log", "-n", "3"]), "a\na\na\n");
  assertEquals((await shown(folder, ["tail", "log"])).length, 20);
  assertEquals(await shown(folder, ["tail", "log", "-n", "1000"]), "a\n".repeat(60));
});

Deno.test("varve log tail -f shows what another process appends, until it is interrupted", async () => {
  await using folder = new TemporaryFolder();
  await using log = await Log.open(folder.join("log"));
  const encoder = new TextEncoder();
  await log.append(encoder.encode("before"), { sync: true });
  const child = startVarve(folder, ["log", "tail", "log", "-f"]);
  await child.stdin.close();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (end: string) => {
    while (!text.endsWith(end)) text += (await reader.read()).value ?? "";
  };
  await until("before\n");
  for (let i = 0; i < 5; i++) {
    await log.append(encoder.encode(`event ${i}`));
    await until(`event ${i}\n`);
  }
  child.kill("SIGINT");
  assertEquals((await child.status).code, 130);
  assertEquals(text, "before\nevent 0\nevent 1\nevent 2\nevent 3\nevent 4\n");
  await reader.cancel();
  await child.stderr.cancel();
});

Deno.test("varve log says what is wrong, and touches nothing", async () => {
  await using folder = new TemporaryFolder();
  await shown(folder, ["append", "log", "--create"], "a\nb\n");
  const wrong: [string[], string | Uint8Array, number, string][] = [
    [["append", "none"], "a", 1, "there is no log (--create makes one)\n"],
    [["cat", "none"], "", 1, "there is no log\n"],
    [["truncate", "none", "1"], "", 1, "there is no log\n"],
    [["cat", "log", "--from", "3"], "", 1, "the next is at 2"],
    [["cat", "log", "--json", "--raw"], "", 2, "exclude each other"],
    [["cat", "log", "--from", "x"], "", 2, "--from takes"],
    [["cat", "log", "--from", "1", "--since", "2026-01-31"], "", 2, "--since and --from exclude each other"],
    [["tail", "log", "--from", "1", "-n", "1"], "", 2, "--count and --from exclude each other"],
    [["cat", "log", "--timeline", "x"], "", 2, "a log has none"],
    [["append", "log", "--tail", "cut"], "", 2, "--tail takes pad, rewrite"],
    [["append", "log", "--json"], "{}", 1, 'line 1: expected {"payload"}'],
    [["append", "log", "--json"], "nothing", 1, "line 1: it is no JSON"],
    [["append", "log", "--json"], '{"payloadBase64":"?"}', 1, "no base64"],
    [["truncate", "log", "3"], "", 1, "the next is at 2"],
    [["truncate", "log", "1.5"], "", 2, "whole number"],
    [["truncate", "log"], "", 2, "<offset> is missing"],
  ];
  for (const [args, input, code, says] of wrong) {
    const ran = await varve(folder, ["log", ...args], input);
    assertEquals([ran.code, ran.out], [code, ""], args.join(" "));
    assertStringIncludes(ran.err, says);
  }
  assertEquals(await shown(folder, ["cat", "log"]), "a\nb\n");
  assert((await varve(folder, ["log", "--help"])).out.includes("Append lines of standard input"));
});
