/**
 * The memory that the threads of ONNX Runtime Web share.
 *
 * @module
 */

/** One less than there could be, because the library counts bytes in 32 bits. */
const MAX_PAGES = 2 ** 16 - 1;

/**
 * Runs `load` while shared WebAssembly memories are made with all the size they may ever have.
 *
 * A memory that grows while another thread waits in WebAssembly code lets that thread, once it wakes, find addresses
 * out of bounds that are not: V8 tells it of the new size only at its next function call. The thread dies, and the
 * library waits for it forever; on a busy machine that happens in nearly every run. Memory that is not written to
 * takes none, so a full-size one costs only address space.
 */
export async function withFullMemory<T>(load: () => Promise<T>): Promise<T> {
  const { Memory } = WebAssembly;
  class FullMemory extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(fullDescriptor(descriptor));
    }
  }
  WebAssembly.Memory = FullMemory;
  try {
    return await load();
  } finally {
    WebAssembly.Memory = Memory;
  }

  function fullDescriptor(descriptor: WebAssembly.MemoryDescriptor): WebAssembly.MemoryDescriptor {
    const { shared, initial, maximum } = descriptor;
    const full = { ...descriptor, initial: Math.max(initial, Math.min(maximum ?? 0, MAX_PAGES)) };
    if (!shared) return descriptor;
    try {
      new Memory(full);
      return full;
    } catch (error) {
      // Where even untouched memory counts, the system may refuse so much of it.
      if (error instanceof RangeError) return descriptor;
      throw error;
    }
  }
}
