/**
 * Compiled graphs of the parts of a model. Parts that are made alike, as most layers are, share theirs: the graphs are
 * those of the first of them, and the others' weights are fed under its names.
 *
 * @module
 */

import { vjp } from "../../engine/graph/autodiff.ts";
import { input, scalar } from "../../engine/graph/build.ts";
import { exportGraph } from "../../engine/graph/export.ts";
import { createStructures, type DescribeStructure } from "../../engine/graph/structure.ts";
import { topologicalOrder, type Value } from "../../engine/graph/value.ts";
import type { OnnxModel, OnnxValueInfo } from "../../engine/onnx/model.ts";
import type { Session } from "../../engine/runtime/session.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import type { Gradients } from "./gradient_sums.ts";
import { type CompileGraph, exportLoss, GRADIENT } from "./host_graphs.ts";
import { HIDDEN, type ModelPart } from "./model_parts.ts";

/** Name of what a part makes. */
const OUTPUT = "output";

/** Name of the input that is the gradient of what a part makes. */
const UPSTREAM = "upstream";

/** Finds what a part is fed, by the names of its inputs. */
export type FindFeed = (name: string) => Tensor | undefined;

/** Options of {@linkcode PartGraphs}. */
export interface PartGraphsOptions {
  /** Compiles a graph. */
  readonly compile: CompileGraph;
  /** Whether the weight of a name is trained. */
  readonly isTrained: (name: string) => boolean;
}

/** Owns the compiled graphs of parts. */
export class PartGraphs {
  readonly #options: PartGraphsOptions;
  readonly #describe: DescribeStructure = createStructures();
  /** By the description of the parts that share them. */
  readonly #shared = new Map<string, SharedGraphs>();

  /** Compiles nothing yet. */
  constructor(options: PartGraphsOptions) {
    this.#options = options;
  }

  /** Returns the graph of `part`. */
  add(part: ModelPart): PartGraph {
    const { isTrained } = this.#options;
    const { description, inputs } = this.#describe(part.output);
    const key = `${description}\ntrained: ${inputs.map(isTrained)}`;
    const shared = this.#shared.get(key) ?? new SharedGraphs(part, this.#options);
    this.#shared.set(key, shared);
    return new PartGraph(shared, inputsOf(part.output), isTrained);
  }

