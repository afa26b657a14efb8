/**
 * The devices of the machine that the tests run on.
 *
 * @module
 */

import { openSession } from "../src/engine/runtime/open_session.ts";
import { type Device, DEVICES } from "../src/engine/runtime/session.ts";
import { UserError } from "../src/utils/errors.ts";
import { productModel } from "./engine/runtime/models.ts";

/** The environment variable that lists devices whose absence fails the tests instead of skipping some. */
const REQUIRED_DEVICES = "LLM_TRAINING_TEST_DEVICES";

/**
 * The devices that can be had here; a test that is skipped says why another cannot.
 *
 * Each has been used before the first test: the threads of ONNX Runtime Web start with the first session and live as
 * long as the process, so that no test leaks them.
 */
export const AVAILABLE_DEVICES: readonly Device[] = await findDevices();

async function findDevices(): Promise<Device[]> {
  const required = Deno.env.get(REQUIRED_DEVICES)?.split(",") ?? [];
  const found: Device[] = [];
  for (const device of DEVICES) {
    try {
      await using _session = await openSession(productModel(), { device, threads: 2 });
      found.push(device);
    } catch (error) {
      if (!(error instanceof UserError) || required.includes(device)) throw error;
      Deno.test({ name: `tests on ${device} (skipped: ${error.message})`, ignore: true, fn() {} });
    }
  }
  return found;
}
