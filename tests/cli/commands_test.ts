import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import deno from "../../deno.json" with { type: "json" };
import { encodeKey } from "../../src/base/mod.ts";
import { main } from "../../src/cli/mod.ts";
import { Store } from "../../src/store/mod.ts";
import { gitTest, TemporaryFolder } from "../git/fixture.ts";
import { FakeTerminal, program, startVarve, varve } from "./fixture.ts";

const decoder = new TextDecoder();

/** Runs the program and expects it to do what it is asked. */
async function shown(folder: TemporaryFolder, ...args: string[]): Promise<string> {
  const { code, out, err } = await varve(folder, args);
  assertEquals([code, err], [0, ""], args.join(" "));
  return out;
}

Deno.test("varve put, delete, get and history work on one key", async () => {
  await using folder = new TemporaryFolder();
  assertEquals(await shown(folder, "put", "store", "k", "one", "--create"), "1\n");
  assertEquals(await shown(folder, "put", "store", "k", "two", "--lsn", "7"), "7\n");
  assertEquals(await shown(folder, "delete", "store", "k"), "8\n");
  assertEquals(await shown(folder, "get", "store", "k", "--lsn", "6"), "one");
  assertEquals(await shown(folder, "get", "store", "k", "--lsn=7", "--text"), "two\n");
  assertEquals(
    await shown(folder, "get", "store", "k", "--lsn=7", "--json"),
    '{"key":"k","lsn":7,"value":"two"}\n',
  );
  assertEquals(await shown(folder, "history", "store", "k"), "1\tput\tone\n7\tput\ttwo\n8\tdelete\n");
  assertEquals(await shown(folder, "history", "store", "k", "--from", "2", "--to", "7"), "7\tput\ttwo\n");
  assertEquals(
    await shown(folder, "history", "store", "k", "--from", "8", "--json"),
    '{"key":"k","lsn":8,"delete":true}\n',
  );
  assertEquals(await shown(folder, "history", "store", "unknown"), "");
});

Deno.test("varve get of an absent key ends with 1", async () => {
  await using folder = new TemporaryFolder();
  await shown(folder, "put", "store", "k", "v", "--create");
  const now = await varve(folder, ["get", "store", "new\nline"]);
  assertEquals([now.code, now.out, now.err], [1, "", 'varve: Cannot find key "new\\nline"\n']);
  const before = await varve(folder, ["get", "store", "k", "--lsn", "0"]);
  assertEquals([before.code, before.err], [1, 'varve: Cannot find key "k" as of LSN 0\n']);
});

Deno.test("varve put takes any bytes from standard input and get gives them back", async () => {
  await using folder = new TemporaryFolder();
  const value = crypto.getRandomValues(new Uint8Array(60_000));
  value.set([0x1b, 0x5b, 0x33, 0x31, 0x6d, 0xff]);
  assertEquals((await varve(folder, ["put", "store", "/w==", "--base64", "--create"], value)).code, 0);
  const raw = await varve(folder, ["get", "store", "/w==", "--base64"]);
  assertEquals(raw.bytes, value);
  const json = JSON.parse(await shown(folder, "get", "store", "/w==", "--base64", "--json"));
  assertEquals(Uint8Array.fromBase64(json.valueBase64), value);
  assertEquals(json.keyBase64, "/w==");
  const text = await shown(folder, "get", "store", "/w==", "--base64", "--text");
  assert(text.startsWith("\\x1b[31m\\xff"));
  assert(!text.slice(0, -1).match(/\p{Cc}/u));
});

Deno.test("varve scan shows ranges", async () => {
  await using folder = new TemporaryFolder();
  const lines = ["a/1", "a/2", "a/3", "b/1", "tab\t"].map((key) =>
    JSON.stringify({ key, value: `of ${key}` })
  );
  await varve(folder, ["load", "store", "--create"], lines.join("\n"));
  await shown(folder, "delete", "store", "a/2");
  const scan = (...args: string[]) => shown(folder, "scan", "store", ...args);
  assertEquals(await scan(), "a/1\tof a/1\na/3\tof a/3\nb/1\tof b/1\ntab\\t\tof tab\\t\n");
  assertEquals(await scan("--prefix", "a/"), "a/1\tof a/1\na/3\tof a/3\n");
  assertEquals(await scan("--start", "a/3", "--end", "b/1"), "a/3\tof a/3\n");
  assertEquals(
    await scan("--prefix", "a/", "--reverse", "--lsn", "1", "--limit", "2"),
    "a/3\tof a/3\na/2\tof a/2\n",
  );
  assertEquals(await scan("--limit", "0"), "");
  assertEquals(await scan("--start", "tab", "--raw"), "tab\t\tof tab\t\n");
  assertEquals(
    await scan("--start", "b", "--limit", "1", "--json"),
    '{"key":"b/1","lsn":1,"value":"of b/1"}\n',
  );
});

