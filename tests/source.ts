/** The project's own modules, as the tests that judge them see them. */

/** The root of the project. */
export const root: URL = new URL("../", import.meta.url);

/** The paths of the modules under a directory of the project, such as `src/`. */
export function* modulesUnder(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(directory, root))) {
    if (isDirectory) yield* modulesUnder(`${directory}${name}/`);
    else if (name.endsWith(".ts")) yield `${directory}${name}`;
  }
}

/** The text of a module. */
export function textOf(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}

/** The text without comments, and so without examples. */
export function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(?<=^|\s)\/\/.*$/gm, "");
}
