/**
 * Language models: architectures, presets, Hugging Face folders, tokenizers and checkpoints.
 *
 * @example What a preset amounts to
 * ```ts
 * import { countParameters, createModel, PRESETS } from "@llm-training/llm-training/models";
 *
 * const model = createModel(PRESETS["1m"]!.config);
 * if (countParameters(model) !== 1_049_984) throw new Error("about a million");
 * ```
 *
 * @module
 */

export { ARCHITECTURES, createModel, type ModelFactory } from "./architectures.ts";
export {
  type AttentionContext,
  type AttentionKind,
  countParameters,
  type EmbedRows,
  endsAtMaxPositions,
  forward,
  type ForwardInputs,
  type ForwardOutputs,
  type LanguageModel,
  type LayerCache,
  type LayerInputs,
  type LayerOutputs,
  plainProject,
  plainRows,
  type Project,
  type Projection,
  projectionWeights,
  type WeightSpec,
} from "./language_model.ts";
export type { Attend, AttendInputs, AttendOutputs, AttentionOutputs } from "./attention.ts";
export { findAlias, MODEL_ALIASES } from "./aliases.ts";
export {
  type AdapterInfo,
  describeConfig,
  describeModel,
  type ModelInfo,
  type SpecialToken,
  type TokenizerInfo,
} from "./stored/model_info.ts";
export {
  ALL_LINEAR,
  LORA_DEFAULTS,
  type LoraConfig,
  loraConfigJson,
  type LoraConfigJsonOptions,
  type ModuleSelection,
  type ParsedLoraConfig,
  parseLoraConfig,
} from "./adapters/lora_config.ts";
export { type Adapter, type AdapterContents, openAdapter } from "./adapters/folder.ts";
export { mergeAdapter, type MergeInputs } from "./adapters/merge.ts";
export {
  openStoredModel,
  type OpenStoredModelOptions,
  type StoredModel,
} from "./stored/stored_model.ts";
export {
  exportGguf,
  GGUF_FILE_TYPES,
  type GgufExport,
  type GgufExportContent,
  type GgufFileType,
} from "./export/to_gguf.ts";
export { exportOllama, type OllamaExportOptions } from "./export/to_ollama.ts";
export {
  exportSafetensors,
  SAFETENSORS_EXPORT_TYPES,
  type SafetensorsExportOptions,
  type SafetensorsExportType,
} from "./export/to_safetensors.ts";
export { findPreset, type Preset, PRESETS } from "./presets.ts";
export {
  type HubDownload,
  type ModelOnDisk,
  type ModelPreset,
  type ResolvedModel,
  resolveModel,
  type ResolveOptions,
} from "./stored/resolve_model.ts";
export {
  type AngleTables,
  angleTables,
  ROPE_TYPES,
  type RopeAngles,
  ropeAngles,
  type RopeConfig,
  ropeFrequencies,
} from "./rope.ts";
export { type NamedWeight, readWeights } from "./weights.ts";
export {
  type DownloadedModel,
  type DownloadEvent,
  downloadModel,
  type DownloadOptions,
} from "./hub/download_model.ts";
export { type ModelFolder, openModelFolder } from "./hub/folder.ts";
export type { ModelPart } from "./hub/model_files.ts";
export { type HubReference, parseHubReference } from "./hub/reference.ts";
export type { RetryPolicy } from "./hub/retry.ts";
export { type HubSettings, hubSettings } from "./hub/settings.ts";
export { type ModelContents, type ModelToSave, saveModelFolder } from "./hub/save_model.ts";
export {
  type CheckpointEntry,
  checkpointPath,
  checkpointsFolder,
  listCheckpoints,
} from "./checkpoint/list.ts";
export {
  type Checkpoint,
  latestCheckpoint,
  type LatestCheckpointOptions,
  openCheckpoint,
} from "./checkpoint/open.ts";
export {
  pruneCheckpoints,
  type PruneOptions,
  saveCheckpoint,
  type TrainingProgress,
  type TrainingState,
} from "./checkpoint/save.ts";
export type { DataCursor, TrainedFile, TrainerState } from "./checkpoint/trainer_state.ts";
export { type Manifest, type ManifestEntry, verifyManifest } from "./checkpoint/manifest.ts";
export { DEFAULT_SPECIAL_TOKENS, trainBpe, type TrainBpeOptions } from "./tokenizer/bpe_trainer.ts";
export {
  createIncrementalDecoder,
  type IncrementalDecoder,
} from "./tokenizer/incremental_decoder.ts";
export {
  createTokenizer,
  loadTokenizer,
  type TokenizerOptions,
} from "./tokenizer/load_tokenizer.ts";
export {
  type AssistantSpan,
  type ChatMessage,
  ChatTemplateError,
  type DecodeOptions,
  type EncodeOptions,
  type RenderChatOptions,
  type RenderedChat,
  type Tokenizer,
} from "./tokenizer/tokenizer.ts";
export type {
  NamedTensors,
  RemoteTensor,
  TensorSource,
} from "../engine/tensor/safetensors_writer.ts";
export type { PathContext } from "../utils/paths.ts";
export type { ByteSink } from "../utils/atomic_file.ts";
export type { JsonObject } from "../utils/json.ts";