Deno.test("varve works on the timeline that --timeline names", async () => {
  await using folder = new TemporaryFolder();
  await shown(folder, "put", "store", "k", "in main", "--create");
  await shown(folder, "put", "store", "k", "in other", "--timeline", "other", "--create");
  assertEquals(await shown(folder, "get", "store", "k"), "in main");
  assertEquals(await shown(folder, "get", "store", "k", "--timeline", "other"), "in other");
  const missing = await varve(folder, ["get", "store", "k", "--timeline", "missing"]);
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.err, "missing");
  assertEquals((await varve(folder, ["delete", "store", "k", "--timeline", "missing"])).code, 1);
});

Deno.test("varve layers and stats describe the store", async () => {
  await using folder = new TemporaryFolder();
  {
    await using store = await Store.open(folder.join("store"));
    await store.timeline().append([{ key: "first", value: "v" }, { key: "k".repeat(100), delete: true }]);
    await store.timeline().freeze();
    await store.timeline().append([{ key: "second", value: "v" }]);
  }
  const layers = (await shown(folder, "layers", "store")).split("\n");
  assertMatch(
    layers[0],
    /^kind +level +LSNs +keys +versions +deletions +size +(?:on disk +)?first key +last key +file$/,
  );
  assertMatch(
    layers[2],
    /^L0 +0 +1–1 +2 +2 +1 +[0-9.]+ MiB +(?:[0-9.]+ MiB +)?first +k+… +[0-9a-f]+\/[^ ]+$/,
  );
  const listed = (await shown(folder, "layers", "store", "--json")).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertEquals(listed.map(({ kind, versions }) => [kind, versions]), [[listed[0].kind, 1], ["L0", 2]]);
  assertEquals(listed[1].firstKeyBase64, new TextEncoder().encode("first").toBase64());
  const stats = await shown(folder, "stats", "store", "--io-engine", "node", "--io-mode", "buffered");
  assertMatch(stats, /engine +node/);
  assertMatch(stats, /mode +buffered/);
  const parsed = JSON.parse(await shown(folder, "stats", "store", "--json", "--io-engine", "node"));
  assertEquals(parsed.io.engine, "node");
});

Deno.test("varve layers shows what files take on disk where that is not their size", async () => {
  await using folder = new TemporaryFolder();
  const shows = async () => (await shown(folder, "layers", "store")).split("\n")[0].includes("on disk");
  const differs = async () => {
    await using store = await Store.open(folder.join("store"), { readOnly: true });
    return store.timeline().layers().some(({ path, byteLength }) => {
      const { blocks } = Deno.statSync(path);
      return blocks !== null && blocks * 512 !== byteLength;
    });
  };
  await shown(folder, "put", "store", "k", "v", "--create");
  // A block is more than the bytes in it.
  assertEquals([await shows(), await differs()], [true, true]);
  const store = await Store.open(folder.join("store"));
  await store.timeline().freeze();
  await store.close();
  assertEquals(await shows(), await differs());
});

Deno.test("varve layers shows structured keys as parts", async () => {
  await using folder = new TemporaryFolder();
  const first = ["user", 42], last = "z\x9f";
  {
    await using store = await Store.open(folder.join("store"));
    await store.timeline().append([{ key: encodeKey(first), value: "v" }, { key: last, value: "v" }]);
    await store.timeline().freeze();
  }
  const plain = await shown(folder, "layers", "store");
  assertStringIncludes(plain, "  \\x02user\\x00");
  const parts = await shown(folder, "layers", "store", "--parts");
  assertStringIncludes(parts, '  ["user",42]  z\\xc2\\x9f  ');
  const layer = JSON.parse(await shown(folder, "layers", "store", "--parts", "--json"));
  assertEquals([layer.kind, layer.firstKeyParts], ["L0", first]);
  assertEquals(layer.lastKeyBase64, new TextEncoder().encode(last).toBase64());
  const coded = JSON.parse(await shown(folder, "layers", "store", "--json"));
  assertEquals(coded.firstKeyBase64, encodeKey(first).toBase64());
});

