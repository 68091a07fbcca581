/** Keys and LSNs as labels: shortened, chosen so that they stand apart, without what all of them begin with. */

/** A label along an axis, in pixels. */
export interface Label {
  /** Where it stands. */
  readonly at: number;
  /** What it says. */
  readonly text: string;
}

/** The least that all labels begin with that is worth leaving out. */
const leastCommon = 4;

/**
 * Chooses which edges have a label: the first, the last, and in between about as many as there is room for.
 *
 * @param at Where each edge stands, in pixels, ascending.
 * @param room The least distance between two labels in pixels.
 * @returns The edges, ascending.
 */
export function chooseEdges(at: ArrayLike<number>, room: number): number[] {
  if (at.length === 0) return [];
  const last = at.length - 1, length = at[last] - at[0];
  const chosen = [0], slots = Math.max(1, Math.floor(length / (room * 1.25)));
  for (let slot = 1, edge = 0; slot < slots; slot++) {
    const ideal = at[0] + length * slot / slots;
    while (edge < last - 1 && Math.abs(at[edge + 1] - ideal) <= Math.abs(at[edge] - ideal)) edge++;
    if (at[edge] - at[chosen[chosen.length - 1]] >= room && at[last] - at[edge] >= room) chosen.push(edge);
  }
  return length > 0 ? [...chosen, last] : chosen;
}

/**
 * Shortens text to so many characters at most, in its midst, where no escape such as `\x00` is cut.
 *
 * @param text Any text.
 * @param most The most characters.
 */
export function shorten(text: string, most: number): string {
  if (Array.from(text).length <= most) return text;
  const pieces = piecesOf(text), half = Math.floor((most - 1) / 2);
  let left = most - 1, start = 0, end = pieces.length;
  while (left - charactersOf(pieces[start]) >= half) left -= charactersOf(pieces[start++]);
  while (left - charactersOf(pieces[end - 1]) >= 0) left -= charactersOf(pieces[--end]);
  return `${pieces.slice(0, start).join("")}…${pieces.slice(end).join("")}`;
}

/** The characters of a text; an escape is one. */
function piecesOf(text: string): string[] {
  return text.match(/\\x[0-9a-f]{2}|\\.|./gsu) ?? [];
}

/** A character may be two units, and an escape is ASCII. */
function charactersOf(piece: string): number {
  return piece.startsWith("\\") ? piece.length : 1;
}

/**
 * What all texts begin with, if it is worth leaving out; no part of a character or of an escape such as `\x00`.
 *
 * @param texts The texts; of less than two nothing is left out.
 */
export function commonStart(texts: readonly string[]): string {
  if (texts.length < 2) return "";
  const all = texts.map(piecesOf);
  let count = 0;
  while (all.every((pieces) => count < pieces.length - 1 && pieces[count] === all[0][count])) count++;
  return count < leastCommon ? "" : all[0].slice(0, count).join("");
}
