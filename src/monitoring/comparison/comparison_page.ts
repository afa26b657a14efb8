/**
 * A comparison as one HTML page that needs nothing else: verdict, plots, and the answers side by side.
 *
 * @module
 */

import type { Evaluation, ItemResult } from "../evaluation/evaluation.ts";
import type { Comparison } from "./comparison.ts";
import { drawDifferences, drawInterval, drawOutcomes } from "./comparison_plots.ts";
import { escapeHtml } from "./escape_html.ts";
import { pairItems } from "./pair_items.ts";

/** What a page shows. */
export interface ComparisonPage {
  /** The comparison. */
  readonly comparison: Comparison;
  /** The evaluation of the model that is judged. */
  readonly candidate: Evaluation;
  /** The evaluation of the other. */
  readonly reference: Evaluation;
}

/** Items that are shown; those at which the models differ come first. */
const MAX_ITEMS = 500;

const STYLE = `
:root { color-scheme: light dark; --fg: #1b1f24; --bg: #fff; --soft: #6a737d; --line: #d8dee4;
  --good: #1a7f37; --bad: #cf222e; --even: #8c959f; --panel: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --fg: #e6edf3; --bg: #0d1117; --soft: #9198a1;
  --line: #30363d; --good: #3fb950; --bad: #f85149; --even: #6e7681; --panel: #161b22; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg);
  max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.verdict { border-left: 6px solid var(--even); background: var(--panel); padding: .8rem 1rem; }
.verdict.better { border-color: var(--good); } .verdict.worse { border-color: var(--bad); }
.verdict b { font-size: 1.2rem; display: block; }
.plots { display: flex; flex-wrap: wrap; gap: 1.5rem; }
figure { margin: 0; flex: 1 1 320px; min-width: 0; } figcaption { color: var(--soft); font-size: .85rem; }
svg { width: 100%; height: auto; } svg text { fill: var(--fg); font: 12px system-ui, sans-serif; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .5rem; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; white-space: pre-wrap; } .narrow { width: 7.5em; } .number { width: 3em; }
.facts td, .facts th { white-space: normal; }
.correct { color: var(--good); } .wrong, .token-limit { color: var(--bad); } .error { color: var(--soft); }
.tag { font-size: .8rem; font-weight: 600; display: block; } .soft { color: var(--soft); }
`;

/** Writes the page. */
export function comparisonPage({ comparison, candidate, reference }: ComparisonPage): string {
  const { verdict, summary, task, taskHash, n, errors, metric } = comparison;
  const title = `${comparison.candidate.id} beside ${comparison.reference.id}`;
  const paired = pairItems(candidate, reference, metric);
  const differences = paired.pairs.map((pair) =>
    pair.candidate.scores[metric]! - pair.reference.scores[metric]!
  );
  const caption = paired.metric.isBinary
    ? drawOutcomes(comparison)
    : drawDifferences(differences, comparison);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>
<h1>${escapeHtml(title)}</h1>
<p class="soft">Task ${escapeHtml(task)} (${
    escapeHtml(taskHash)
  }), ${n} items with an answer of both${errors === 0 ? "" : `, ${errors} without`}</p>
<div class="verdict ${verdict}"><b>${escapeHtml(verdict.replace("-", " "))}</b>${
    escapeHtml(summary)
  }</div>
<div class="plots">
<figure><h2>Difference in ${escapeHtml(metric)}</h2>${
    drawInterval(comparison)
  }<figcaption>Candidate less reference, with the interval at ${
    Number((100 * comparison.confidence).toFixed(1))
  } %${
    comparison.minimumEffect > 0 ? "; grey: less than the smallest difference that counts" : ""
  }. ${comparison.higherIsBetter ? "More" : "Less"} is better.</figcaption></figure>
<figure><h2>Items</h2>${caption}<figcaption>${comparison.wins} better, ${comparison.ties} equal, ${comparison.losses} worse; ${comparison.test}, p = ${
    comparison.correctedPValue.toPrecision(2)
  }.</figcaption></figure>
</div>
<h2>Models</h2>${modelTable(comparison)}
<p class="soft">Speed and memory are told beside quality and decide nothing.</p>
<h2>Answers</h2>${answerTable(paired.pairs, comparison)}
</body></html>
`;
}

function modelTable({ candidate, reference, metric }: Comparison): string {
  const number = (value: number | null, unit: string, digits = 1) =>
    value === null ? "–" : `${value.toFixed(digits)} ${unit}`;
  const row = (role: string, model: Comparison["candidate"]) =>
    `<tr><td>${role}</td><td>${escapeHtml(model.id)}</td><td>${model.value.toFixed(4)}</td><td>${
      number(model.medianLatencyMs, "ms")
    }</td><td>${number(model.tokensPerSecond, "tokens/s")}</td><td>${
      number(model.peakMemoryBytes / 1e6, "MB", 0)
    }</td></tr>`;
  return `<table class="facts"><thead><tr><th class="narrow">role</th><th>model</th><th>${
    escapeHtml(metric)
  }</th><th>time of an item</th><th>speed</th><th>memory of the process</th></tr></thead><tbody>${
    row("candidate", candidate)
  }${row("reference", reference)}</tbody></table>`;
}

interface Pair {
  readonly candidate: ItemResult;
  readonly reference: ItemResult;
}

function answerTable(pairs: readonly Pair[], comparison: Comparison): string {
  const { metric, candidate, reference } = comparison;
  const distance = ({ candidate: a, reference: b }: Pair) =>
    Math.abs(a.scores[metric]! - b.scores[metric]!);
  const shown = pairs.toSorted((a, b) => distance(b) - distance(a)).slice(0, MAX_ITEMS);
  const rows = shown.map(({ candidate: a, reference: b }) =>
    `<tr><td>${a.index + 1}</td><td>${escapeHtml(shortened(a.prompt))}</td><td>${
      escapeHtml(shortened(a.expected))
    }</td><td>${answer(a, metric)}</td><td>${answer(b, metric)}</td></tr>`
  );
  const left = pairs.length - shown.length;
  return `<table><thead><tr><th class="number">#</th><th>question</th><th>expected</th><th>${
    escapeHtml(candidate.id)
  }</th><th>${escapeHtml(reference.id)}</th></tr></thead><tbody>${rows.join("")}</tbody></table>${
    left > 0 ? `<p class="soft">${left} further items at which they differ less</p>` : ""
  }`;
}

function answer({ outcome, output, reason, scores }: ItemResult, metric: string): string {
  const tag = outcome === "scored" ? `${metric} ${scores[metric]!.toFixed(4)}` : outcome;
  const why = reason === undefined || outcome === "correct"
    ? ""
    : `<span class="soft">${escapeHtml(reason)}</span>`;
  return `<span class="tag ${outcome}">${escapeHtml(tag)}</span>${
    output === null ? "" : escapeHtml(shortened(output))
  }${why === "" ? "" : `\n${why}`}`;
}

function shortened(text: string): string {
  return text.length <= 1200 ? text : `${text.slice(0, 600)} … ${text.slice(-600)}`;
}
