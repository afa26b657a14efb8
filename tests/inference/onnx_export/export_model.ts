/**
 * Exports of models on disk.
 *
 * @module
 */

import {
  exportOnnxFolder,
  type OnnxExportOptions,
} from "../../../src/inference/onnx_export/export_folder.ts";
import { openStoredModel } from "../../../src/models/stored/stored_model.ts";

/** Exports the model in `folder`. */
export async function exportModel(folder: string, options: OnnxExportOptions): Promise<string[]> {
  using source = await openStoredModel(folder);
  return await exportOnnxFolder(source, options);
}
