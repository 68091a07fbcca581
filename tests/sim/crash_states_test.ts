/** What a loss of power may leave of tiny histories: every state, and no other. */

import { assert, assertEquals } from "@std/assert";
import type { IoFile } from "../../src/io/mod.ts";
import { writeOnce } from "../../src/io/mod.ts";
import { dullChoices, SeededChoices, SimDisk, SimEngine } from "../../src/sim/mod.ts";

const sector = 512;
const block = 4096;

/** Short words for what histories do. A letter is 512 bytes of it. */
class History {
  readonly disk = new SimDisk([]);
  readonly engine = new SimEngine({ disk: this.disk });

  open(name: string): Promise<IoFile> {
    return this.engine.open(name, { access: "write", direct: false });
  }

  create(name: string): Promise<IoFile> {
    return this.engine.open(name, { access: "write", direct: false, create: true });
  }

  write(file: IoFile, at: number, letters: string, durable = false): Promise<void> {
    return writeOnce(this.engine, file, at * sector, sectors(letters), { durable });
  }

  /** What may be left, each state as its files. */
  states(): string[] {
    return [...this.disk.crashStates()].map(stateOf).sort();
  }
}

function sectors(letters: string): Uint8Array {
  const bytes = new Uint8Array(letters.length * sector);
  for (let i = 0; i < letters.length; i++) {
    bytes.fill(letters.charCodeAt(i), i * sector, (i + 1) * sector);
  }
  return bytes;
}

/** The names on a disk, and of files what each sector holds; `-` for zeros, `?` for what stood on the disk before. */
function stateOf(disk: SimDisk): string {
  const files = disk.paths().map((path) => {
    const bytes = disk.contents(path), letters: string[] = [];
    for (let at = 0; at < bytes.length; at += sector) {
      const part = bytes.subarray(at, at + sector);
      const isWhole = part.every((byte) => byte === part[0]);
      letters.push(isWhole ? part[0] === 0 ? "-" : String.fromCharCode(part[0]) : "?");
    }
    return `${path.slice(1)}=${letters.join("")}`;
  });
  return [...disk.directories().map((path) => `${path.slice(1)}/`), ...files].join(" ");
}

/** Declares a table test: what a history does, and what may be left of it. */
function test(name: string, history: (h: History) => Promise<void>, expected: readonly string[]): void {
  Deno.test(`crashStates() ${name}`, async () => {
    const h = new History();
    await history(h);
    assertEquals(h.states(), [...expected].sort());
    for (let seed = 0; seed < 200; seed++) {
      const found = stateOf(h.disk.crash(new SeededChoices(seed)));
      assert(expected.includes(found), `crash() with seed ${seed} leaves "${found}"`);
    }
    assertEquals(
      stateOf(h.disk.crash(dullChoices)),
      stateOf(h.disk.killed()),
      "the dullest loses nothing",
    );
  });
}

test("leaves nothing but what stands on a disk to which nothing was done", async (h) => {
  h.disk.put("/a", sectors("AB"));
  await h.engine.list("/");
}, ["a=AB"]);

test("leaves no name when its directory was not synced", async (h) => {
  const file = await h.create("/a");
  await h.write(file, 0, "A");
  await h.engine.sync(file);
}, ["", "a=A"]);

test("leaves any part of a file when neither it nor its directory was synced", async (h) => {
  await h.write(await h.create("/a"), 0, "A");
}, ["", "a=", "a=-", "a=?", "a=A"]);

test("leaves a name whose file is empty when only the directory was synced", async (h) => {
  const file = await h.create("/a");
  await h.write(file, 0, "A");
  await h.engine.syncDirectory("/");
}, ["a=", "a=-", "a=?", "a=A"]);

test("leaves what was synced, and any part of what was written since", async (h) => {
  h.disk.put("/a", sectors("1234"));
  const file = await h.open("/a");
  await h.write(file, 0, "AB");
  await h.engine.datasync(file);
  await h.write(file, 1, "XY");
}, ["a=AB34", "a=AX34", "a=ABY4", "a=AXY4"]);

