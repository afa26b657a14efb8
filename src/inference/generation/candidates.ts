/**
 * The tokens that may come next, and the filters that thin them out. The rules, ties included, are those of
 * the logits processors of `transformers`; only what survives is sorted, never the whole vocabulary.
 *
 * @module
 */

/** Tokens with their scores (logits, up to one constant for all). */
export interface Candidates {
  /** Token ids, in rising order. */
  readonly ids: Int32Array;
  /** The score of each. */
  readonly scores: Float64Array;
}

/** Returns every token of the vocabulary. */
export function allCandidates(logits: Float32Array): Candidates {
  const ids = new Int32Array(logits.length);
  for (let i = 0; i < ids.length; i++) ids[i] = i;
  return { ids, scores: new Float64Array(logits) };
}

/** Multiplies every score by `factor`. */
export function scale({ ids, scores }: Candidates, factor: number): Candidates {
  if (factor === 1) return { ids, scores };
  const scaled = new Float64Array(scores.length);
  for (let i = 0; i < scores.length; i++) scaled[i] = scores[i]! * factor;
  return { ids, scores: scaled };
}

/** Keeps the `k` largest scores and whatever ties with the last of them. */
export function keepTopK(candidates: Candidates, k: number): Candidates {
  const { scores } = candidates;
  if (k >= scores.length) return candidates;
  return keepAtLeast(candidates, kthLargest(scores, k));
}

/**
 * Keeps the likeliest tokens until their probability reaches `p`, at least one; of a tie at the edge the lower
 * ids. What is kept weighs more than 1 − p together with all that is less likely, so no token of a probability
 * below (1 − p) / n has to be sorted.
 */
export function keepTopP(candidates: Candidates, p: number): Candidates {
  const { scores } = candidates;
  const { max, sum } = exponentials(scores);
  const floor = max + Math.log(((1 - p) / scores.length) * sum);
  const survivors = pick(candidates, indicesAtLeast(scores, floor));
  const rising = survivors.scores.toSorted();
  let mass = 0;
  let edge = rising.length;
  while (edge > 0 && (edge === rising.length || mass < p)) {
    mass += Math.exp(rising[--edge]! - max) / sum;
  }
  const lowest = rising[edge]!;
  let ties = 0;
  while (rising[edge + ties] === lowest) ties++;
  return pick(
    survivors,
    indicesAtLeast(survivors.scores, lowest).filter((index) =>
      survivors.scores[index] !== lowest || ties-- > 0
    ),
  );
}

/** Keeps what is at least `p` times as likely as the likeliest. */
export function keepMinP(candidates: Candidates, p: number): Candidates {
  return keepAtLeast(candidates, maximum(candidates.scores) + Math.log(p));
}

/**
 * Keeps the tokens whose information is nearest to the distribution's entropy, until their probability
 * reaches `p`, and ties of the last.
 */
export function keepTypical(candidates: Candidates, p: number): Candidates {
  const { scores } = candidates;
  const { max, sum } = exponentials(scores);
  const logSum = max + Math.log(sum);
  let entropy = 0;
  for (let i = 0; i < scores.length; i++) {
    const logProbability = scores[i]! - logSum;
    if (logProbability > -Infinity) entropy -= Math.exp(logProbability) * logProbability;
  }
  const distances = scores.map((score) => Math.abs(logSum - score - entropy));
  const order = Int32Array.from(scores.keys());
  order.sort((a, b) => distances[a]! - distances[b]! || a - b);
  let mass = 0;
  let last = 0;
  for (; last < order.length - 1; last++) {
    mass += Math.exp(scores[order[last]!]! - logSum);
    if (mass >= p) break;
  }
  const farthest = distances[order[last]!]!;
  return pick(candidates, order.filter((index) => distances[index]! <= farthest).sort());
}

function keepAtLeast(candidates: Candidates, lowest: number): Candidates {
  return pick(candidates, indicesAtLeast(candidates.scores, lowest));
}

function indicesAtLeast(scores: Float64Array, lowest: number): Int32Array {
  let count = 0;
  const indices = new Int32Array(scores.length);
  for (let i = 0; i < scores.length; i++) {
    if (scores[i]! >= lowest) indices[count++] = i;
  }
  return indices.subarray(0, count);
}

function pick({ ids, scores }: Candidates, indices: Int32Array): Candidates {
  const [pickedIds, pickedScores] = [
    new Int32Array(indices.length),
    new Float64Array(indices.length),
  ];
  for (let i = 0; i < indices.length; i++) {
    pickedIds[i] = ids[indices[i]!]!;
    pickedScores[i] = scores[indices[i]!]!;
  }
  return { ids: pickedIds, scores: pickedScores };
}

function maximum(scores: Float64Array): number {
  let max = -Infinity;
  for (let i = 0; i < scores.length; i++) {
    if (scores[i]! > max) max = scores[i]!;
  }
  return max;
}

/** The largest score and the sum of e^(score − max). */
function exponentials(scores: Float64Array): { readonly max: number; readonly sum: number } {
  const max = maximum(scores);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += Math.exp(scores[i]! - max);
  return { max, sum };
}

/** The k-th largest score, by a heap of the k largest whose root is the smallest of them. */
function kthLargest(scores: Float64Array, k: number): number {
  const heap = scores.slice(0, k).sort();
  for (let i = k; i < scores.length; i++) {
    const score = scores[i]!;
    if (score > heap[0]!) replaceRoot(heap, score);
  }
  return heap[0]!;
}

function replaceRoot(heap: Float64Array, score: number): void {
  let at = 0;
  while (true) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= score) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = score;
}
