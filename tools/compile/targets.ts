/**
 * The platforms that executables are made for.
 *
 * @module
 */

/** A platform. */
export interface Target {
  /** Folder of its files in `onnxruntime-node`; absent where the package has none. */
  readonly folder?: string;
}

/** Every platform that Deno can compile for, by its triple. */
export const TARGETS: Readonly<Record<string, Target>> = {
  "x86_64-unknown-linux-gnu": { folder: "linux/x64" },
  "aarch64-unknown-linux-gnu": { folder: "linux/arm64" },
  "x86_64-pc-windows-msvc": { folder: "win32/x64" },
  "aarch64-pc-windows-msvc": { folder: "win32/arm64" },
  "aarch64-apple-darwin": { folder: "darwin/arm64" },
  "x86_64-apple-darwin": {},
};
