/**
 * Pictures of SVG, by resvg with a typeface of our own: what a machine has installed makes no difference.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import config from "../../../deno.json" with { type: "json" };
import { isExecutable, readEmbedded } from "../../engine/runtime/embedded_file.ts";
import { PLOT_FONT } from "./svg_plot.ts";

/** Files of packages that the executable has its own copies of. */
export const PNG_ASSETS = {
  renderer: { package: "@resvg/resvg-wasm", path: "index_bg.wasm" },
  font: { package: "dejavu-fonts-ttf", path: "ttf/DejaVuSans.ttf" },
} as const;

/** Loaded when the first picture is made. */
const library: { loading?: Promise<Library> } = {};

interface Library {
  readonly Resvg: typeof import("@resvg/resvg-wasm").Resvg;
  readonly font: Uint8Array;
}

/** Options of {@linkcode pngOfSvg}. */
export interface PngOptions {
  /** Pixels of the picture for one of the SVG. @default {2} */
  readonly scale?: number;
}

/** Returns the bytes of a PNG file. */
export async function pngOfSvg(
  svg: string,
  { scale = 2 }: PngOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { Resvg, font } = await (library.loading ??= load());
  const renderer = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    font: { fontBuffers: [font], defaultFontFamily: PLOT_FONT, loadSystemFonts: false },
  });
  const image = renderer.render();
  try {
    return new Uint8Array(image.asPng());
  } finally {
    image.free();
    renderer.free();
  }
}

async function load(): Promise<Library> {
  // A package is only found among those that modules are imported from
  await import("dejavu-fonts-ttf/package.json", { with: { type: "json" } });
  const { initWasm, Resvg } = await import("@resvg/resvg-wasm");
  await initWasm(await asset(PNG_ASSETS.renderer));
  return { Resvg, font: await asset(PNG_ASSETS.font) };
}

async function asset(
  { package: name, path }: (typeof PNG_ASSETS)[keyof typeof PNG_ASSETS],
): Promise<Uint8Array<ArrayBuffer>> {
  if (isExecutable()) return await readEmbedded(path.slice(path.lastIndexOf("/") + 1));
  // with its version, as no import map applies where this program is imported from elsewhere
  const specifier = `${config.imports[name]}/${path}`;
  return new Uint8Array(await readFile(new URL(import.meta.resolve(specifier))));
}
