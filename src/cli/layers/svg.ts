/** The text of SVG. */

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Returns text as XML has it: what would be markup as entities, and what XML has no way to hold as U+FFFD.
 *
 * @param text Any text.
 */
export function xmlText(text: string): string {
  // deno-lint-ignore no-control-regex
  const wellFormed = text.toWellFormed().replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd");
  return wellFormed.replace(/[&<>"']/g, (char) => entities[char]);
}

/**
 * Returns an element.
 *
 * @param name Its name.
 * @param attributes Its attributes; numbers with two decimals at most.
 * @param content XML in it.
 */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  content: string = "",
): string {
  const given = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${typeof value === "number" ? decimals(value) : xmlText(value)}"`]
  ).join("");
  return content === "" ? `<${name}${given}/>` : `<${name}${given}>${content}</${name}>`;
}

/** Returns a number with two decimals at most. */
export function decimals(value: number): string {
  return String(Math.round(value * 100) / 100);
}
