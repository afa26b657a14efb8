/**
 * Data sets: reading rows, checking them, and making batches of them that a run can continue with exactly.
 *
 * @example A row, checked
 * ```ts
 * import { parseRow } from "@llm-training/llm-training/datasets";
 *
 * const place = { path: "rows.jsonl", line: 1 };
 * const { row } = parseRow('{"prompt": "1 + 1 =", "completion": " 2"}', { place });
 * if (row.kind !== "completion") throw new Error("its fields tell what it is");
 * ```
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
  createDataset,
  type Dataset,
  type DatasetFile,
  type DatasetSource,
  type DatasetStatistics,
  exampleAt,
  exampleCount,
  type MemoryDatasetOptions,
  sequenceAt,
  sequenceCount,
  sequenceLengths,
} from "./dataset.ts";
export {
  type EncodedBatch,
  type EncodeSettings,
  type PlacedRow,
  type RowCounts,
} from "./encode_batch.ts";
export { type EncodedRow, encodeRow, type EncodeRowOptions, type Example } from "./encode.ts";
export { countTrainedTokens, hasTrainedToken, IGNORED_LABEL } from "./labels.ts";
export {
  createLoader,
  type Loader,
  type LoaderOptions,
  START_CURSOR,
  type StepBatches,
} from "./loader.ts";
export { openDataset, type OpenDatasetOptions } from "./open_dataset.ts";
export { createOrder, type Order, type OrderOptions } from "./order.ts";
export { packExamples, type Packing, type PackOptions } from "./packing.ts";
export { measurePadding, type ShapeOptions } from "./padding.ts";
export type { PaddingReport, RowShape } from "./batch_shapes.ts";
export { DATA_FORMATS, type DataFormat, FORMAT_CHOICES, type FormatChoice } from "./formats.ts";
export { type ParsedRow, parseRecord, parseRow, type ParseRowOptions } from "./parse_row.ts";
export { renderedSegments, type Segment, sourceSegments } from "./preview.ts";
export { type PreviewRow, previewRows, type PreviewRowsOptions } from "./preview_rows.ts";
export { type PreviewToken, previewTokens } from "./preview_tokens.ts";
export type { WrittenFile } from "./row_layout.ts";
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
export { ROW_PROBLEMS, RowError, type RowProblem, type RowProblemCode } from "./row_error.ts";
export {
  type Compression,
  type Container,
  CONTAINERS,
  type DataFile,
  type DataSource,
  describeSources,
  type DescribeSourcesOptions,
  fileDescription,
  formatSources,
  hashFile,
  type HashFileOptions,
  parseSources,
  type ReadFile,
  readRows,
  type ReadRowsOptions,
  type RefusedRow,
  resolveSources,
  type SourceRow,
  type TextRows,
  type UsableRow,
} from "./sources/mod.ts";
export { type DatasetSplit, splitDataset, type SplitOptions } from "./split.ts";
export {
  type HeldOut,
  SPLIT_GROUPINGS,
  splitFiles,
  type SplitFilesOptions,
  type SplitGrouping,
  type SplitRecord,
} from "./split_files.ts";
export { TRAIN_ON, type TrainOn } from "./train_on.ts";
export { type FileTokensOptions, type OpenProgress } from "./token_store/file_tokens.ts";
export { type TokenCache } from "./token_store/cache.ts";
export { type RecordBatch } from "./token_store/store_file.ts";
export { type BatchEncoder } from "./tokenize.ts";
export {
  DROP_REASON_TEXTS,
  DROP_REASONS,
  type DropReason,
  type TruncatedExample,
  truncateExample,
  type TruncateOptions,
  type Truncation,
  TRUNCATIONS,
} from "./truncation.ts";
export {
  computeStatistics,
  type ComputeStatisticsOptions,
  type DataStatistics,
  type FileStatistics,
  type TokenLengths,
} from "./stats.ts";
export type { HistogramBin, LengthSummary, PackingEstimate } from "./length_summary.ts";
export {
  FINDING_CODES,
  FINDING_KINDS,
  type FindingCode,
  type FindingKind,
  type Severity,
} from "./validation/codes.ts";
export type { ValidationModel } from "./validation/examine_rows.ts";
export type { FileReport } from "./validation/file_report.ts";
export type { Finding, Problem } from "./validation/finding.ts";
export { VALIDATION_LEVELS, type ValidationLevel } from "./validation/levels.ts";
export type { TokenStatistics } from "./validation/measure_rows.ts";
export { usableRows, type UsableRowsOptions } from "./validation/usable_rows.ts";
export {
  validateDataset,
  type ValidateDatasetOptions,
  type ValidationReport,
} from "./validation/validate_dataset.ts";
