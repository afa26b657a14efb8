/**
 * Plots as SVG.
 *
 * @module
 */

import {
  finitePoints,
  type Plot,
  type PlotLine,
  type PlotRange,
  type Point,
  rangeOf,
} from "./plot.ts";
import { thinned } from "./smooth.ts";
import { formatTick, ticksIn } from "./ticks.ts";

/** Options of {@linkcode svgPlot}. */
export interface SvgPlotOptions {
  /** Width in pixels. @default {960} */
  readonly width?: number;
  /** Height in pixels, without the legend. @default {540} */
  readonly height?: number;
}

/** The typeface of all text, which the PNG is drawn with too. */
export const PLOT_FONT = "DejaVu Sans";

/** Colours that people with any kind of colour vision tell apart (Okabe and Ito, 2008). */
const COLORS = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#000000",
  "#999999",
] as const;

const MARGIN = { top: 44, right: 24, bottom: 52, left: 76 } as const;
const LEGEND_ROW = 22;

/** Points of a line that is drawn. */
const MAX_POINTS = 4000;

/** Where things are put. */
interface Frame {
  readonly range: PlotRange;
  readonly width: number;
  readonly height: number;
}

/** Returns the text of an SVG file. */
export function svgPlot(plot: Plot, options: SvgPlotOptions = {}): string {
  const { width = 960, height = 540 } = options;
  const { x, y: [low, high] } = rangeOf(plot.lines) ?? { x: [0, 1], y: [0, 1] };
  const room = (high - low) * 0.04;
  const range: PlotRange = { x, y: [low - room, high + room] };
  const frame: Frame = { range, width, height };
  const total = height + plot.lines.length * LEGEND_ROW + 8;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" ` +
    `font-family="${PLOT_FONT}, Verdana, sans-serif" font-size="13">`,
    `<title>${escaped(plot.title)}</title>`,
    `<rect width="${width}" height="${total}" fill="#ffffff"/>`,
    text(plot.title, { x: width / 2, y: 26, anchor: "middle", size: 16 }),
    ...grid(frame),
    text(plot.xLabel, {
      x: (MARGIN.left + width - MARGIN.right) / 2,
      y: height - 10,
      anchor: "middle",
    }),
    `<g transform="translate(18 ${(MARGIN.top + height - MARGIN.bottom) / 2}) rotate(-90)">` +
    `${text(plot.yLabel, { x: 0, y: 0, anchor: "middle" })}</g>`,
    ...plot.lines.flatMap((line, index) => drawn(line, { frame, color: colorOf(index) })),
    ...plot.lines.flatMap((line, index) => legend(line, { frame, index })),
    "</svg>",
    "",
  ].join("\n");
}

function grid(frame: Frame): string[] {
  const { range, width, height } = frame;
  const [left, right] = [MARGIN.left, width - MARGIN.right];
  const [top, bottom] = [MARGIN.top, height - MARGIN.bottom];
  const horizontal = ticksIn(range.y, 6).flatMap((tick) => {
    const y = place({ x: range.x[0], y: tick }, frame).y;
    return [
      `<line x1="${left}" y1="${y}" x2="${right}" y2="${y}" stroke="#dddddd"/>`,
      text(formatTick(tick), { x: left - 8, y: y + 4.5, anchor: "end" }),
    ];
  });
  const vertical = ticksIn(range.x, 8).flatMap((tick) => {
    const x = place({ x: tick, y: range.y[0] }, frame).x;
    return [
      `<line x1="${x}" y1="${top}" x2="${x}" y2="${bottom}" stroke="#eeeeee"/>`,
      text(formatTick(tick), { x, y: bottom + 19, anchor: "middle" }),
    ];
  });
  return [
    ...horizontal,
    ...vertical,
    `<path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="#333333"/>`,
  ];
}

function drawn(
  { points, raw }: PlotLine,
  { frame, color }: { readonly frame: Frame; readonly color: string },
): string[] {
  const faint = raw === undefined
    ? []
    : [polyline(raw, { frame, style: `stroke="${color}" stroke-opacity="0.25"` })];
  const finite = finitePoints(points);
  // a line of few points, such as of evaluations, shows where they are
  const dots = finite.length > 40 ? [] : finite.map((point) => {
    const { x, y } = place(point, frame);
    return `<circle cx="${x}" cy="${y}" r="3" fill="${color}"/>`;
  });
  return [
    ...faint,
    polyline(points, { frame, style: `stroke="${color}" stroke-width="2"` }),
    ...dots,
  ];
}

function polyline(
  points: readonly Point[],
  { frame, style }: { readonly frame: Frame; readonly style: string },
): string {
  const places = thinned(finitePoints(points), MAX_POINTS).map((point) => {
    const { x, y } = place(point, frame);
    return `${x},${y}`;
  });
  return `<polyline points="${places.join(" ")}" fill="none" stroke-linejoin="round" ${style}/>`;
}

function legend(
  { name }: PlotLine,
  { frame: { height }, index }: { readonly frame: Frame; readonly index: number },
): string[] {
  const y = height + index * LEGEND_ROW + 8;
  const x = MARGIN.left;
  return [
    `<line x1="${x}" y1="${y - 4}" x2="${x + 26}" y2="${y - 4}" stroke="${
      colorOf(index)
    }" stroke-width="3"/>`,
    text(name, { x: x + 34, y, anchor: "start" }),
  ];
}

function place({ x, y }: Point, { range, width, height }: Frame): Point {
  const [left, right] = [MARGIN.left, width - MARGIN.right];
  const [top, bottom] = [MARGIN.top, height - MARGIN.bottom];
  const part = (value: number, [low, high]: readonly [number, number]) =>
    (value - low) / (high - low);
  return {
    x: Number((left + part(x, range.x) * (right - left)).toFixed(2)),
    y: Number((bottom - part(y, range.y) * (bottom - top)).toFixed(2)),
  };
}

function text(
  content: string,
  { x, y, anchor, size }: {
    readonly x: number;
    readonly y: number;
    readonly anchor: "start" | "middle" | "end";
    readonly size?: number;
  },
): string {
  const larger = size === undefined ? "" : ` font-size="${size}"`;
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="#222222"${larger}>${
    escaped(content)
  }</text>`;
}

function colorOf(index: number): string {
  return COLORS[index % COLORS.length]!;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

function escaped(content: string): string {
  // deno-lint-ignore no-control-regex -- XML cannot hold them, not even escaped
  return content.replaceAll(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, "�")
    .replaceAll(/[&<>"]/g, (character) => ESCAPES[character]!);
}
