/** The programs in `examples/` that work on files and logs do what they say. */

import { assert, assertEquals, assertNotMatch, assertRejects } from "@std/assert";
import { bar, copyFile } from "../../examples/copy_direct.ts";
import { consume, type Event, produce } from "../../examples/tail_log.ts";
import { Log } from "../../log.ts";
import { bytesOf, isSame } from "../direct/fixture.ts";
import { codeOf, textOf } from "../source.ts";
import { test } from "../store/matrix.ts";

const decoder = new TextDecoder();

for (const name of ["copy_direct", "tail_log"]) {
  test(`examples/${name}.ts is short, casts nothing, and is named in the README`, () => {
    const path = `examples/${name}.ts`;
    assert(textOf(path).split("\n").length <= 80);
    assertNotMatch(codeOf(textOf(path)), /\bas \b|\w!|\)!|<any>|: any\b|@ts-|"\.\.?\//);
    assert(textOf("README.md").includes(`(${path})`));
    return Promise.resolve();
  });
}

/** Events of so many kinds. */
async function* eventsOf(...kinds: string[]): AsyncGenerator<Event> {
  for (const kind of kinds) yield await Promise.resolve({ kind, at: 1 });
}

test("consume() handles what produce() appends, once each, and goes on where it ended", async ({ path }) => {
  await using log = await Log.open(`${path}/log`);
  const handled: string[] = [],
    handle = (until: number, end: () => void) => ({ kind }: Event, offset: number) => {
      handled.push(`${offset} ${kind}`);
      if (offset === until) end();
    };
  assertEquals(await produce(log, eventsOf("a", "b", "c")), 3);
  let next = 0;
  for (const until of [1, 3]) {
    const controller = new AbortController();
    const consuming = consume(log, next, handle(until, () => controller.abort()), controller.signal);
    if (until === 3) await produce(log, eventsOf("d"));
    next = await consuming;
    assertEquals(next, until + 1);
  }
  assertEquals(handled, ["0 a", "1 b", "2 c", "3 d"]);
});

test("examples/tail_log.ts runs, and leaves nothing behind if it is given no path", async ({ path }) => {
  const script = new URL("../../examples/tail_log.ts", import.meta.url).pathname;
  const args = ["run", "--no-prompt", `--allow-read=${path}`, `--allow-write=${path}`, script];
  for (const paths of [[], [`${path}/log`]]) {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args, ...paths],
      env: { TMPDIR: path },
    }).output();
    assertEquals(code, 0, decoder.decode(stderr));
    assert(decoder.decode(stdout).endsWith("durable up to offset 4, next is 5\n"), decoder.decode(stdout));
    assertEquals([...Deno.readDirSync(path)].map(({ name }) => name), paths.length === 0 ? [] : ["log"]);
  }
});

test("copyFile() copies every byte, tells how far it is, and leaves what is there alone", async ({ path }) => {
  for (const length of [0, 1, 4096, 3_000_001]) {
    const from = `${path}/from${length}`, to = `${path}/to${length}`, told: number[] = [];
    await Deno.writeFile(from, bytesOf(length));
    assertEquals(await copyFile(from, to, (bytes) => told.push(bytes)), length);
    assert(isSame(await Deno.readFile(to), bytesOf(length)));
    assertEquals(told.at(-1) ?? 0, length);
    await assertRejects(() => copyFile(to, from), Deno.errors.AlreadyExists);
    assert(isSame(await Deno.readFile(from), bytesOf(length)));
  }
  await assertRejects(() => copyFile(`${path}/none`, `${path}/copy`), Deno.errors.NotFound);
});

test("examples/copy_direct.ts runs, and draws a bar", async ({ path }) => {
  await Deno.writeFile(`${path}/from`, bytesOf(5_000_000));
  const script = new URL("../../examples/copy_direct.ts", import.meta.url).pathname;
  const run = async (...paths: string[]) => {
    const args = ["run", "--no-prompt", `--allow-read=${path}`, `--allow-write=${path}`, script, ...paths];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    return { code, out: decoder.decode(stdout), told: decoder.decode(stderr) };
  };
  const copied = await run(`${path}/from`, `${path}/to`);
  assertEquals(copied.code, 0, copied.told);
  assert(copied.told.includes(bar(5_000_000, 5_000_000)), copied.told);
  assert(copied.out.startsWith("Copied 5000000 bytes"), copied.out);
  assert(isSame(await Deno.readFile(`${path}/to`), bytesOf(5_000_000)));
  assertEquals(await run(`${path}/from`), {
    code: 2,
    out: "",
    told: "Usage: copy_direct.ts <file> <copy>\n",
  });
});