test("reorders writes, also to the same sector", async (h) => {
  h.disk.put("/a", sectors("1"));
  const file = await h.open("/a");
  await h.write(file, 0, "A");
  await h.write(file, 0, "B");
  await h.write(file, 2, "C");
}, ["1", "A", "B"].flatMap((first) => ["", "--", "-C", "??"].map((rest) => `a=${first}${rest}`)));

test(
  "tears a write at its sectors, and brings the length without the bytes",
  async (h) => {
    h.disk.put("/a", sectors("1"));
    const file = await h.open("/a");
    await h.write(file, 0, "ABC");
  },
  [..."1A"].flatMap((
    first,
  ) => [`a=${first}`, ...["--", "B-", "-C", "BC", "B"].map((rest) => `a=${first}${rest}`)]).concat("a=1??"),
);

test("loses a truncation, or not", async (h) => {
  h.disk.put("/a", sectors("1234"));
  const file = await h.open("/a");
  await h.engine.truncate(file, 2 * sector);
}, ["a=12", "a=1234"]);

test("loses a truncation and what was written behind it each by itself", async (h) => {
  h.disk.put("/a", sectors("123"));
  const file = await h.open("/a");
  await h.engine.truncate(file, sector);
  await h.write(file, 2, "Z");
}, ["a=123", "a=12Z", "a=1", "a=1--", "a=1-Z", "a=1??"]);

test("loses an allocation, or not, and has no bytes in it", async (h) => {
  h.disk.put("/a", sectors("1"));
  const file = await h.open("/a");
  await h.engine.allocate(file, 3 * sector);
}, ["a=1", "a=1--"]);

test("keeps a durable write, whatever was written before it to the same place", async (h) => {
  h.disk.put("/a", sectors("1234"));
  const file = await h.open("/a");
  await h.write(file, 0, "ABC");
  await h.write(file, 1, "XY", true);
}, ["a=1XY4", "a=AXY4"]);

test("keeps the length that a durable write brought, and of others' bytes none", async (h) => {
  h.disk.put("/a", sectors("1"));
  const file = await h.open("/a");
  await h.write(file, 1, "B");
  await h.write(file, 2, "C", true);
}, ["a=1-C", "a=1BC"]);

test("keeps a durable write whose file was cut before, and loses the cut or not", async (h) => {
  h.disk.put("/a", sectors("1234"));
  const file = await h.open("/a");
  await h.engine.truncate(file, sector);
  await h.write(file, 2, "C", true);
}, ["a=1-C", "a=12C4"]);

test("keeps the last of durable writes on both sides of a cut", async (h) => {
  h.disk.put("/a", sectors("123"));
  const file = await h.open("/a");
  await h.engine.truncate(file, 2 * sector);
  await h.write(file, 1, "XY", true);
  await h.write(file, 1, "Z", true);
}, ["a=1ZY"]);

test("keeps durable writes behind a cut, and of others any part", async (h) => {
  h.disk.put("/a", sectors("12"));
  const file = await h.open("/a");
  await h.engine.truncate(file, 0);
  await h.write(file, 1, "X", true);
  await h.write(file, 1, "YZ", true);
  await h.write(file, 0, "A");
}, ["a=-YZ", "a=1YZ", "a=AYZ"]);

test(
  "leaves the old name, the new one, or both when the directory was not synced after a rename",
  async (h) => {
    h.disk.put("/final", sectors("1"));
    const file = await h.create("/aside");
    await h.write(file, 0, "A");
    await h.engine.sync(file);
    await h.engine.syncDirectory("/");
    await h.engine.rename("/aside", "/final");
  },
  ["aside=A final=1", "final=A", "aside=A final=A"],
);

test("leaves an empty file in place of another when what was renamed was not synced", async (h) => {
  h.disk.put("/final", sectors("1"));
  const file = await h.create("/aside");
  await h.write(file, 0, "A");
  await h.engine.rename("/aside", "/final");
  await h.engine.syncDirectory("/");
}, ["final=", "final=-", "final=?", "final=A"]);

test("leaves a file somewhere when it is renamed into another directory", async (h) => {
  h.disk.put("/x/a", sectors("A"));
  await h.engine.makeDirectory("/y");
  await h.engine.rename("/x/a", "/y/b");
}, ["x/ y/ x/a=A", "x/ y/ y/b=A", "x/ y/ x/a=A y/b=A"]);

