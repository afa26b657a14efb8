/**
 * What ONNX Runtime need not, or should not, look for in graphs that train.
 *
 * Each of its rewrites goes through the whole graph, most of them twice, and a graph of gradients has over ten thousand
 * nodes. Nearly all of these find nothing in ours.
 *
 * @module
 */

const QUANTIZED = [
  "DoubleQDQPairsRemover",
  "EnsureUniqueDQForNodeUnit",
  "MatMulNBitsFusion",
  "QDQFinalCleanupTransformer",
  "QDQPropagationTransformer",
  "QDQS8ToU8Transformer",
  "QDQSelectorActionTransformer",
  "WeightBiasQuantization",
  "WhereDummyDq",
];

const CONVOLUTIONS = [
  "ConvActivationFusion",
  "ConvAddActivationFusion",
  "NchwcTransformer",
  "NhwcTransformer",
  "SliceConcatToSpaceToDepthFusion",
  "TransposeOptimizer_CPUExecutionProvider", // after a change of layout
];

/** Whole blocks of inference, whose insides gradients read. */
const BLOCKS = [
  "AttentionFusion",
  "BiasDropoutFusion",
  "BiasSkipLayerNormFusion",
  "BiasSoftmaxFusion",
  "EmbedLayerNormFusion",
  "GroupQueryAttentionFusion",
  "GroupQueryAttentionPreNormFusion",
];

/** What the graph is written with from the start, or has been simplified by. */
const WRITTEN = [
  "FastGeluFusion",
  "GatherToSliceFusion",
  "GeluFusionL1",
  "GeluFusionL2",
  "GemmActivationFusion",
  "LayerNormFusionL1",
  "LayerNormFusionL2",
  "MatMulActivationFusion",
  "MatMulAddFusion",
  "SimplifiedLayerNormFusion",
];

/** Rewrites that find nothing, by the names that ONNX Runtime has for them. */
export const FOREIGN_PATTERNS: readonly string[] = [
  ...QUANTIZED,
  ...CONVOLUTIONS,
  ...BLOCKS,
  ...WRITTEN,
];

/**
 * Rewrites that make graphs slower: this one joins a transposition that is made anyway with that of an operand, which a
 * product would have read as it is, so that there are two in place of one, and the second is a slow one.
 */
export const HARMFUL_PATTERNS: readonly string[] = ["TransposeOptimizer"];

/** Returns settings of a session that leaves both out, if it trains. */
export function withoutForeignPatterns(
  { trains = false }: { readonly trains?: boolean },
): Record<string, unknown> {
  if (!trains) return {};
  const left = [...FOREIGN_PATTERNS, ...HARMFUL_PATTERNS];
  return { optimization: { disable_specified_optimizers: left.join(";") } };
}
