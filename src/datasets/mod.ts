/**
 * Data sets: reading rows, checking them, and making batches of them that a run can continue with exactly.
 *
 * @module
 */

export {
  createMicroBatch,
  type MicroBatch,
  type MicroBatchOptions,
  paddedLength,
} from "./batch.ts";
export {
  type Dataset,
  type DatasetStatistics,
  exampleAt,
  exampleCount,
  openDataset,
  type OpenDatasetOptions,
} from "./dataset.ts";
export { type EncodedRow, encodeRow, type EncodeRowOptions, type Example } from "./encode.ts";
export { type Line, readLines, type ReadLinesOptions } from "./jsonl.ts";
export { countTrainedTokens, hasTrainedToken, IGNORED_LABEL } from "./labels.ts";
export {
  createLoader,
  type Loader,
  type LoaderOptions,
  START_CURSOR,
  type StepBatches,
} from "./loader.ts";
export { type ParsedRow, parseRow, type ParseRowOptions } from "./parse_row.ts";
export { renderedSegments, type Segment, sourceSegments } from "./preview.ts";
export {
  type CompletionRow,
  type MessagesRow,
  type Row,
  ROW_KINDS,
  type RowKind,
  type RowPlace,
  type TextRow,
  type TokensRow,
} from "./row.ts";
export { type DatasetSplit, splitDataset, type SplitOptions } from "./split.ts";
export { TRAIN_ON, type TrainOn } from "./train_on.ts";
export {
  type TokenStatistics,
  validateDataset,
  type ValidateDatasetOptions,
  type ValidationModel,
  type ValidationReport,
  type WarningCount,
} from "./validate.ts";