test("keeps the new name when the old one's directory was synced", async (h) => {
  h.disk.put("/x/a", sectors("A"));
  await h.engine.makeDirectory("/y");
  await h.engine.rename("/x/a", "/y/b");
  await h.engine.syncDirectory("/x");
}, ["x/ y/ y/b=A"]);

test("leaves both names when only the new one's directory was synced", async (h) => {
  h.disk.put("/x/a", sectors("A"));
  await h.engine.makeDirectory("/y");
  await h.engine.rename("/x/a", "/y/b");
  await h.engine.syncDirectory("/y");
}, ["x/ y/ x/a=A y/b=A", "x/ y/ y/b=A"]);

test("leaves what was done to a name after the rename that another directory's sync brought", async (h) => {
  h.disk.put("/x/a", sectors("A"));
  await h.engine.makeDirectory("/y");
  await h.engine.rename("/x/a", "/y/b");
  await h.engine.remove("/y/b");
  await h.engine.syncDirectory("/x");
}, ["x/ y/", "x/ y/ y/b=A"]);

test("loses of each file what it may, whatever becomes of the others", async (h) => {
  for (const name of ["/a", "/x/b"]) {
    h.disk.put(name, sectors("1"));
    await h.write(await h.open(name), 0, "A");
  }
}, ["11", "1A", "A1", "AA"].map(([a, b]) => `x/ a=${a} x/b=${b}`));

test("brings a removed file back, with any part of what was written to it", async (h) => {
  h.disk.put("/a", sectors("1"));
  const file = await h.open("/a");
  await h.engine.remove("/a");
  await h.write(file, 0, "A");
}, ["", "a=1", "a=A"]);

test("brings no removed file back when its directory was synced", async (h) => {
  h.disk.put("/a", sectors("1"));
  const file = await h.open("/a");
  await h.engine.remove("/a");
  await h.engine.syncDirectory("/");
  await h.write(file, 0, "A");
}, [""]);

test("leaves one of all that had a name", async (h) => {
  h.disk.put("/a", sectors("1"));
  await h.engine.remove("/a");
  const file = await h.create("/a");
  await h.write(file, 0, "A", true);
}, ["", "a=1", "a=A"]);

test("keeps directories that were made, and of what is in them what was synced", async (h) => {
  await h.engine.makeDirectory("/x/y");
  await h.create("/x/y/a");
}, ["x/ x/y/", "x/ x/y/ x/y/a="]);

test("takes directories away with what is in them", async (h) => {
  h.disk.apply({ kind: "make directory", path: "/x" });
  const file = await h.create("/x/a");
  await h.write(file, 0, "A", true);
  await h.engine.syncDirectory("/x");
}, ["", "x/ x/a=A"]);

test("takes what is under way for volatile, in every form", async (h) => {
  h.disk.put("/a", sectors("12"));
  const file = await h.open("/a");
  h.engine.hold = true;
  void h.write(file, 0, "AB", true);
  void h.engine.rename("/a", "/b");
  await Promise.resolve();
}, ["12", "A2", "1B", "AB"].flatMap((left) => [`a=${left}`, `b=${left}`, `a=${left} b=${left}`]));

test("keeps what a durable write brought behind an allocation that is lost", async (h) => {
  h.disk.put("/a", sectors("1"));
  const file = await h.open("/a");
  await h.write(file, 0, "X");
  await h.engine.allocate(file, 2 * sector);
  await h.write(file, 3, "D", true);
}, ["a=1--D", "a=X--D"]);

/** A disk with a large write and many small ones, none of them durable: there are far too many states. */
async function manyStates(): Promise<History> {
  const h = new History();
  h.disk.put("/a", sectors("1".repeat(40)));
  const file = await h.open("/a");
  await h.write(file, 0, "A".repeat(40));
  for (let i = 0; i < 30; i++) await h.write(file, i, String.fromCharCode(97 + i % 26));
  return h;
}

