/**
 * Where the layers, the labels and the horizon of a picture stand, in pixels.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import type { LayerInfo } from "../../timeline/mod.ts";
import { formatCount } from "../terminal/quantity.ts";
import { placeEdges } from "./axis.ts";
import type { Box } from "./boxes.ts";
import { keyAxis, lsnAxis, placeLsn } from "./edges.ts";
import { chooseEdges, commonStart, type Label, shorten } from "./labels.ts";
import { layersByKind } from "./sums.ts";

/** What is asked of a layout. */
export interface LayoutOptions {
  /** The LSN below which history may be given up, if there is one. */
  readonly horizon?: Lsn | undefined;
  /** Turns a key into one line of text, of whatever length. */
  readonly showKey: (key: Uint8Array) => string;
}

/** Where everything stands. */
export interface Layout {
  /** What layers are drawn in. */
  readonly plot: Box;
  /** The height of the picture. */
  readonly height: number;
  /** The labels of keys, from the left. */
  readonly keys: readonly Label[];
  /** What the labels of keys leave out. */
  readonly commonKey: string;
  /** The labels of LSNs, from the bottom. */
  readonly lsns: readonly Label[];
  /** The horizon, if there is one. */
  readonly horizon: Label | undefined;
  /** The box of each layer. */
  readonly boxes: readonly Box[];
}

/** Measures of a picture in pixels. */
export const size: {
  readonly width: number;
  readonly margin: number;
  readonly title: number;
  readonly row: number;
} = { width: 1200, margin: 28, title: 62, row: 18 };
/** What a character is wide, in pixels; few are wider on average. */
export const characterWidth = 6.7;

const plotHeight = 600;
const below = 90;
/** The least distance between two labels. */
const room = { key: 150, lsn: 34 } as const;
const keyCharacters = 20;

/**
 * Lays a picture out.
 *
 * @param layers The layers. One that does not tell its keys is as wide as the plot.
 * @param options See {@linkcode LayoutOptions}.
 */
export function layOut(layers: readonly LayerInfo[], { horizon, showKey }: LayoutOptions): Layout {
  const keys = keyAxis(layers.filter(tellsKeys)), lsns = lsnAxis(layers);
  const keyPlaces = placeEdges(keys), lsnPlaces = placeEdges(lsns);
  const heights = lsnPlaces.map((place) => place * plotHeight);
  const lsnLabels = chooseEdges(heights, room.lsn).map((edge) => ({
    at: heights[edge],
    // The last edge stands behind the last LSN.
    text: formatCount(lsns.lsns[edge] - (edge === heights.length - 1 ? 1 : 0)),
  }));
  const plot = plotBeside(lsnLabels, layersByKind(layers).length);
  const xs = keyPlaces.map((place) => plot.left + place * (plot.right - plot.left));
  let key = -1;
  const boxes = layers.map((layer, i) => {
    const [left, right] = tellsKeys(layer)
      ? [xs[keys.starts[++key]], xs[keys.ends[key]]]
      : [plot.left, plot.right];
    return {
      left,
      right,
      top: plot.bottom - heights[lsns.ends[i]],
      bottom: plot.bottom - heights[lsns.starts[i]],
    };
  });
  const shown = chooseEdges(xs, room.key).map((edge) => ({ at: xs[edge], text: showKey(keys.keys[edge]) }));
  const commonKey = commonStart(shown.map(({ text }) => text));
  return {
    plot,
    height: plot.bottom + below,
    keys: shown.map(({ at, text }) => ({ at, text: shortKey(text, commonKey) })),
    commonKey,
    lsns: lsnLabels.map(({ at, text }) => ({ at: plot.bottom - at, text })),
    horizon: horizon === undefined || layers.length === 0 ? undefined : {
      at: plot.bottom - placeLsn(lsns.lsns, heights, horizon),
      text: formatCount(horizon),
    },
    boxes,
  };
}

function tellsKeys({ firstKey }: LayerInfo): boolean {
  return firstKey.length > 0;
}

/** The plot, right of the labels of LSNs and under a table of so many kinds. */
function plotBeside(labels: readonly Label[], kinds: number): Box {
  const characters = Math.max(8, ...labels.map(({ text }) => text.length));
  const top = size.title + size.row * (kinds + 2) + 26;
  return {
    left: size.margin + Math.ceil(characters * characterWidth) + 10,
    top,
    right: size.width - size.margin,
    bottom: top + plotHeight,
  };
}

function shortKey(text: string, common: string): string {
  return shorten(common === "" ? text : `…${text.slice(common.length)}`, keyCharacters);
}
