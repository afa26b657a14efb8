/**
 * Plots of characters: each has two by four dots of Braille, or a mark for each line where there are no colours.
 *
 * @module
 */

import { finitePoints, type Plot, type PlotRange, type Point, rangeOf } from "./plot.ts";
import { formatTick, ticksIn } from "./ticks.ts";

/** Options of {@linkcode terminalPlot}. */
export interface TerminalPlotOptions {
  /** Characters of a line. @default {80} */
  readonly width?: number;
  /** Lines of the area that is drawn in. @default {16} */
  readonly height?: number;
  /** Whether the terminal shows colours. @default {false} */
  readonly color?: boolean;
}

/** Dots of a character. */
const DOT_COLUMNS = 2;
const DOT_ROWS = 4;

/** Bits of the dots in a character of Braille, by row and column. */
const DOTS: readonly (readonly number[])[] = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

const BRAILLE = 0x2800;

const MARKS = ["●", "○", "▲", "△", "■", "□", "◆", "◇"] as const;

/** Colours that are told apart on dark and on light. */
const COLORS = [34, 33, 32, 31, 35, 36, 94, 93] as const;

const MIN_WIDTH = 24;

/** Returns the lines of a plot. */
export function terminalPlot(plot: Plot, options: TerminalPlotOptions = {}): string[] {
  const { height = 16, color = false } = options;
  const width = Math.max(MIN_WIDTH, options.width ?? 80);
  // raw lines would only blur what is drawn with so few dots
  const range = rangeOf(plot.lines.map(({ name, points }) => ({ name, points })));
  if (range === undefined) return [`${plot.title}: there is nothing to plot`];
  const yTicks = ticksIn(range.y, Math.max(3, Math.floor(height / 4)));
  const margin = Math.max(...yTicks.map((tick) => formatTick(tick).length)) + 2;
  const columns = width - margin;
  const marked = !color && plot.lines.length > 1;
  const paint = (text: string, index: number) =>
    color ? `\x1b[${COLORS[index % COLORS.length]}m${text}\x1b[0m` : text;
  const canvas = new Canvas(columns, height);
  for (const [index, { points }] of plot.lines.entries()) canvas.draw(points, { range, index });

  const rows = Array.from({ length: height }, (_, row) => {
    const tick = yTicks.find((each) => rowOf(each, { range, height }) === row);
    const label = (tick === undefined ? "" : formatTick(tick)).padStart(margin - 2);
    const cells = Array.from({ length: columns }, (_, column) => {
      const cell = canvas.at(column, row);
      if (cell === undefined) return " ";
      const mark = marked
        ? MARKS[cell.line % MARKS.length]!
        : String.fromCharCode(BRAILLE + cell.dots);
      return paint(mark, cell.line);
    });
    return `${label} ${tick === undefined ? "│" : "┤"}${cells.join("")}`.trimEnd();
  });
  return [
    plot.title,
    ...rows,
    ...horizontalAxis(plot, { range, columns, margin }),
    ...plot.lines.map(({ name }, index) => {
      const mark = marked ? MARKS[index % MARKS.length]! : "⠶⠶";
      return `${" ".repeat(margin)}${paint(mark, index)} ${name}`;
    }),
  ];
}

function horizontalAxis(
  { xLabel }: Plot,
  { range, columns, margin }: {
    readonly range: PlotRange;
    readonly columns: number;
    readonly margin: number;
  },
): string[] {
  const ticks = ticksIn(range.x, Math.max(1, Math.floor(columns / 14)));
  const axis = Array.from({ length: columns }, () => "─");
  const labels = Array.from({ length: columns }, () => " ");
  let free = 0;
  for (const tick of ticks) {
    const text = formatTick(tick);
    const at = Math.round(fraction(tick, range.x) * (columns - 1));
    axis[at] = "┬";
    const start = Math.min(Math.max(at - Math.floor(text.length / 2), 0), columns - text.length);
    if (start < free) continue;
    for (const [i, character] of [...text].entries()) labels[start + i] = character;
    free = start + text.length + 1;
  }
  const indent = " ".repeat(margin);
  return [
    `${" ".repeat(margin - 1)}└${axis.join("")}`,
    `${indent}${labels.join("")}`.trimEnd(),
    `${indent}${xLabel.padStart(Math.floor((columns + xLabel.length) / 2))}`,
  ];
}

/** A character that something is drawn in. */
interface Cell {
  readonly dots: number;
  readonly line: number;
}

/** The area that is drawn in. */
class Canvas {
  readonly #columns: number;
  readonly #rows: number;
  readonly #cells = new Map<number, Cell>();

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
  }

  at(column: number, row: number): Cell | undefined {
    return this.#cells.get(row * this.#columns + column);
  }

  draw(
    points: readonly Point[],
    { range, index }: { readonly range: PlotRange; readonly index: number },
  ): void {
    const width = this.#columns * DOT_COLUMNS - 1;
    const height = this.#rows * DOT_ROWS - 1;
    let before: readonly [number, number] | undefined;
    for (const { x, y } of finitePoints(points)) {
      const dot = [
        Math.round(fraction(x, range.x) * width),
        Math.round((1 - fraction(y, range.y)) * height),
      ] as const;
      this.#connect(before ?? dot, dot, index);
      before = dot;
    }
  }

  #connect(from: readonly [number, number], to: readonly [number, number], line: number): void {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const steps = Math.max(Math.abs(dx), Math.abs(dy), 1);
    for (let i = 0; i <= steps; i++) {
      this.#set(
        { x: Math.round(from[0] + dx * i / steps), y: Math.round(from[1] + dy * i / steps) },
        line,
      );
    }
  }

  #set({ x, y }: Point, line: number): void {
    const key = Math.floor(y / DOT_ROWS) * this.#columns + Math.floor(x / DOT_COLUMNS);
    const before = this.#cells.get(key);
    const dots = DOTS[y % DOT_ROWS]![x % DOT_COLUMNS]!;
    this.#cells.set(key, { dots: (before?.dots ?? 0) | dots, line });
  }
}

function rowOf(
  value: number,
  { range, height }: { readonly range: PlotRange; readonly height: number },
): number {
  const dot = Math.round((1 - fraction(value, range.y)) * (height * DOT_ROWS - 1));
  return Math.floor(dot / DOT_ROWS);
}

function fraction(value: number, [low, high]: readonly [number, number]): number {
  return (value - low) / (high - low);
}
