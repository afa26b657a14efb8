/**
 * The platforms that executables are made for.
 *
 * @module
 */

/** A platform. */
export interface Target {
  /** Folder of its files in `onnxruntime-node`; absent where the package has none. */
  readonly folder?: string;
  /**
   * The files of that folder which are loaded. The others are copies under another name (macOS), or what its
   * execution providers for DirectX load (Windows), which are never asked for.
   */
  readonly libraries: readonly string[];
}

const BINDING = "onnxruntime_binding.node";
const LINUX = [BINDING, "libonnxruntime.so.1"];
const MACOS = [BINDING, "libonnxruntime.1.dylib"];
const WINDOWS = [BINDING, "onnxruntime.dll"];

/** Every platform that Deno can compile for, by its triple. */
export const TARGETS: Readonly<Record<string, Target>> = {
  "x86_64-unknown-linux-gnu": { folder: "linux/x64", libraries: LINUX },
  "aarch64-unknown-linux-gnu": { folder: "linux/arm64", libraries: LINUX },
  "x86_64-pc-windows-msvc": { folder: "win32/x64", libraries: WINDOWS },
  "aarch64-pc-windows-msvc": { folder: "win32/arm64", libraries: WINDOWS },
  "aarch64-apple-darwin": { folder: "darwin/arm64", libraries: MACOS },
  "x86_64-apple-darwin": { libraries: [] },
};
