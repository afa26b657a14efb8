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
const FUNCTIONS = {
  fegetenv: { parameters: ["buffer"], result: "i32" },
  fesetenv: { parameters: ["buffer"], result: "i32" },
} as const;

/** Lets the runs of a session take numbers below 1.2e-38 for 0, on Linux with glibc on x86-64; elsewhere they count. */
export class DenormalNumbers implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof FUNCTIONS> | undefined;

  /** Opens the C library, until it is disposed. */
  constructor() {
    if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return;
    try {
      this.#library = Deno.dlopen("libm.so.6", FUNCTIONS);
    } catch {
      // Another C library, or not allowed: runs are slower, nothing else
    }
  }

  /** Settings of the session. */
  get settings(): Partial<typeof FLUSHED> {
    return this.#library === undefined ? {} : FLUSHED;
  }

  /**
   * Calls `compute` while this thread takes such numbers for 0. JavaScript, which has them, does not notice: they count
   * again on return, also where ONNX Runtime has set the thread otherwise.
   */
  leaveOut<T>(compute: () => T): T {
    if (this.#library === undefined) return compute();
    const { fegetenv, fesetenv } = this.#library.symbols;
    const before = new Uint8Array(ENVIRONMENT_BYTES);
    fegetenv(before);
    const flushing = before.slice();
    const settings = new DataView(flushing.buffer);
    const mxcsr = settings.getUint32(MXCSR, true);
    settings.setUint32(MXCSR, mxcsr | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO, true);
    fesetenv(flushing);
    try {
      return compute();
    } finally {
      fesetenv(before);
    }
  }

  /** Closes the C library. */
  [Symbol.dispose](): void {
    this.#library?.close();
  }
}