Deno.test({
  name: "varve says that its output cannot be written",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = new TemporaryFolder();
    await shown(folder, "put", "store", "k", "v", "--create");
    for (const args of [["scan", "store"], ["stats", "store"], ["--help"]]) {
      const words = [Deno.execPath(), "run", "-A", "--no-prompt", program, ...args];
      const { code, stderr } = await new Deno.Command("sh", {
        args: ["-c", '"$@" > /dev/full', "sh", ...words],
        cwd: folder.path,
      }).output();
      assertEquals(code, 1);
      assertMatch(decoder.decode(stderr), /^varve: Cannot write output: No space left on device[^\n]*\n$/);
    }
  },
});

Deno.test("varve shows help and its version", async () => {
  await using folder = new TemporaryFolder();
  assertEquals(await shown(folder, "--version"), `varve ${deno.version}\n`);
  const help = await shown(folder, "--help");
  assertEquals(await shown(folder, "help"), help);
  const commands = [
    "create",
    "load",
    "import git",
    "put",
    "delete",
    "get",
    "scan",
    "history",
    "layers",
    "stats",
    "top",
  ];
  for (const command of commands) {
    assertStringIncludes(help, `  ${command} `);
    const own = await shown(folder, ...command.split(" "), "--help");
    assertStringIncludes(own, `Usage: varve ${command} <`);
    if (command.includes(" ")) assertEquals(await shown(folder, "help", ...command.split(" ")), own);
  }
  const git = await shown(folder, "import", "git", "--help");
  for (const args of [["import", "--help"], ["import", "-h"], ["help", "import"]]) {
    assertEquals(await shown(folder, ...args), git, args.join(" "));
  }
  const salvage = await shown(folder, "salvage", "--help");
  assertEquals([salvage.includes("--timeline"), salvage.includes("--io-mode")], [false, true]);
  assertEquals(Array.from(Deno.readDirSync(folder.path)), []);
});

Deno.test("varve asked wrongly ends with 2 and one line", async () => {
  await using folder = new TemporaryFolder();
  const wrong: [string[], string][] = [
    [[], "A command is missing"],
    [["frob"], '"frob" is no command'],
    [["import", "svn"], '"import svn" is no command, "import git" is'],
    [["import"], '"import" is no command, "import git" is'],
    [["help", "import", "svn"], '"import svn" is no command, "import git" is'],
    [["help", "frob"], '"frob" is no command'],
    [["--timeline", "main", "scan"], 'The command comes first, found "--timeline"'],
    [["get", "store"], "<key> is missing"],
    [["get", "store", "k", "more"], '"more" is one argument too many'],
    [["get", "store", "k", "--frob"], "--frob is no option"],
    [["scan", "store", "--prefix", "a", "--key", '["a"]'], "--key and --prefix exclude each other"],
    [["get", "store", "--key", "[1"], "after array element in JSON at position 2 (see"],
    [["get", "store", "k", "--lsn", "1.5"], '--lsn takes an LSN from 0 on, not "1.5"'],
    [["get", "store", "k", "--lsn", "9007199254740993"], "--lsn takes an LSN"],
    [["get", "store", "k", "--lsn="], "--lsn takes an LSN"],
    [["put", "store", "k", "v", "--lsn", "0"], "--lsn takes an LSN from 1 on"],
    [["get", "store", "k!", "--base64"], '"k!" is not base64'],
    [["scan", "store", "--limit", "-1"], '--limit takes a count, not "-1"'],
    [["get", "store", "k", "--lsn", "-1"], '--lsn takes an LSN from 0 on, not "-1"'],
    [["history", "store", "k", "--from", "-3"], '--from takes an LSN from 0 on, not "-3"'],
    [["put", "store", "k", "--wait", "5"], "write --wait=5"],
    [["scan", "store", "--limit", "many"], '--limit takes a count, not "many"'],
    [["scan", "store", "--io-mode", "fast"], '--io-mode takes buffered, direct, direct-rw, not "fast"'],
    [["scan", "store", "--io-engine", "sim"], "--io-engine takes"],
  ];
  for (const [args, message] of wrong) {
    const { code, out, err } = await varve(folder, args);
    assertEquals([code, out], [2, ""], args.join(" "));
    assertMatch(err, /^varve: .*see "varve .*--help"\)\n$/);
    assertStringIncludes(err, message);
  }
  assertEquals(Array.from(Deno.readDirSync(folder.path)), []);
});