  /** Describes all graphs of the parts, each once. */
  models(): OnnxModel[] {
    const shared = [...this.#shared.values()];
    return [
      ...shared.map((graphs) => graphs.describeForward()),
      ...shared.flatMap((graphs) => graphs.hasGradients ? [graphs.describeBackward()] : []),
    ];
  }

  /** Frees the compiled graphs. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const graphs of this.#shared.values()) await graphs[Symbol.asyncDispose]();
    this.#shared.clear();
  }
}

/** Where {@linkcode PartGraph.backward} begins, and where what it computes goes. */
export interface BackwardOptions {
  /** Gradient of the hidden states that the part makes; none where it makes the loss. */
  readonly upstream?: Tensor;
  /** Where the gradient of the hidden states that it reads goes; none where it reads token ids. */
  readonly hidden?: Tensor;
  /** Where the gradients of its trained weights go. */
  readonly gradients: Gradients;
}

/** One part of a model, with graphs that it may share. */
export class PartGraph {
  /** The inputs, by the part's own names. */
  readonly inputs: readonly OnnxValueInfo[];
  /** The trained weights that it reads. */
  readonly trained: readonly string[];
  readonly #shared: SharedGraphs;
  /** The part's own name of each input of the shared graphs. */
  readonly #ownNames: ReadonlyMap<string, string>;
  readonly #sharedNames: ReadonlyMap<string, string>;

  /** The part whose inputs correspond, in order, to those of `shared`. */
  constructor(
    shared: SharedGraphs,
    inputs: readonly OnnxValueInfo[],
    isTrained: (name: string) => boolean,
  ) {
    this.inputs = inputs;
    this.trained = inputs.map(({ name }) => name).filter(isTrained);
    this.#shared = shared;
    const pairs = inputs.map(({ name }, i) => [shared.inputs[i]!, name] as const);
    this.#ownNames = new Map(pairs);
    this.#sharedNames = new Map(pairs.map(([sharedName, own]) => [own, sharedName]));
  }

  /** Computes what the part makes; into the tensor `into`, if given. */
  async forward(find: FindFeed, into?: Tensor): Promise<Tensor> {
    const session = await this.#shared.forward();
    const outputs = await session.run(this.#feeds(session, find), {
      into: into === undefined ? {} : { [OUTPUT]: into },
    });
    return outputs[OUTPUT] as Tensor;
  }

  /** Computes gradients, from the part's inputs anew; returns what the part makes where that is the loss. */
  async backward(
    find: FindFeed,
    { upstream, hidden, gradients }: BackwardOptions,
  ): Promise<Tensor | undefined> {
    const session = await this.#shared.backward();
    const into: Record<string, Tensor> = {};
    if (hidden !== undefined) into[GRADIENT + HIDDEN] = hidden;
    for (const [name, gradient] of Object.entries(gradients)) {
      into[GRADIENT + this.#sharedNames.get(name)!] = gradient;
    }
    const feeds = this.#feeds(session, (name) => name === UPSTREAM ? upstream : find(name));
    return (await session.run(feeds, { into }))[OUTPUT] as Tensor | undefined;
  }

  #feeds({ inputNames }: Session, find: FindFeed): Record<string, Tensor> {
    return Object.fromEntries(inputNames.map((name) => {
      const own = this.#ownNames.get(name) ?? name;
      const feed = find(own);
      if (feed === undefined) throw new Error(`Internal: there is nothing to feed as "${own}"`);
      return [name, feed];
    }));
  }
}

/** The graphs of parts that are made alike, named as in the first of them; compiled when they are first run. */
class SharedGraphs {
  /** Names of the inputs, in the order that all of these parts have. */
  readonly inputs: readonly string[];
  readonly #part: ModelPart;
  readonly #trained: readonly Value[];
  readonly #compile: CompileGraph;
  #forward: Session | undefined;
  #backward: Session | undefined;

  constructor(part: ModelPart, { compile, isTrained }: PartGraphsOptions) {
    this.#part = part;
    this.#compile = compile;
    const inputs = topologicalOrder([part.output]).filter(({ op }) => op === "Input");
    this.inputs = inputs.map(nameOf);
    this.#trained = inputs.filter((value) => isTrained(nameOf(value)));
  }

  async forward(): Promise<Session> {
    return this.#forward ??= await this.#compile(this.describeForward());
  }

  async backward(): Promise<Session> {
    return this.#backward ??= await this.#compile(this.describeBackward());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forward?.[Symbol.asyncDispose]();
    await this.#backward?.[Symbol.asyncDispose]();
  }

  /** Whether there is anything to compute going backward. */
  get hasGradients(): boolean {
    return this.#part.hidden !== undefined || this.#trained.length > 0;
  }

  describeForward(): OnnxModel {
    return exportGraph({ [OUTPUT]: this.#part.output });
  }

  describeBackward(): OnnxModel {
    const { output, hidden } = this.#part;
    const isLoss = output.shape.length === 0;
    const wrt = hidden === undefined ? this.#trained : [hidden, ...this.#trained];
    const gradients = vjp(output, {
      upstream: isLoss ? scalar(1) : input(UPSTREAM, "float32", output.shape),
      wrt,
    });
    const named = Object.fromEntries(
      wrt.map((value, i) => [GRADIENT + nameOf(value), gradients[i]!]),
    );
    return isLoss ? exportLoss({ [OUTPUT]: output }, named) : exportGraph(named);
  }
}

function inputsOf(output: Value): OnnxValueInfo[] {
  return topologicalOrder([output]).flatMap((value) =>
    value.op === "Input" ? [value.attributes] : []
  );
}

function nameOf(value: Value): string {
  if (value.op !== "Input") throw new Error(`Internal: a ${value.op} has no name`);
  return value.attributes.name;
}
