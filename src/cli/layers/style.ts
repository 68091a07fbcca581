/**
 * How pictures of layers look. A picture has a page of its own, so that it can be read in a viewer of any colour, and
 * follows those that say that they are dark. Kinds differ for the colour-blind too (M. Okabe and K. Ito, "Color
 * Universal Design", 2002). Fills are opaque: where boxes that are widened to a pixel lie upon each other, nothing
 * shines through.
 */

/** A colour: red, green and blue, 0 to 255. */
type Colour = readonly [number, number, number];

const colours: Readonly<Record<string, Colour>> = {
  open: [0xe6, 0x9f, 0x00],
  frozen: [0xd5, 0x5e, 0x00],
  L0: [0x3f, 0x8f, 0xd2],
  delta: [0x00, 0x9e, 0x73],
  image: [0xb6, 0x5f, 0x94],
};
const lightPage: Colour = [0xfb, 0xfb, 0xf9];
const darkPage: Colour = [0x15, 0x19, 0x1e];
/** How much of a page a fill lets through. What has no outline is stronger, and every other layer of it less so. */
const through = { "": 0.55, ".thin": 0.24, ".thin.odd": 0.38 } as const;

function hex(colour: Colour): string {
  return `#${Uint8Array.from(colour).toHex()}`;
}

function mix(colour: Colour, page: Colour, part: number): string {
  const [red, green, blue] = colour.map((value, i) => Math.round(value * (1 - part) + page[i] * part));
  return hex([red, green, blue]);
}

function fills(page: Colour): string {
  const fill = (kind: string, colour: Colour) =>
    Object.entries(through).map(([classes, part]) => `${classes}.${kind}{fill:${mix(colour, page, part)}}`)
      .join("");
  return Object.entries(colours).map(([kind, colour]) => fill(kind, colour)).join("\n");
}

const strokes = Object.entries(colours).map(([kind, colour]) => `.${kind}{stroke:${hex(colour)}}`).join("\n");

/** The style sheet of a picture, as an element. */
export const style: string = `<style>
text{font:12px system-ui,"DejaVu Sans",Helvetica,Arial,sans-serif;fill:#1f2933;white-space:pre}
.title{font-size:17px;font-weight:600}
.sum{font-weight:600}
.faint{fill:#5d6873}
.key{font:11px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.inside{font-size:11px;pointer-events:none}
.page{fill:${hex(lightPage)}}
.plot{fill:#eef0ed}
.tick{stroke:#8a949e;fill:none}
${strokes}
${fills(lightPage)}
.many{stroke-width:.6}
.most{stroke-width:.35}
.layers .open,.layers .frozen{stroke-dasharray:5 3}
.layers .thin{stroke:none}
path.horizon{stroke:#c8102e;stroke-width:1.6;stroke-dasharray:9 4;fill:none}
text.horizon{fill:#c8102e;font-weight:600}
@media (prefers-color-scheme:dark){
text{fill:#e4e7eb}
.faint{fill:#9aa5b1}
.page{fill:${hex(darkPage)}}
.plot{fill:#20262e}
.tick{stroke:#6b7682}
${fills(darkPage)}
path.horizon{stroke:#ff6b7a}
text.horizon{fill:#ff6b7a}
}
</style>`;
