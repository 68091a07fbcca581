/** The documentation leads to what is there, names what is there, and has every invariant. */

import { assert, assertEquals } from "@std/assert";
import { modulesUnder, root, textOf } from "./source.ts";

const architecture = "docs/architecture.md";

/** The pages under a directory of the project. */
function* pagesUnder(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(directory, root))) {
    if (isDirectory) yield* pagesUnder(`${directory}${name}/`);
    else if (name.endsWith(".md")) yield `${directory}${name}`;
  }
}

const pages = ["README.md", "CHANGELOG.md", ...pagesUnder("docs/")];

function exists(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The files that a page links to or names as a path. */
function targetsOf(page: string): URL[] {
  const text = textOf(page);
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
  const paths = [...text.matchAll(/`((?:src|tests|docs|bench|examples)\/[\w./-]+)`/g)].map(([, path]) =>
    path
  );
  return [
    ...links.filter((link) => !/^\w+:/.test(link)).map((link) => new URL(link, new URL(page, root))),
    ...paths.map((path) => new URL(path, root)),
  ];
}

/** The invariants at the tops of modules, as `number file`. */
function* invariantsInCode(): Generator<string> {
  for (const path of modulesUnder("src/")) {
    const [top] = textOf(path).split("*/", 1);
    for (const [, number] of top.matchAll(/^ \* (?:- )?([A-Z]\d+):? +\S/gm)) yield `${number} ${path}`;
  }
}

/** A row of the index of invariants. */
const row = /^\| ([A-Z]\d+) +\| .*\| \[[^\]]+\]\(\.\.\/([^)]+)\) +\| \[“([^”]+)”\]\(\.\.\/([^)]+)\) +\|$/gm;

Deno.test("pages link to files that are there, and name no other", () => {
  const missing = pages.flatMap((page) =>
    targetsOf(page).filter((target) => !exists(target)).map((target) => `${page}: ${target.pathname}`)
  );
  assertEquals(missing, []);
  assert(targetsOf(architecture).length > 100);
});

Deno.test("the architecture names classes and methods that there are", () => {
  const modules = [...modulesUnder("src/")].map(textOf);
  const names = [...textOf(architecture).matchAll(/\b([A-Z][a-zA-Z]+)\.([a-z]\w+)\b/g)];
  const wrong = names.filter(([, owner, member]) =>
    !modules.some((text) =>
      new RegExp(`class ${owner}[ <]`).test(text) && new RegExp(`^  [^*]*\\b${member}[(<?]`, "m").test(text)
    )
  );
  assertEquals(wrong.map(([name]) => name), []);
  assert(names.length > 20);
});

Deno.test("the index of invariants has those of the code, and the name of a test for each", () => {
  const rows = [...textOf(architecture).matchAll(row)];
  const listed = rows.map(([, number, path]) => `${number} ${path}`);
  assertEquals(listed.sort(), [...invariantsInCode()].sort());
  const unknown = rows.filter(([, , , name, test]) => !textOf(test).includes(name));
  assertEquals(unknown.map(([whole]) => whole), []);
});
