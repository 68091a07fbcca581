import { assertEquals, assertRejects } from "@std/assert";
import { type CommitChanges, parseChanges } from "../../src/git/history.ts";
import { GitError } from "../../src/git/mod.ts";

const first = "1".repeat(40);
const second = "2".repeat(40);
const none = "0".repeat(40);
const blobA = "a".repeat(40);
const blobB = "b".repeat(40);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function parse(...pieces: string[]): Promise<CommitChanges[]> {
  const left = pieces.map((piece) => encoder.encode(piece));
  return await Array.fromAsync(parseChanges(() => Promise.resolve(left.shift())));
}

/** The one change of a commit that says this of path "p". */
async function change(line: string): Promise<Record<string, unknown> | undefined> {
  const [{ changes }] = await parse(first, line, "p");
  if (changes.length === 0) return undefined;
  const { path, ...rest } = changes[0];
  assertEquals(decoder.decode(path), "p");
  return rest;
}

Deno.test("parseChanges() groups changes by commit, empty commits included", async () => {
  const commits = await parse(
    first,
    `:000000 100644 ${none} ${blobA} A`,
    ":odd\npath",
    second,
  );
  assertEquals(commits.map((commit) => [commit.commit, commit.changes.length]), [[first, 1], [second, 0]]);
  assertEquals(decoder.decode(commits[0].changes[0].path), ":odd\npath");
});

Deno.test("parseChanges() tells what became of a path", async () => {
  const put = { blob: blobB, submodule: false };
  const gone = { blob: undefined, submodule: false };
  assertEquals(await change(`:000000 100644 ${none} ${blobB} A`), { ...put, heldBlob: false });
  assertEquals(await change(`:100644 100755 ${blobA} ${blobB} M`), { ...put, heldBlob: true });
  assertEquals(await change(`:100644 120000 ${blobA} ${blobB} T`), { ...put, heldBlob: true });
  assertEquals(await change(`:100644 100755 ${blobA} ${blobA} M`), undefined);
  assertEquals(await change(`:100644 000000 ${blobA} ${none} D`), { ...gone, heldBlob: true });
  assertEquals(await change(`:160000 000000 ${first} ${none} D`), { ...gone, heldBlob: false });
  assertEquals(await change(`:160000 100644 ${first} ${blobB} T`), { ...put, heldBlob: false });
  assertEquals(await change(`:100644 160000 ${blobA} ${first} T`), {
    blob: undefined,
    submodule: true,
    heldBlob: true,
  });
});

Deno.test("parseChanges() refuses what git does not write", async () => {
  const bad = [
    ["nonsense"],
    [`:000000 100644 ${none} ${blobA} A`, "path before any commit"],
    [first, `:000000 100644 ${none} ${blobA} A`],
    [first, `:000000 100644 ${none} ${blobA} A`, ""],
    [first, ":nonsense", "p"],
    ["commit " + first],
  ];
  for (const pieces of bad) {
    await assertRejects(() => parse(...pieces), GitError, "Cannot read what git wrote");
  }
});
