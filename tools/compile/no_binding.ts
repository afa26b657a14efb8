/**
 * Stands in the executable for `onnxruntime-node/dist/binding.js`, which is never called there.
 *
 * @module
 */

/** The package's binding, which is not bundled. */
export const binding: undefined = undefined;
