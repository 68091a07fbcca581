/** A mutant: the engine with one promise broken on purpose. The tests must notice. */

/** One small change of one module, as data. */
export interface Mutant {
  /** What it is called on the command line: words joined by dashes. */
  readonly name: string;
  /** Which promise it breaks, as a sentence. */
  readonly breaks: string;
  /** The module that it changes. */
  readonly file: string;
  /** What stands in the module, in exactly one place. */
  readonly before: string;
  /** What takes its place. */
  readonly after: string;
  /** The test file that must fail. */
  readonly caughtBy: string;
  /** What the names of the tests have in common that must fail, so that no other is run. */
  readonly filter: string;
}

/** The text of its module with the mutant in it; `undefined` if it does not fit in exactly one place. */
export function mutate(
  text: string,
  { before, after }: Pick<Mutant, "before" | "after">,
): string | undefined {
  const at = text.indexOf(before);
  if (before === "" || at < 0 || text.indexOf(before, at + 1) >= 0) return undefined;
  return text.slice(0, at) + after + text.slice(at + before.length);
}
