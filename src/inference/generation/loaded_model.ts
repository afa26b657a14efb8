/**
 * A model that is ready to generate.
 *
 * @module
 */

import type { Device } from "../../engine/runtime/session.ts";
import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import type { Pooling } from "./pooling.ts";
import type { Decoder } from "./decoder.ts";
import type { WeightType } from "./weight_types.ts";

/** A model with all that generation needs; disposing it frees the decoder. */
export interface LoadedModel extends AsyncDisposable {
  /** Its name in the API. */
  readonly id: string;
  /** The folder it was loaded from. */
  readonly folder: string;
  /** SHA-256 of its files. @default {they were not read for it} */
  readonly contentHash?: string;
  /** Where it runs. */
  readonly device: Device;
  /** Why it runs there. */
  readonly deviceReason: string;
  /** The form in which its weights are held. */
  readonly weightType: WeightType;
  /** How hidden states become one vector. @default {"last"} */
  readonly pooling?: Pooling;
  /** Computes logits. */
  readonly decoder: Decoder;
  /** Its tokenizer, where the folder has one; without it, prompts are token ids. */
  readonly tokenizer: Tokenizer | undefined;
  /** Tokens that end a sequence. */
  readonly eosTokenIds: readonly number[];
  /** The folder's `generation_config.json`, empty where there is none. */
  readonly generationConfig: Readonly<Record<string, unknown>>;
}
