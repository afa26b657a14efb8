/**
 * How long runs of a graph take.
 *
 * @module
 */

import type { OnnxModel, OnnxValueInfo } from "../../src/engine/onnx/model.ts";
import type { Feed, Session } from "../../src/engine/runtime/session.ts";
import { type Tensor, zeros } from "../../src/engine/tensor/tensor.ts";

function filled({ shape }: OnnxValueInfo): Tensor {
  const tensor = zeros("float32", shape as number[]);
  tensor.data.fill(0.01);
  return tensor;
}

/** Returns the time of each of `count` runs of `graph`, in milliseconds; what it reads and writes lies in host memory. */
export async function timeRuns(
  graph: OnnxModel,
  { session, count }: { readonly session: Session; readonly count: number },
): Promise<number[]> {
  const feeds = Object.fromEntries(
    graph.inputs.map((info): [string, Feed] => [info.name, filled(info)]),
  );
  const into = Object.fromEntries(graph.outputs.map((info) => [info.name, filled(info)]));
  const times: number[] = [];
  for (let run = 0; run < count; run++) {
    const started = performance.now();
    await session.run(feeds, { into });
    times.push(performance.now() - started);
  }
  return times;
}
