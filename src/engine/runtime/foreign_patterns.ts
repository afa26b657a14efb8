/**
 * What ONNX Runtime need not look for in graphs that train.
 *
 * Each of its rewrites goes through the whole graph, most of them twice, and a graph of gradients has over ten thousand
 * nodes. These find nothing in ours.
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

/** Names of rewrites, as ONNX Runtime has them. */
export const FOREIGN_PATTERNS: readonly string[] = [
  ...QUANTIZED,
  ...CONVOLUTIONS,
  ...BLOCKS,
  ...WRITTEN,
];

/** Returns settings of a session that leave them out, if it trains. */
export function withoutForeignPatterns(
  { trains = false }: { readonly trains?: boolean },
): Record<string, unknown> {
  if (!trains) return {};
  return { optimization: { disable_specified_optimizers: FOREIGN_PATTERNS.join(";") } };
}
