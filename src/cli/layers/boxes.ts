/** Layers as boxes of a picture; what is too small to be seen is joined, so that a picture has a bounded size. */

/** A picture is less wide and high, so that the four sides of a box fit a number together. */
const mostPixels = 2 ** 13;

/** A box in pixels, from the left and from the top. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A box and the layers that it stands for. */
export interface JoinedBox extends Box {
  /** The kind of its layers. */
  readonly kind: string;
  /** Their indices, at least one. */
  readonly members: readonly number[];
}

/**
 * Joins boxes of one kind that are less than a pixel wide or high and lie in the same pixels. If too many are left, so
 * are those of less than 2, 4, 8, … pixels.
 *
 * @param boxes The boxes.
 * @param kinds The kind of each.
 * @param most How many may be left; at least as many as there are kinds.
 * @returns The boxes, in the order of the first member of each.
 */
export function joinBoxes(boxes: readonly Box[], kinds: readonly string[], most: number): JoinedBox[] {
  for (let grain = 1;; grain *= 2) {
    const joined = joinBelow(boxes, kinds, grain, most);
    if (joined === undefined) continue;
    return joined.map((members) => ({
      kind: kinds[members[0]],
      members,
      ...around(members.map((i) => boxes[i])),
    }));
  }
}

/** The boxes that are joined if those below a size are; nothing if there are too many. */
function joinBelow(
  boxes: readonly Box[],
  kinds: readonly string[],
  grain: number,
  most: number,
): number[][] | undefined {
  const joined: number[][] = [], places = new Map<string, Map<number, number[]>>();
  for (let i = 0; i < boxes.length; i++) {
    const box = boxes[i], isSmall = box.right - box.left < grain || box.bottom - box.top < grain;
    const ofKind = isSmall ? places.get(kinds[i]) ?? new Map<number, number[]>() : undefined;
    const place = placeOf(box, grain), known = ofKind?.get(place);
    if (known !== undefined) {
      known.push(i);
      continue;
    }
    if (joined.length === most) return undefined;
    const members = [i];
    joined.push(members);
    if (ofKind !== undefined) places.set(kinds[i], ofKind.set(place, members));
  }
  return joined;
}

/** The place of a box on a grid, as a number that no other place has. */
function placeOf({ left, top, right, bottom }: Box, grain: number): number {
  const corner = Math.floor(left / grain) * mostPixels + Math.floor(top / grain);
  return (corner * mostPixels + Math.floor(right / grain)) * mostPixels + Math.floor(bottom / grain);
}

/** The box around boxes. */
function around(boxes: readonly Box[]): Box {
  let [{ left, top, right, bottom }] = boxes;
  for (const box of boxes) {
    left = Math.min(left, box.left);
    top = Math.min(top, box.top);
    right = Math.max(right, box.right);
    bottom = Math.max(bottom, box.bottom);
  }
  return { left, top, right, bottom };
}