Deno.test("varve that fails ends with 1 and one line", async () => {
  await using folder = new TemporaryFolder();
  await shown(folder, "put", "store", "k", "v", "--create");
  await Deno.mkdir(folder.join("plain"));
  await Deno.writeTextFile(folder.join("plain/file"), "not a store");
  const failing: [string[], string][] = [
    [["get", "absent", "k"], "absent"],
    [["get", "plain", "k"], "plain"],
    [["put", "plain", "k", "v", "--create"], "plain"],
    [["put", "absent", "k", "v"], "--create makes one"],
    [["delete", "absent", "k"], "absent"],
    [["get", "store", "k", "--lsn", "2"], "LSN 2"],
    [["put", "store", "k", "v", "--lsn", "1"], "LSN 1"],
    [["get", "store", "--key", '["user",1]'], 'Cannot find key ["user",1]\n'],
    [["load", "store", "absent"], "Cannot load absent: No such file or directory (os error 2)\n"],
    [["load", "store", "plain"], "Cannot load plain: it is a folder\n"],
    [["put", "store", "", "v"], "empty"],
    [["put", "store", "k".repeat(513), "v"], "513"],
  ];
  for (const [args, message] of failing) {
    const { code, out, err } = await varve(folder, args);
    assertEquals([code, out], [1, ""], args.join(" "));
    assertMatch(err, /^varve: [^\n]*\n$/);
    assertStringIncludes(err, message);
  }
  const left = Array.from(Deno.readDirSync(folder.path), ({ name }) => name).sort();
  assertEquals(left, ["plain", "store"]);
});

gitTest("varve import git of what is no repository makes no store", async () => {
  await using folder = new TemporaryFolder();
  await Deno.mkdir(folder.join("plain"));
  for (
    const [repository, message] of [["plain", "not a git repository"], [
      "absent",
      "No such file or directory",
    ]]
  ) {
    const { code, out, err } = await varve(folder, ["import", "git", repository, "new"]);
    assertEquals([code, out], [1, ""]);
    assertMatch(err, /^varve: [^\n]*\n$/);
    assertStringIncludes(err, message);
  }
  assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["plain"]);
});

Deno.test("varve import git without git says so", async () => {
  await using folder = new TemporaryFolder();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-run", program, "import", "git", ".", "new"],
    cwd: folder.path,
    env: { PATH: folder.path },
  }).output();
  assertEquals(code, 1);
  assertMatch(decoder.decode(stderr), /^varve: Cannot run git: it is not installed[^\n]*\n$/);
});

Deno.test("varve reads a store without permission to write", async () => {
  await using folder = new TemporaryFolder();
  await shown(folder, "put", "store", "k", "v", "--create");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      `--allow-read=${folder.path}`,
      program,
      "get",
      "store",
      "k",
    ],
    cwd: folder.path,
  }).output();
  assertEquals([code, decoder.decode(stdout), decoder.decode(stderr)], [0, "v", ""]);
});

Deno.test("varve ends quietly when nobody reads its output any more", async () => {
  await using folder = new TemporaryFolder();
  const value = "x".repeat(1000);
  const lines = Array.from({ length: 5000 }, (_, key) => JSON.stringify({ key: `k${key}`, value }));
  await varve(folder, ["load", "store", "--create"], lines.join("\n"));
  for (const args of [["scan", "store"], ["scan", "store", "--json"], ["scan", "store", "--raw"]]) {
    const child = startVarve(folder, args);
    await child.stdin.close();
    const reader = child.stdout.getReader();
    const { value: first } = await reader.read();
    assert(decoder.decode(first).includes("k0"));
    await reader.cancel();
    const complaint = await new Response(child.stderr).text();
    const { code, signal } = await child.status;
    assertEquals([complaint, code, signal], ["", 0, null]);
  }
});

Deno.test("varve makes a store only where it is asked to", async () => {
  await using folder = new TemporaryFolder();
  for (const args of [["put", "typo", "k", "v"], ["delete", "typo", "k"], ["load", "typo"]]) {
    const { code, err } = await varve(folder, args, '{"key":"a","value":"1"}');
    assertEquals(code, 1);
    assertStringIncludes(err, 'Cannot open store "typo": there is no store (--create makes one)');
  }
  assertEquals(Array.from(Deno.readDirSync(folder.path)), []);
  assertEquals(await shown(folder, "create", "store"), "");
  assertEquals(await shown(folder, "put", "store", "k", "v"), "1\n");
  assertEquals((await varve(folder, ["put", "store", "k", "v", "--timeline", "typo"])).code, 1);
  assertEquals(await shown(folder, "create", "store", "--timeline", "other"), "");
  assertEquals(await shown(folder, "put", "store", "k", "v", "--timeline", "other"), "1\n");
  assertEquals(await shown(folder, "create", "store"), "");
  assertEquals(await shown(folder, "get", "store", "k"), "v");
  assertEquals(await shown(folder, "delete", "new", "k", "--create"), "1\n");
});

