/**
 * Numbers below 1.2e-38, which processors of Intel take up to ten times as long for: softmax leaves them where scores
 * are masked out.
 *
 * @module
 */

/** Settings of a session whose own threads take such numbers for 0. */
const FLUSHED = { set_denormal_as_zero: "1" } as const;

/** Size of glibc's `fenv_t` on x86-64, and where in it the settings of SSE and AVX are. */
const ENVIRONMENT_BYTES = 32;
const MXCSR = 28;

/** Results, and operands, below the smallest normal number are 0. */
const FLUSH_TO_ZERO = 0x8000;
const DENORMALS_ARE_ZERO = 0x40;

/** Reads and sets how the calling thread computes. */
interface FloatingPoint {
  fegetenv(environment: Uint8Array<ArrayBuffer>): number;
  fesetenv(environment: Uint8Array<ArrayBuffer>): number;
}

const state: { floatingPoint?: FloatingPoint | null } = {};

/** Opens the C library's functions; null elsewhere than on Linux with glibc on x86-64, where numbers stay as they are. */
function floatingPoint(): FloatingPoint | null {
  if (state.floatingPoint !== undefined) return state.floatingPoint;
  state.floatingPoint = null;
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return null;
  try {
    const { symbols } = Deno.dlopen("libm.so.6", {
      fegetenv: { parameters: ["buffer"], result: "i32" },
      fesetenv: { parameters: ["buffer"], result: "i32" },
    });
    state.floatingPoint = symbols;
  } catch {
    // Another C library, or not allowed: runs are slower, nothing else
  }
  return state.floatingPoint;
}

/** Returns settings of a session whose runs {@linkcode withoutDenormals} are made. */
export function denormalSettings(): Partial<typeof FLUSHED> {
  return floatingPoint() === null ? {} : FLUSHED;
}

/**
 * Calls `compute` while this thread takes numbers below 1.2e-38 for 0. JavaScript, which has such numbers, does not
 * notice: they count again on return, also where ONNX Runtime has set the thread otherwise.
 */
export function withoutDenormals<T>(compute: () => T): T {
  const thread = floatingPoint();
  if (thread === null) return compute();
  const before = new Uint8Array(ENVIRONMENT_BYTES);
  thread.fegetenv(before);
  const flushing = before.slice();
  const settings = new DataView(flushing.buffer);
  const mxcsr = settings.getUint32(MXCSR, true);
  settings.setUint32(MXCSR, mxcsr | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO, true);
  thread.fesetenv(flushing);
  try {
    return compute();
  } finally {
    thread.fesetenv(before);
  }
}
