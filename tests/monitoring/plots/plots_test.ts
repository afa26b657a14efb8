import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import type { Plot } from "../../../src/monitoring/plots/plot.ts";
import { pngOfSvg } from "../../../src/monitoring/plots/png.ts";
import { smoothed, thinned } from "../../../src/monitoring/plots/smooth.ts";
import { svgPlot } from "../../../src/monitoring/plots/svg_plot.ts";
import { terminalPlot } from "../../../src/monitoring/plots/terminal_plot.ts";
import { formatTick, ticksIn } from "../../../src/monitoring/plots/ticks.ts";

const FALLING = Array.from({ length: 50 }, (_, i) => ({ x: i + 1, y: 5 / (i + 1) }));

const PLOT: Plot = {
  title: 'loss of "a" & <b>',
  xLabel: "step",
  yLabel: "loss",
  lines: [{ name: "a\x07", points: FALLING }, { name: "<b>", points: [{ x: 9, y: NaN }] }],
};

Deno.test("ticksIn() marks round numbers within the range, and formatTick() tells neighbours apart", () => {
  assert.deepEqual(ticksIn([0.3, 5.2], 5), [1, 2, 3, 4, 5]);
  assert.deepEqual(ticksIn([0, 1], 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticksIn([-1e-5, 2.1e-5], 4), [-1e-5, 0, 1e-5, 2e-5]);
  for (const [low, high] of [[1, 20_000], [3.01, 3.02], [0, 1e-7], [2.9e8, 3.1e8]] as const) {
    const ticks = ticksIn([low, high], 5);
    assert.ok(ticks.length >= 2 && ticks.length <= 12, `${ticks}`);
    assert.ok(ticks.every((tick) => tick >= low && tick <= high), `${ticks}`);
    assert.equal(new Set(ticks.map(formatTick)).size, ticks.length);
  }
  assert.equal([0, 0.0025, 1.5e-5, 12_000, 3e8].map(formatTick).join(), "0,0.0025,1.5e-5,12k,300M");
});

Deno.test("smoothed() is the moving average of all points before, weighted by powers", () => {
  const points = [4, 8, 6, 1].map((y, x) => ({ x, y }));
  const weights = points.map((_, i) => 0.6 ** i);
  const expected = points.map((_, n) => {
    const before = points.slice(0, n + 1).toReversed();
    const total = before.reduce((sum, _, i) => sum + weights[i]!, 0);
    return before.reduce((sum, { y }, i) => sum + weights[i]! * y, 0) / total;
  });
  for (const [i, { y }] of smoothed(points, 0.6).entries()) {
    assert.ok(Math.abs(y - expected[i]!) < 1e-12);
  }
  assert.deepEqual(smoothed(points, 0), points);
});

Deno.test("thinned() keeps the extremes, the first and the last point, in order", () => {
  const points = Array.from({ length: 10_000 }, (_, x) => ({ x, y: Math.sin(x) }));
  points[5001] = { x: 5001, y: 50 };
  points[77] = { x: 77, y: -50 };
  const few = thinned(points, 100);
  assert.ok(few.length <= 110, String(few.length));
  for (const kept of [0, 77, 5001, 9999]) assert.ok(few.includes(points[kept]!), String(kept));
  assert.deepEqual(few, few.toSorted((a, b) => a.x - b.x));
});

Deno.test("terminalPlot() keeps to its width and height, and shows where the line goes", () => {
  for (const width of [24, 61, 200]) {
    const lines = terminalPlot({ ...PLOT, lines: PLOT.lines.slice(0, 1) }, { width, height: 8 });
    const area = lines.slice(1, 9);
    assert.ok(lines.every((line) => [...line].length <= width || line === PLOT.title), `${width}`);
    const first = area.findIndex((line) => /[⠁-⣿]/.test(line));
    assert.equal(first, 0, "the highest point lies in the first line");
    assert.ok([...area.at(-1)!].length > width * 0.9, "the lowest reaches to the right");
  }
  const two = {
    ...PLOT,
    lines: [PLOT.lines[0]!, { name: "flat", points: [{ x: 1, y: 5 }, { x: 50, y: 5 }] }],
  };
  assert.match(terminalPlot(two).join("\n"), /○{40}[^]*● a.\n.*○ flat/);
  const colored = terminalPlot(two, { color: true }).join("\n");
  // deno-lint-ignore no-control-regex -- colours are control sequences
  assert.match(colored, /\x1b\[34m[⠁-⣿]\x1b\[0m/);
  assert.deepEqual(terminalPlot({ ...PLOT, lines: [] }), [
    `${PLOT.title}: there is nothing to plot`,
  ]);
});

Deno.test("svgPlot() is well-formed, whatever names hold, and draws every point", () => {
  const svg = svgPlot(PLOT);
  assert.ok(svg.includes("loss of &quot;a&quot; &amp; &lt;b&gt;"));
  // deno-lint-ignore no-control-regex -- none may be there
  assert.ok(!/[\x00-\x08]/.test(svg));
  const [line] = /<polyline points="([^"]+)"/.exec(svg)!.slice(1);
  const places = line!.split(" ").map((pair) => pair.split(",").map(Number));
  assert.equal(places.length, FALLING.length);
  // the plot is linear: so are the places in what was given
  const [[x0, y0], [x1, y1]] = [places[0]!, places.at(-1)!] as [[number, number], [number, number]];
  for (const [i, [x, y]] of places.entries()) {
    const point = FALLING[i]!;
    assert.ok(Math.abs(x! - (x0 + (x1 - x0) * (point.x - 1) / 49)) < 0.02);
    assert.ok(Math.abs(y! - (y0 + (y1 - y0) * (5 - point.y) / (5 - 0.1))) < 0.02);
  }
});

Deno.test("pngOfSvg() draws lines and letters", async () => {
  const png = await pngOfSvg(svgPlot(PLOT, { width: 400, height: 200 }), { scale: 1 });
  const view = new DataView(png.buffer);
  assert.equal(view.getUint32(0), 0x89504e47);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  assert.deepEqual([width, height], [400, 200 + 2 * 22 + 8]);
  const pixels = inflateSync(chunk(png, "IDAT"));
  assert.equal(pixels.length, height * (1 + 4 * width), "RGBA, one filter byte a row");
  const blank = svgPlot({ ...PLOT, title: "", xLabel: "", yLabel: "" }, {
    width: 400,
    height: 200,
  });
  const without = await pngOfSvg(blank.replaceAll(/<text[^]*?<\/text>/g, ""), { scale: 1 });
  assert.ok(png.length > without.length + 500, "letters are drawn");
  const doubled = await pngOfSvg(svgPlot(PLOT, { width: 400, height: 200 }));
  assert.equal(new DataView(doubled.buffer).getUint32(16), 800);
});

/** Returns the content of all chunks of a kind. */
function chunk(png: Uint8Array, kind: string): Uint8Array {
  const view = new DataView(png.buffer);
  const parts: number[] = [];
  for (let at = 8; at < png.length;) {
    const length = view.getUint32(at);
    const name = new TextDecoder().decode(png.subarray(at + 4, at + 8));
    if (name === kind) parts.push(...png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return Uint8Array.from(parts);
}
