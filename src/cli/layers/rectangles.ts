/**
 * The rectangles of layers. With few layers each is outlined and says what it is; with many, outlines are thinner and
 * nothing is said; what is too small for an outline is a strong colour, joined where it shares its pixels.
 *
 * @module
 */

import type { LayerInfo } from "../../timeline/mod.ts";
import { formatBytes, formatCount } from "../terminal/quantity.ts";
import { type Box, joinBoxes, type JoinedBox } from "./boxes.ts";
import { shorten } from "./labels.ts";
import { characterWidth } from "./layout.ts";
import { lsnsOf, sumLayers } from "./sums.ts";
import { element, xmlText } from "./svg.ts";

/** What rectangles say. */
export interface RectangleOptions {
  /** Turns a key into one line of text, of whatever length. */
  readonly showKey: (key: Uint8Array) => string;
  /** Turns the path of a layer into text. */
  readonly showPath: (path: string) => string;
}

/** Rectangles, drawn. */
export interface Rectangles {
  /** Lines of SVG. */
  readonly lines: readonly string[];
  /** Whether some are without an outline. */
  readonly hasThin: boolean;
}

/** Rectangles are joined until there are no more, which bounds a picture to a few MB. */
const mostRectangles = 6000;
/** With more layers nothing stands in them. */
const mostLabelled = 40;
/** With more layers outlines are thin, then thinner. */
const mostOutlined = { full: 60, thin: 400 } as const;
/** What is thinner, in pixels, has no outline. */
const leastOutlined = 3;
const leastLabelledHeight = 15;
const mostCharacters = 80;

/**
 * Draws the rectangles of layers.
 *
 * @param layers The layers.
 * @param boxes Where each stands.
 * @param plot What they stand in.
 * @param options See {@linkcode RectangleOptions}.
 */
export function drawRectangles(
  layers: readonly LayerInfo[],
  boxes: readonly Box[],
  plot: Box,
  options: RectangleOptions,
): Rectangles {
  const joined = joinBoxes(boxes, layers.map(({ kind }) => kind), mostRectangles)
    .sort((a, b) => fromBackToFront(a, b, layers));
  const { full, thin } = mostOutlined;
  const outline = layers.length <= full ? "" : layers.length <= thin ? " many" : " most";
  const rectangles = joined.map((box) => rectangle(box, box.members.map((i) => layers[i]), plot, options));
  const labels = layers.length <= mostLabelled ? joined.map((box) => inside(box, layers)) : [];
  return {
    lines: [`<g class="layers${outline}">`, ...rectangles, "</g>", ...labels.filter((label) => label !== "")],
    hasThin: joined.some(isThin),
  };
}

/** Images of one LSN lie upon what they are made of, and what is small upon what is large. */
function fromBackToFront(a: JoinedBox, b: JoinedBox, layers: readonly LayerInfo[]): number {
  const area = ({ left, right, top, bottom }: Box) => (right - left) * (bottom - top);
  const isFlat = ({ kind, members }: JoinedBox) =>
    kind === "image" && members.every((i) => layers[i].firstLsn === layers[i].lastLsn);
  return Number(isFlat(a)) - Number(isFlat(b)) || area(b) - area(a);
}

/** Whether a box has no outline: it is too small, or was joined. */
function isThin({ left, right, top, bottom, members }: JoinedBox): boolean {
  return members.length > 1 || right - left < leastOutlined || bottom - top < leastOutlined;
}

function rectangle(
  box: JoinedBox,
  layers: readonly LayerInfo[],
  plot: Box,
  options: RectangleOptions,
): string {
  const isDot = box.right - box.left < leastOutlined && box.bottom - box.top < leastOutlined;
  const shade = !isThin(box) ? "" : box.members[0] % 2 === 0 ? "thin " : "thin odd ";
  const { left, right, top, bottom } = isDot ? dotOf(box) : shade === "" ? box : wholePixels(box, plot);
  const title = element("title", {}, xmlText(hoverText(layers, options)));
  const at = { x: left, y: top, width: right - left, height: bottom - top };
  return element("rect", { class: `${shade}${box.kind}`, ...at }, title);
}

/** A dot can be seen. */
function dotOf({ left, right, top, bottom }: Box): Box {
  const x = (left + right) / 2, y = (top + bottom) / 2, half = leastOutlined / 2;
  return { left: x - half, right: x + half, top: y - half, bottom: y + half };
}

/** The pixels that a box touches, one at least: between neighbours that fill theirs in part the ground would show. */
function wholePixels(box: Box, plot: Box): Box {
  const left = Math.min(Math.floor(box.left), plot.right - 1),
    top = Math.min(Math.floor(box.top), plot.bottom - 1);
  return {
    left,
    top,
    right: Math.max(Math.ceil(box.right), left + 1),
    bottom: Math.max(Math.ceil(box.bottom), top + 1),
  };
}

function hoverText(layers: readonly LayerInfo[], { showKey, showPath }: RectangleOptions): string {
  const [{ firstKey, lastKey, keys, path }] = layers, { count, versions, byteLength } = sumLayers(layers);
  const [first, last] = lsnsOf(layers), kind = kindText(layers);
  const lines = [
    count === 1 ? kind : `${formatCount(count)} × ${kind}`,
    first === last ? `LSN ${formatCount(first)}` : `LSNs ${formatCount(first)} – ${formatCount(last)}`,
    `${counted(versions, "version")}, ${formatBytes(byteLength)}`,
  ];
  if (count === 1) {
    const show = (key: Uint8Array) => shorten(showKey(key), mostCharacters);
    const range = firstKey.length === 0 ? "" : `: ${show(firstKey)} – ${show(lastKey)}`;
    lines.push(`${counted(keys, "key")}${range}`, shorten(showPath(path), mostCharacters));
  }
  return lines.join("\n");
}

/** The kind of layers, and the LSN of images if they have one and the same. */
function kindText(layers: readonly LayerInfo[]): string {
  const [{ kind, imageLsn }] = layers;
  const isOne = imageLsn !== undefined && layers.every((layer) => layer.imageLsn === imageLsn);
  return isOne ? `${kind} at LSN ${formatCount(imageLsn)}` : kind;
}

/** What stands in the box of a layer, as much as there is room for. */
function inside(box: JoinedBox, layers: readonly LayerInfo[]): string {
  if (box.members.length > 1 || box.bottom - box.top < leastLabelledHeight) return "";
  const { kind, versions, byteLength } = layers[box.members[0]], bytes = formatBytes(byteLength);
  const texts = [`${kind} · ${counted(versions, "version")} · ${bytes}`, `${kind} · ${bytes}`, bytes];
  const text = texts.find((text) => text.length * characterWidth + 8 <= box.right - box.left);
  if (text === undefined) return "";
  const at = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 + 4 };
  return element("text", { ...at, "text-anchor": "middle", class: "inside" }, text);
}

function counted(count: number, name: string): string {
  return `${formatCount(count)} ${name}${count === 1 ? "" : "s"}`;
}