Deno.test("varve --wait waits for the process that writes, so long at most", async () => {
  await using folder = new TemporaryFolder();
  const store = await Store.open(folder.join("store"));
  const refused = await varve(folder, ["put", "store", "k", "v"]);
  const tooLong = await varve(folder, ["put", "store", "k", "v", "--wait=0.2"]);
  for (const { code, err } of [refused, tooLong]) {
    assertEquals(code, 1);
    assertStringIncludes(err, "Cannot lock");
  }
  const waiting = varve(folder, ["put", "store", "k", "v", "--wait"]);
  const limited = varve(folder, ["load", "store", "--wait=60"], '{"key":"b","value":"1"}');
  await new Promise((resolve) => setTimeout(resolve, 500));
  await store.close();
  assertEquals((await waiting).err, "");
  assertEquals((await limited).err, "");
  assertEquals(await shown(folder, "scan", "store"), "b\t1\nk\tv\n");
});

Deno.test("varve takes and shows structured keys as parts", async () => {
  await using folder = new TemporaryFolder();
  const bob = '["user",10,{"bigint":"-7"}]', ann = '["user",2]';
  await shown(folder, "put", "store", "--key", bob, "Bob", "--create");
  await shown(folder, "put", "store", "--key", ann, "Ann");
  await shown(folder, "put", "store", "plain", "text");
  assertEquals(await shown(folder, "get", "store", "--key", bob), "Bob");
  assertEquals(
    await shown(folder, "scan", "store", "--parts"),
    `${ann}\tAnn\n${bob}\tBob\nplain\ttext\n`,
  );
  const json = await shown(folder, "scan", "store", "--key", '["user",10]', "--parts", "--json");
  assertEquals(json, `{"keyParts":${bob},"lsn":1,"value":"Bob"}\n`);
  assertEquals(await shown(folder, "history", "store", "--key", bob, "--parts", "--json"), json);
  assertEquals((await varve(folder, ["load", "copy", "--create"], json)).code, 0);
  assertEquals(await shown(folder, "scan", "copy", "--parts"), `${bob}\tBob\n`);
  await shown(folder, "delete", "store", "--key", ann);
  assertEquals(await shown(folder, "scan", "store", "--key", '["user"]', "--parts"), `${bob}\tBob\n`);
  for (const args of [["get", "store", "--key", "[null]"], ["get", "store", "k", "--key", ann]]) {
    assertEquals((await varve(folder, args)).code, 2);
  }
});

Deno.test("varve get shows a terminal text that is safe, and else writes bytes", async () => {
  await using folder = new TemporaryFolder();
  await using store = await Store.open(folder.join("store"));
  await store.timeline().append([{ key: "k", value: "\x1b[31mred" }], { sync: true });
  const got = async (outputIsSeen: boolean, ...options: string[]) => {
    const terminal = new FakeTerminal(false, 80, outputIsSeen);
    assertEquals(await main(["get", folder.join("store"), "k", ...options], terminal), 0);
    return terminal.written.map((bytes) => decoder.decode(bytes)).join("");
  };
  const bytes = "\x1b[31mred", text = "\\x1b[31mred\n";
  assertEquals(await got(true), text);
  assertEquals(await got(false), bytes);
  assertEquals(await got(true, "--raw"), bytes);
  assertEquals(await got(false, "--text"), text);
});

Deno.test("varve put and delete write only what is expected to stand with --expect-lsn, or end with 5", async () => {
  await using folder = new TemporaryFolder();
  const put = (...args: string[]) => shown(folder, "put", "store", "k", ...args);
  assertEquals(await put("one", "--create", "--expect-lsn", "0"), "1\n");
  assertEquals(await put("two", "--expect-lsn", "1"), "2\n");
  for (const args of [["put", "store", "k", "three"], ["delete", "store", "k"]]) {
    for (const [expected, words] of [["0", "no value"], ["1", "LSN 1"], ["7", "LSN 7"]]) {
      const { code, out, err } = await varve(folder, [...args, "--expect-lsn", expected]);
      const message = `varve: Cannot append: expected key "k" to have ${words}, found LSN 2\n`;
      assertEquals([code, out, err], [5, "", message]);
    }
  }
  assertEquals(await shown(folder, "delete", "store", "k", "--expect-lsn=2"), "3\n");
  const { code, err } = await varve(folder, ["put", "store", "k", "four", "--expect-lsn", "2"]);
  assertEquals([code, err.endsWith("to have LSN 2, found no value\n")], [5, true]);
  assertEquals(await put("four", "--expect-lsn", "0", "--lsn", "9"), "9\n");
  assertEquals((await varve(folder, ["put", "store", "k", "v", "--expect-lsn", "x"])).code, 2);
  assertEquals(await shown(folder, "get", "store", "k"), "four");
});
