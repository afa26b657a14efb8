/**
 * The plots of a comparison, as SVG.
 *
 * @module
 */

import type { Comparison } from "./comparison.ts";

const WIDTH = 480;
const HEIGHT = 150;
const MARGIN = 24;
const BINS = 31;

/** Draws the difference with its interval on a line through 0. */
export function drawInterval(comparison: Comparison): string {
  const { difference, interval: [low, high], minimumEffect, verdict } = comparison;
  const extent = 1.2 * Math.max(Math.abs(low), Math.abs(high), minimumEffect, 1e-9);
  const x = (value: number) => round(WIDTH / 2 + value / extent * (WIDTH / 2 - MARGIN));
  const middle = HEIGHT / 2;
  const colour = `var(--${verdict === "better" ? "good" : verdict === "worse" ? "bad" : "even"})`;
  const band = minimumEffect > 0
    ? `<rect x="${x(-minimumEffect)}" y="20" width="${
      round(x(minimumEffect) - x(-minimumEffect))
    }" height="${HEIGHT - 50}" fill="var(--line)" opacity="0.5"/>`
    : "";
  return svg(
    `${band}<line x1="${x(0)}" x2="${x(0)}" y1="15" y2="${
      HEIGHT - 25
    }" stroke="var(--soft)" stroke-dasharray="4 3"/>` +
      `<line x1="${x(low)}" x2="${
        x(high)
      }" y1="${middle}" y2="${middle}" stroke="${colour}" stroke-width="5" stroke-linecap="round"/>` +
      `<circle cx="${x(difference)}" cy="${middle}" r="8" fill="${colour}"/>` +
      label(x(low) - 4, { y: middle + 24, value: low, anchor: "end" }) +
      label(x(high) + 4, { y: middle + 24, value: high, anchor: "start" }) +
      label(x(difference), { y: middle - 16, value: difference, anchor: "middle" }) +
      `<text x="${x(0)}" y="${HEIGHT - 8}" text-anchor="middle">0</text>`,
    `difference ${difference.toFixed(4)} from ${low.toFixed(4)} to ${high.toFixed(4)}`,
  );
}

/** Draws at how many items the candidate is better, equal and worse. */
export function drawOutcomes({ wins, ties, losses }: Comparison): string {
  const parts = [
    { count: wins, colour: "var(--good)", name: "better" },
    { count: ties, colour: "var(--even)", name: "equal" },
    { count: losses, colour: "var(--bad)", name: "worse" },
  ];
  const largest = Math.max(wins, ties, losses, 1);
  const rows = parts.map(({ count, colour, name }, i) => {
    const y = 20 + i * 40;
    const width = round(count / largest * (WIDTH - 150));
    return `<text x="0" y="${
      y + 17
    }">${name}</text><rect x="60" y="${y}" width="${width}" height="26" fill="${colour}"/>` +
      `<text x="${68 + width}" y="${y + 17}">${count}</text>`;
  });
  return svg(rows.join(""), `${wins} better, ${ties} equal, ${losses} worse`);
}

/** Draws how often which difference occurs. */
export function drawDifferences(differences: readonly number[], comparison: Comparison): string {
  const extent = Math.max(...differences.map(Math.abs), 1e-9);
  const counts = new Array<number>(BINS).fill(0);
  for (const difference of differences) {
    const bin = Math.min(BINS - 1, Math.floor((difference / extent + 1) / 2 * BINS));
    counts[bin]!++;
  }
  const largest = Math.max(...counts);
  const width = (WIDTH - 2 * MARGIN) / BINS;
  const bars = counts.map((count, i) => {
    const height = round(count / largest * (HEIGHT - 40));
    const middle = i - (BINS - 1) / 2;
    const isBetter = middle > 0 === comparison.higherIsBetter;
    const colour = middle === 0 ? "--even" : isBetter ? "--good" : "--bad";
    return `<rect x="${round(MARGIN + i * width + 0.5)}" y="${
      round(HEIGHT - 25 - height)
    }" width="${round(width - 1)}" height="${height}" fill="var(${colour})"/>`;
  });
  return svg(
    `${bars.join("")}<text x="${MARGIN}" y="${HEIGHT - 8}">−${extent.toPrecision(3)}</text>` +
      `<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">0</text>` +
      `<text x="${WIDTH - MARGIN}" y="${HEIGHT - 8}" text-anchor="end">+${
        extent.toPrecision(3)
      }</text>`,
    "differences of items",
  );
}

function svg(content: string, title: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"><title>${title}</title>${content}</svg>`;
}

function label(
  x: number,
  { y, value, anchor }: {
    readonly y: number;
    readonly value: number;
    readonly anchor: "start" | "middle" | "end";
  },
): string {
  // a label ends within the picture
  const width = 52;
  const [before, after] =
    { start: [0, width], middle: [width / 2, width / 2], end: [width, 0] }[anchor];
  const at = Math.min(WIDTH - after!, Math.max(before!, x));
  return `<text x="${round(at)}" y="${y}" text-anchor="${anchor}">${value > 0 ? "+" : ""}${
    value.toFixed(4)
  }</text>`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
