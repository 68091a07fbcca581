/** Keys of several parts on the command line. */

import { assertEquals } from "@std/assert";
import { TemporaryFolder } from "../git/fixture.ts";
import { varve } from "./fixture.ts";

async function shown(folder: TemporaryFolder, ...args: string[]): Promise<string> {
  const { code, out, err } = await varve(folder, args);
  assertEquals([code, err], [0, ""], args.join(" "));
  return out;
}

Deno.test("varve reads, writes and prefixes by --key-parts, and then shows keys as their parts", async () => {
  await using folder = new TemporaryFolder();
  const ann = '["user",7]', name = '["user",7,"name"]', namesake = '["user\\u0000",7]';
  await shown(folder, "put", "store", "--key-parts", ann, "1", "--create");
  await shown(folder, "put", "store", "--key-parts", name, "Ann");
  await shown(folder, "put", "store", `--key-parts=${namesake}`, "2");
  await shown(folder, "put", "store", "user", "plain");
  assertEquals(await shown(folder, "get", "store", "--key-parts", name), "Ann");
  assertEquals(await shown(folder, "scan", "store", "--key-parts", '["user"]'), `${ann}\t1\n${name}\tAnn\n`);
  assertEquals((await shown(folder, "scan", "store", "--key-parts", "[]")).split("\n").length, 5);
  const json = `{"keyParts":${name},"lsn":2,"value":"Ann"}\n`;
  assertEquals(await shown(folder, "get", "store", "--key-parts", name, "--json"), json);
  assertEquals(await shown(folder, "history", "store", "--key-parts", name, "--json"), json);
  assertEquals(await shown(folder, "scan", "store", "--key-parts", name, "--json"), json);
  assertEquals(
    await shown(folder, "scan", "store", "--key-parts", name, "--raw"),
    "\x02user\0\x03\xc0\x1c\0\0\0\0\0\0\x02name\0\tAnn\n".replace("\xc0", "\ufffd"),
  );
  await shown(folder, "delete", "store", "--key-parts", ann);
  assertEquals(await shown(folder, "scan", "store", "--key-parts", '["user"]'), `${name}\tAnn\n`);
});

Deno.test("varve refuses --key-parts that are none, or stand beside another key", async () => {
  await using folder = new TemporaryFolder();
  const wrong: [string[], string][] = [
    [["get", "store", "--key-parts", "[null]"], "--key-parts takes parts such as"],
    [["get", "store", "--key-parts", "[1]", "--key", "[1]"], "--key-parts and --key are the same"],
    [["get", "store", "k", "--key-parts", "[1]"], '"k" is one argument too many'],
    [["scan", "store", "--key-parts", "[1]", "--prefix", "a"], "--key-parts and --prefix exclude each other"],
    [["scan", "store", "--key-parts", "user"], "--key-parts takes parts such as"],
  ];
  for (const [args, message] of wrong) {
    const { code, err } = await varve(folder, args);
    assertEquals([code, err.includes(message)], [2, true], `${args.join(" ")}: ${err}`);
  }
});
