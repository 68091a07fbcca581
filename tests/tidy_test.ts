/** The outside world is touched only where engines, the command line and the machine's own host are. */

import { assert, assertEquals } from "@std/assert";
import { codeOf, modulesUnder, textOf } from "./source.ts";

/** Where the outside world may be touched. */
const outside = /^src\/(?:io|git|cli)\/|^src\/base\/system_host\.ts$/;
/** Modules of the runtime that only compute. */
const computing = ["node:buffer", "node:url", "node:util", "node:zlib"];
/** What only computes of modules that do more, and where it is used. */
const computingIn: Readonly<Record<string, string>> = {
  "src/timeline/keyspace/structured.ts": 'import { deserialize, serialize } from "node:v8";',
};
/** What gives time, chance, turns of the event loop, files, processes or the net. */
const bans: readonly RegExp[] = [
  /\bDeno\.(?!errors\b)\w+/g,
  /\bDate\.now\b/g,
  /\bnew Date\(\)/g,
  /\bMath\.random\b/g,
  /\bperformance\.\w+/g,
  /\bcrypto\.\w+/g,
  /\bprocess\.\w+/g,
  /\b(?:setImmediate|setTimeout|setInterval)\b(?=\()/g,
  /(?<=\b(?:await|return) )fetch\b/g,
  /\bnew (?:Worker|WebSocket)\b/g,
];

/** What of the outside world a module touches. */
function touched(text: string): string[] {
  const code = codeOf(text);
  const modules = [...code.matchAll(/["'](node:[^"']+)["']/g)].map(([, module]) => module);
  const calls = bans.flatMap((ban) => [...code.matchAll(ban)].map(([call]) => call));
  return [...modules.filter((module) => !computing.includes(module)), ...calls];
}

Deno.test("the outside world is touched only in io, git, cli and by the machine's host", () => {
  const wrong: string[] = [];
  for (const path of modulesUnder("src/")) {
    if (outside.test(path)) continue;
    const text = textOf(path).replace(computingIn[path] ?? "", "");
    for (const call of touched(text)) wrong.push(`${path} uses ${call}`);
  }
  assertEquals(wrong, []);
});

Deno.test("touched() sees what the machine's host and the engines use", () => {
  assert(touched(textOf("src/base/system_host.ts")).length > 5);
  const io = [...modulesUnder("src/io/")].flatMap((path) => touched(textOf(path)));
  for (const call of ["node:fs", "Deno.dlopen"]) assert(io.includes(call), call);
});

Deno.test("touched() sees every ban, and no comment, no error class and no word that only looks like one", () => {
  const text = `
    import { open } from "node:fs/promises";
    import { crc32 } from "node:zlib";
    const a = [Deno.pid, Date.now(), new Date(), new Date(0), Math.random(), performance.now(), crypto.subtle];
    setTimeout(a), setImmediate(a), setInterval(a), await fetch(a), process.exit(); // Deno.exit()
    new Worker(a);
    /** Deno.makeTempDir() and setTimeout() */
    class B { fetch(): void {} setTimeout = 1; }
    b.process(1), b.performance, new Deno.errors.NotFound("Date");
  `;
  assertEquals(touched(text), [
    "node:fs/promises",
    "Deno.pid",
    "Date.now",
    "new Date()",
    "Math.random",
    "performance.now",
    "crypto.subtle",
    "process.exit",
    "setTimeout",
    "setImmediate",
    "setInterval",
    "fetch",
    "new Worker",
  ]);
});
