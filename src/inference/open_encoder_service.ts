/**
 * From an encoder's folder to a service.
 *
 * @module
 */

import { basename, resolve } from "node:path";
import type { Device } from "../engine/runtime/session.ts";
import { openEncoder } from "./embeddings/encoder.ts";
import { readPooling } from "./embeddings/pooling_config.ts";
import { createEncoderService } from "./encoder_service.ts";
import type { InferenceService } from "./service.ts";
import type { LoadRequest } from "./worker_protocol.ts";

/** Where an encoder runs that may run anywhere: where every operator is, and results are the same on all machines. */
const DEFAULT_DEVICE: Device = "wasm";

/**
 * Opens the encoder that a request names.
 *
 * @throws {UserError} If it cannot be opened.
 */
export async function openEncoderService(load: LoadRequest): Promise<InferenceService> {
  const { folder, threads, id = basename(resolve(folder)), contentHash, limits } = load;
  const { device, deviceReason } = encoderDevice(load);
  const pooling = load.pooling ?? await readPooling(folder) ?? "mean";
  const encoder = await openEncoder(folder, {
    device,
    pooling,
    forbidFallback: false,
    ...(threads === undefined ? {} : { threads }),
  });
  return createEncoderService(encoder, {
    id,
    device,
    deviceReason,
    pooling,
    contentHash,
    ...(limits.maxQueue === undefined ? {} : { maxQueue: limits.maxQueue }),
  });
}

function encoderDevice(
  { device, deviceReason = "as asked for" }: LoadRequest,
): { readonly device: Device; readonly deviceReason: string } {
  return device === "auto"
    ? { device: DEFAULT_DEVICE, deviceReason: "encoders run there unless told otherwise" }
    : { device, deviceReason };
}
