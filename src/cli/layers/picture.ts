/**
 * A picture of layers: rectangles of key × LSN.
 *
 * ```text
 *  newest ┌───────────────────────────┐
 *         │           open            │
 *         ├───────────────────────────┤
 *         │            L0             │
 *  LSN    ├──────┬─────┬──────┬───────┤
 *         │ delta│delta│delta │ delta │ - - - horizon
 *         │      ├─────┤image ├───────┤
 *       1 └──────┴─────┴──────┴───────┘
 *           first key            last
 * ```
 *
 * @module
 */

import type { LayerInfo } from "../../timeline/mod.ts";
import { formatBytes, formatCount } from "../terminal/quantity.ts";
import type { Box } from "./boxes.ts";
import { shorten } from "./labels.ts";
import { type Layout, layOut, type LayoutOptions, size } from "./layout.ts";
import { drawRectangles, type RectangleOptions } from "./rectangles.ts";
import { style } from "./style.ts";
import { layersByKind, sumLayers } from "./sums.ts";
import { decimals, element, xmlText } from "./svg.ts";

/** What a picture says besides its layers. */
export interface PictureOptions extends LayoutOptions, RectangleOptions {
  /** Its title. */
  readonly title: string;
}

/** Where the columns of the table of sums are; the first and the last start there, the others end there. */
const columns = [18, 112, 200, 330, 440, 470];
const titleCharacters = 110;
const commonCharacters = 60;
const words: Readonly<Record<LayerInfo["kind"], string>> = {
  open: "being written",
  frozen: "being sealed",
  L0: "sealed segments",
  delta: "merged",
  image: "whole values at one LSN",
};
const notes = {
  stretched: "axes are stretched where layers are small, so that lengths are no amounts",
  thin: "strong colours are layers that are too small for an outline, joined where they share their pixels",
} as const;

/**
 * Draws layers as SVG.
 *
 * @param layers The layers, newest first.
 * @param options See {@linkcode PictureOptions}.
 * @returns The text of an SVG file, of a few MB at most, whatever the number of layers.
 */
export function drawLayers(layers: readonly LayerInfo[], options: PictureOptions): string {
  const layout = layOut(layers, options), { plot, height } = layout, { width } = size;
  const empty = text(
    (plot.left + plot.right) / 2,
    (plot.top + plot.bottom) / 2,
    "there are no layers",
    "faint",
    "middle",
  );
  const shown = layers.length === 0 ? [empty] : inPlot(layers, layout, options);
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    element("title", {}, xmlText(options.title)),
    style,
    area({ left: 0, top: 0, right: width, bottom: height }, "page"),
    text(size.margin, 34, shorten(options.title, titleCharacters), "title"),
    ...sums(layers),
    area(plot, "plot"),
    ...shown,
    "</svg>",
  ];
  return `${lines.join("\n")}\n`;
}

function inPlot(layers: readonly LayerInfo[], layout: Layout, options: PictureOptions): string[] {
  const { lines, hasThin } = drawRectangles(layers, layout.boxes, layout.plot, options);
  return [...lines, ...axes(layout, hasThin), ...horizonLine(layout)];
}

function area({ left, top, right, bottom }: Box, css: string): string {
  return element("rect", { class: css, x: left, y: top, width: right - left, height: bottom - top });
}

function text(x: number, y: number, content: string, css?: string, anchor?: "middle" | "end"): string {
  return element("text", { x, y, class: css, "text-anchor": anchor }, xmlText(content));
}

/** The sums by kind, which are the legend too. */
function sums(layers: readonly LayerInfo[]): string[] {
  const y = (row: number) => size.title + size.row * row;
  const row = (cells: readonly string[], at: number, css?: string) =>
    cells.map((cell, i) => {
      const anchor = i === 0 || i === cells.length - 1 ? undefined : "end";
      return cell === "" ? "" : text(size.margin + columns[i], y(at), cell, css, anchor);
    }).join("");
  const cells = (of: readonly LayerInfo[]) => {
    const { count, byteLength, versions, deletions } = sumLayers(of);
    return [formatCount(count), formatBytes(byteLength), formatCount(versions), formatCount(deletions)];
  };
  const kinds = layersByKind(layers);
  return [
    row(["", "layers", "bytes", "versions", "deletions", ""], 0, "faint"),
    ...kinds.map(([kind, of], i) => {
      const left = size.margin, bottom = y(i + 1) + 1;
      const swatch = area({ left, top: bottom - 11, right: left + 11, bottom }, kind);
      return `${swatch}${row([kind, ...cells(of), words[kind]], i + 1)}`;
    }),
    row(["all", ...cells(layers), ""], kinds.length + 1, "sum"),
  ];
}

function axes({ plot, keys, lsns, commonKey }: Layout, hasThin: boolean): string[] {
  const foot = plot.bottom + 48, common = shorten(commonKey, commonCharacters);
  return [
    ...keys.map(({ at, text: key }, i) => {
      const anchor = i === 0 ? undefined : i === keys.length - 1 ? "end" : "middle";
      return line(at, plot.bottom, "v6") + text(at, plot.bottom + 19, key, "key", anchor);
    }),
    ...lsns.map(({ at, text: lsn }) =>
      line(plot.left, at, "h-6") + text(plot.left - 10, at + 4, lsn, undefined, "end")
    ),
    text(plot.left - 10, plot.top - 12, "LSN ↑", "faint", "end"),
    text(plot.left, foot, common === "" ? "keys →" : `keys →, where … is ${common}`, "faint"),
    text(plot.right, foot, notes.stretched, "faint", "end"),
    ...(hasThin ? [text(plot.right, foot + 16, notes.thin, "faint", "end")] : []),
  ];
}

function line(x: number, y: number, to: string, css = "tick", title = ""): string {
  return element("path", { class: css, d: `M${decimals(x)} ${decimals(y)}${to}` }, title);
}

/** Its name stands above the plot, where it hides no layer. */
function horizonLine({ plot, horizon }: Layout): string[] {
  if (horizon === undefined) return [];
  const name = `horizon ${horizon.text}`, y = plot.top - 12;
  return [
    line(plot.left, horizon.at, `H${plot.right}`, "horizon", element("title", {}, name)),
    line(plot.right - 30, y - 4, "h30", "horizon"),
    text(plot.right - 36, y, name, "horizon", "end"),
  ];
}