Deno.test("crashStates() gives the telling states once each when there are too many", async () => {
  const h = await manyStates();
  // Dull choices add nothing to the states that are given anyway.
  const states = [...h.disk.crashStates({ choices: dullChoices })];
  const found = states.map(stateOf);
  assertEquals(new Set(found).size, states.length);
  assert(states.length > 80, `${states.length} states`);
  const old = "1".repeat(40),
    letters = "abcdefghijklmnopqrstuvwxyzabcd",
    written = `${letters}${"A".repeat(10)}`;
  assert(found.includes(`a=${old}`), "none");
  assert(found.includes(`a=${written}`), "all");
  assert(found.includes(`a=${letters}${"1".repeat(10)}`), "all but one");
  assert(found.includes(`a=${"A".repeat(40)}`), "one alone");
  assert(found.includes(`a=ab${"A".repeat(38)}`), "a prefix");
  assert(found.includes(`a=${"A".repeat(20)}${"1".repeat(20)}`), "one torn alone");
  assert(found.includes(`a=${letters}${"A".repeat(9)}1`), "one torn among all");
});

Deno.test("crashStates() gives prefixes of all that happened, in whatever file", async () => {
  const h = new History();
  const files: IoFile[] = [];
  for (const name of ["/a", "/b"]) {
    h.disk.put(name, sectors("1".repeat(10)));
    files.push(await h.open(name));
  }
  for (let i = 0; i < 20; i++) await h.write(files[i % 2], i >> 1, "A");
  const found = [...h.disk.crashStates({ choices: dullChoices })].map(stateOf);
  for (let i = 0; i <= 20; i++) {
    const left = (count: number) => "A".repeat(count) + "1".repeat(10 - count);
    const prefix = `a=${left((i + 1) >> 1)} b=${left(i >> 1)}`;
    assert(found.includes(prefix), prefix);
  }
});

Deno.test("crashStates() gives the telling states of names too", async () => {
  const h = new History();
  const names = [..."abcdefghijkl"];
  for (const name of names) await h.create(`/${name}`);
  const found = [...h.disk.crashStates({ choices: dullChoices })].map(stateOf);
  const state = (isThere: (i: number) => boolean) =>
    names.filter((_, i) => isThere(i)).map((name) => `${name}=`).join(" ");
  for (let at = 0; at < names.length; at++) {
    assert(found.includes(state((i) => i < at)), `the first ${at}`);
    assert(found.includes(state((i) => i !== at)), `all but ${at}`);
    assert(found.includes(state((i) => i === at)), `${at} alone`);
  }
  assertEquals(found.length, 35, "and no other");
});

Deno.test("crashStates() gives more than the telling states by choice", async () => {
  const h = await manyStates();
  const telling = [...h.disk.crashStates({ choices: dullChoices })].length;
  const all = [...h.disk.crashStates({ choices: new SeededChoices(1) })].length;
  assert(all > telling + 200 && all <= 1024, `${telling} telling states, ${all} in all`);
});

Deno.test("crashStates() gives no more states than it is asked for, others by other choices", async () => {
  const h = await manyStates();
  const states = (seed: number) =>
    [...h.disk.crashStates({ limit: 50, choices: new SeededChoices(seed) })].map(stateOf);
  assertEquals(states(1).length, 50);
  assertEquals(states(1), states(1));
  assert(states(1).join() !== states(2).join());
});

Deno.test("crashStates() tears at 4 KiB what it cannot tear at 512 bytes", async () => {
  const h = new History();
  const blocks = 5, perBlock = block / sector;
  h.disk.put("/a", sectors("1".repeat(blocks * perBlock)));
  await h.write(await h.open("/a"), 0, "A".repeat(blocks * perBlock));
  const states = h.states();
  assertEquals(states.length, 2 ** blocks);
  const whole = new RegExp(`^a=((1{${perBlock}})|(A{${perBlock}})){${blocks}}$`);
  for (const state of states) assert(whole.test(state), state);
});

Deno.test("crashStates() leaves disks that are durable and stand apart", async () => {
  const h = await manyStates();
  const before = stateOf(h.disk);
  const [first, second] = h.disk.crashStates();
  assertEquals([...first.crashStates()].map(stateOf), [stateOf(first)]);
  const left = stateOf(first);
  assertEquals(left, before);
  const engine = new SimEngine({ disk: second });
  await writeOnce(engine, await engine.open("/a", { access: "write", direct: false }), 0, sectors("Y"));
  assertEquals([stateOf(h.disk), stateOf(first)], [before, left]);
  assert(stateOf(second).startsWith("a=Y"));
});
