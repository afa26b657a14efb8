/**
 * ONNX Runtime's errors, said in the user's words.
 *
 * @module
 */

import { messageOf, UserError } from "../../utils/errors.ts";
import { type Device, DEVICES } from "./session.ts";

/** What was being done when the error came. */
export type SessionAction = "open" | "run";

/** Thrown when a device's memory does not suffice. */
export class OutOfMemoryError extends UserError {}

/** Returns the error to throw when ONNX Runtime failed with `cause` at `action` on `device`. */
export function sessionError(action: SessionAction, device: Device, cause: unknown): Error {
  const message = messageOf(cause);
  const subject = `Cannot ${action} model on ${device}`;
  if (OUT_OF_MEMORY.test(message) || isBrokenHeap(cause)) {
    return new OutOfMemoryError(`${subject}: out of memory; ${MEMORY_ADVICE[device]}`, { cause });
  }
  for (const [pattern, explain] of EXPLANATIONS) {
    const match = pattern.exec(message);
    if (match !== null) return new Error(`${subject}: ${explain(match)}`, { cause });
  }
  return new Error(`${subject}: ${essence(message)}`, { cause });
}

/** Returns the error to throw when `device` cannot be used because of `problem`. */
export function unavailable(device: Device, problem: string, options?: ErrorOptions): UserError {
  const others = DEVICES.filter((other) => other !== device).join(" or ");
  const message = `Cannot use device ${device}: ${problem}; or choose device auto, ${others}`;
  return new UserError(message, options);
}

const OUT_OF_MEMORY =
  /bad_alloc|out of memory|\boom\b|failed to allocate|allocation failed|not enough memory|shape is too large|integer overflow/i;

/**
 * ONNX Runtime Web copies feeds into its heap without asking whether there was room: what it then overwrites
 * fails in these ways.
 */
function isBrokenHeap(cause: unknown): boolean {
  return cause instanceof WebAssembly.RuntimeError ||
    cause instanceof TypeError && cause.message.endsWith("is not a function");
}

const MEMORY_ADVICE: Readonly<Record<Device, string>> = {
  webgpu: "use a smaller batch, shorter rows or a smaller model",
  native: "use a smaller batch, shorter rows or a smaller model, or end other programs",
  wasm: "its heap holds at most 4 GiB; use a smaller batch, shorter rows or a smaller model, or " +
    "device native",
};

const EXPLANATIONS: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [
    /No Op registered for (\S+) with domain_version of (\d+)/,
    (match) => `operator "${match[1]}" does not exist in operator set ${match[2]}`,
  ],
  [
    /Could not find an implementation for (\S+)\(/,
    (match) => `operator "${match[1]}" has no kernel there for its element types`,
  ],
  [
    /assigned to the default CPU EP/,
    () => 'an operator would fall back to the CPU, which "forbidFallback" does not allow',
  ],
];

/** ONNX Runtime's message on one line, without its codes and source lines. */
function essence(message: string): string {
  return message
    .replace(/^.*ERROR_MESSAGE: /s, "")
    .replace(/\S*\/onnxruntime\S*:\d+ /g, "")
    .replace(/\[ONNXRuntimeError\] : \d+ : \w+ : /g, "")
    .replace(/\s*\n\s*/g, "; ")
    .trim()
    .replace(/[;.]+$/, "");
}
