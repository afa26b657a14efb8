/**
 * The names that Hugging Face gives to the files of a model.
 *
 * @module
 */

/** What the model computes. */
export const CONFIG_FILE = "config.json";

/** How text is generated with it by default. */
export const GENERATION_CONFIG_FILE = "generation_config.json";

/** Its weights, where they are in one file. */
export const WEIGHTS_FILE = "model.safetensors";

/** Which file holds which weight, where they are in several. */
export const WEIGHTS_INDEX_FILE = "model.safetensors.index.json";

/** The settings of an adapter, which has them in place of a {@linkcode CONFIG_FILE}. */
export const ADAPTER_CONFIG_FILE = "adapter_config.json";

/** The weights of an adapter. */
export const ADAPTER_WEIGHTS_FILE = "adapter_model.safetensors";
