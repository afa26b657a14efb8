import assert from "node:assert/strict";
import { join } from "node:path";
import { loadModel } from "../../../src/inference/generation/load_model.ts";
import { score } from "../../../src/inference/generation/score.ts";
import type {
  Deployment,
  DeploymentEvent,
  DeploymentSettings,
  StepName,
} from "../../../src/monitoring/deployment_orchestrator.ts";
import { type DeployedHome, deployedHome, type HomeModel, QUICK } from "./deployed_home.ts";
import { mountSmallDisk } from "../../core/daemon/small_disk.ts";
import { READ_KEY } from "./test_host.ts";
import { startTraffic, type Traffic } from "./traffic.ts";

/** What is there when a fault happens. */
interface Scene {
  readonly place: DeployedHome;
  /** The model that is live. */
  readonly old: HomeModel;
  /** The model that is deployed. */
  readonly fresh: HomeModel;
  readonly traffic: Traffic;
}

/** Something that goes wrong, and how it must end. */
interface Fault {
  readonly name: string;
  readonly settings?: Partial<DeploymentSettings>;
  readonly ship?: string;
  /** Prepares it. */
  readonly before?: (scene: Scene) => void | Promise<void>;
  /** Makes it happen. */
  readonly at?: (event: DeploymentEvent, scene: Scene) => void | Promise<void>;
  readonly ends: Deployment["state"];
  readonly because?: RegExp;
  /** Looks closer. */
  readonly then?: (deployment: Deployment, scene: Scene) => void | Promise<void>;
}

const FORWARD: readonly StepName[] = ["ship", "load", "verify", "canary", "switch", "watch"];

/** The host dies when a step begins and comes back a little later. */
const DEATHS: readonly Fault[] = FORWARD.map((step) => ({
  name: `a host that dies at "${step}" and comes back`,
  at: once(
    ({ kind, step: at }) => kind === "begins" && at === step,
    async ({ place: { host } }) => {
      await host.die();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await host.revive();
    },
  ),
  ends: "done",
}));

const FAULTS: readonly Fault[] = [
  ...DEATHS,
  {
    name: "a byte of the weights that changes on the way",
    at: once(isBegin("load"), async ({ place: { host } }) => {
      for await (const { name } of Deno.readDir(host.root)) {
        if (name.startsWith("model-1")) {
          await changeByte(join(host.root, name, "model.safetensors"));
        }
      }
    }),
    ends: "rolled_back",
    because: /content_hash|SHA-256/,
  },
  {
    name: "other weights in memory than on the disk",
    before: ({ place: { host }, old }) => void (host.replace = () => old.folder),
    ends: "rolled_back",
    because: /verify.*computes something else/,
  },
  {
    name: "a host that hangs while it loads",
    settings: { loadTimeoutSeconds: 0.3, hostTimeoutSeconds: 0.5 },
    before: ({ place: { host } }) => {
      host.meddler = async (request, next) => {
        if (request.method !== "POST" || !request.url.endsWith("/admin/models")) {
          return await next();
        }
        await new Promise((resolve) => setTimeout(resolve, 400));
        return Response.json({ error: { message: "too late" } }, { status: 503 });
      };
    },
    ends: "rolled_back",
    because: /load.*(?:does not answer in time|too late)/,
  },
  {
    name: "a host that is slow at everything",
    before: ({ place: { host } }) => {
      host.meddler = async (_, next) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return await next();
      };
    },
    ends: "done",
  },
  {
    name: "a host that answers every second request of the admin with a fault",
    before: ({ place: { host } }) => {
      let count = 0;
      host.meddler = async (request, next) =>
        request.url.includes("/admin/") && count++ % 2 === 0
          ? Response.json({ error: { message: "a hiccup", code: null } }, { status: 500 })
          : await next();
    },
    ends: "done",
  },
  {
    name: "answers that are lost on their way back",
    before: ({ place: { host } }) => {
      const lost = new Set<string>();
      host.meddler = async (request, next) => {
        const answer = await next();
        const key = `${request.method} ${new URL(request.url).pathname}`;
        if (request.method === "GET" || !key.includes("/admin/") || lost.has(key)) return answer;
        lost.add(key); // it was done, but nobody is told
        await answer.body?.cancel();
        return Response.json({ error: { message: "bad gateway" } }, { status: 502 });
      };
    },
    ends: "done",
  },
  {
    name: "a disk of the host that is full",
    ship: "serve",
    before: ({ place: { host } }) => {
      host.meddler = async (request, next) =>
        request.url.endsWith("/admin/pulls")
          ? Response.json(
            { error: { message: "the disk is full", code: "disk_full" } },
            { status: 507 },
          )
          : await next();
    },
    ends: "rolled_back",
    because: /ship.*disk is full/,
  },
  {
    name: "memory of the host that is full",
    before: ({ place: { host } }) => {
      host.meddler = async (request, next) =>
        request.method === "POST" && request.url.endsWith("/admin/models")
          ? Response.json(
            { error: { message: "no room", code: "insufficient_memory" } },
            { status: 507 },
          )
          : await next();
    },
    ends: "rolled_back",
    because: /load.*no room/,
  },
  {
    name: "a model that fails while it is tried",
    at: once(isBegin("canary"), ({ place: { host } }) => {
      host.beforeRun = (model) => {
        if (model.startsWith("model-1")) throw new Error("the device is lost");
      };
    }),
    ends: "rolled_back",
    because: /the host stopped the canary: 3 requests failed/,
    then: (deployment) => {
      const detail = deployment.steps.find(({ name }) => name === "canary")?.detail;
      assert.ok(Number(detail?.["errors"]) <= 3, "it stops within its limit");
    },
  },
  {
    name: "a model that is slow while it is tried",
    settings: { canary: { ...QUICK.canary, maxLatencyRatio: 3 } },
    at: once(isBegin("canary"), ({ place: { host } }) => {
      host.beforeRun = (model) =>
        new Promise((resolve) => setTimeout(resolve, model.startsWith("model-1") ? 80 : 1));
    }),
    ends: "rolled_back",
    because: /the host stopped the canary: the median latency/,
  },
  {
    name: "a model that is another one once it is live",
    at: once(isBegin("watch"), async ({ place: { host }, old }) => {
      host.replace = ({ id }) => id!.startsWith("model-1") ? old.folder : `${host.root}/${id}`;
      await host.die();
      await host.revive();
    }),
    ends: "rolled_back",
    because: /watch.*computes something else/,
  },
  {
    name: "somebody else who changes the alias meanwhile",
    at: once(isBegin("watch"), async ({ place: { host } }) => {
      const [alias] = (await host.admin("GET", "/aliases")).data;
      await host.admin("PUT", "/aliases/champion", { model: alias.previous });
    }),
    ends: "rolled_back",
    because: /somebody else has changed "champion"/,
  },
  {
    name: "a freeze before the model is tried",
    at: once(isBegin("verify"), ({ place }) => {
      using other = place.orchestrator();
      other.freeze({ reason: "the holidays" });
    }),
    ends: "rolled_back",
    because: /frozen meanwhile: the holidays/,
  },
];

for (const fault of FAULTS) {
  Deno.test(`deploy() under ${fault.name} leaves one live, verified model`, async () => {
    await using place = await deployedHome();
    const [old, fresh] = [await place.model(0), await place.model(1)];
    await place.begin(old);
    await using traffic = startTraffic(place.host);
    const scene = { place, old, fresh, traffic };
    await fault.before?.(scene);
    const happening: Promise<void>[] = [];
    using orchestrator = place.orchestrator({
      settings: {
        ...fault.settings,
        ...(fault.ship === undefined
          ? {}
          : { hosts: [{ ...place.host.settings, ship: fault.ship }] }),
      },
      onEvent: (event) => {
        const happens = fault.at?.(event, scene);
        if (happens !== undefined) happening.push(happens);
      },
    });
    const result = await orchestrator.deploy({ ...fresh, isJudged: false });
    await Promise.all(happening);
    assert.ok(result.outcome === "ended");
    const { deployment } = result;
    assert.equal(deployment.state, fault.ends, deployment.error ?? "");
    if (fault.because !== undefined) assert.match(deployment.error ?? "", fault.because);
    await traffic.stop();
    await fault.then?.(deployment, scene);
    await requireSound(scene, fault.ends === "done" ? fresh : old);
  });
}

for (const ship of ["link", "serve"] as const) {
  const small = await mountSmallDisk(2 ** 20);
  Deno.test({
    name: `deploy() by "${ship}" to a disk that is full leaves one live, verified model${
      small === undefined ? " (skipped: no disk can be mounted)" : ""
    }`,
    ignore: small === undefined,
    async fn() {
      await using disk = small!;
      await using place = await deployedHome({ hostFolder: join(disk.path, "host") });
      const [old, fresh] = [await place.model(0), await place.model(1)];
      await place.begin(old);
      await using traffic = startTraffic(place.host);
      await disk.fill(16_000);
      const { settings } = place.host;
      const hosts = ship === "link" ? [settings] : [{ ...settings, ship }];
      using orchestrator = place.orchestrator({ settings: { hosts } });
      const full = await orchestrator.deploy({ ...fresh, isJudged: false });
      assert.ok(full.outcome === "ended");
      assert.equal(full.deployment.state, "rolled_back");
      assert.match(
        full.deployment.error ?? "",
        /^ship on host "web-1": .*(?:disk is full|the disk has)/,
      );
      await requireSound({ place, old, fresh, traffic }, old);
      await disk.free();
      const roomy = await orchestrator.deploy({ ...fresh, isJudged: false });
      assert.ok(roomy.outcome === "ended" && roomy.deployment.state === "done");
      await traffic.stop();
      await requireSound({ place, old, fresh, traffic }, fresh);
    },
  });
}

/** Checks what users have in the end, without the orchestrator: one model, and the log-probabilities of its file. */
async function requireSound(
  { place: { host }, traffic }: Scene,
  live: HomeModel,
): Promise<void> {
  host.meddler = undefined;
  host.beforeRun = undefined;
  assert.deepEqual(
    traffic.failures.slice(0, 3),
    [],
    "no user sees a failure while the host is there",
  );
  const [alias, ...others] = (await host.admin("GET", "/aliases")).data;
  assert.deepEqual(others, [], "the challenger is gone");
  assert.equal(alias.canary, null);
  const model = await host.admin("GET", `/models/${alias.model}`);
  assert.equal(model.state, "loaded");
  assert.equal(model.content_hash, live.hash);
  const ids = [1, 2, 3, 5, 8, 13, 21, 34];
  await using loaded = await loadModel(live.folder, { device: "native", threads: 1 });
  const expected = (await score(loaded.decoder, ids)).map((each) => each?.logprob ?? null);
  const response = await fetch(`${host.url}/v1/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${READ_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "champion",
      prompt: ids,
      max_tokens: 0,
      echo: true,
      logprobs: 0,
    }),
  });
  const given = (await response.json()).choices[0].logprobs.token_logprobs;
  for (const [i, logprob] of expected.entries()) {
    if (logprob !== null) assert.ok(Math.abs(logprob - given[i]) < 1e-5, `${i}`);
  }
}

function isBegin(step: StepName): (event: DeploymentEvent) => boolean {
  return (event) => event.kind === "begins" && event.step === step;
}

/** Does something at the first event that is meant, once for each deployment. */
function once(
  isMeant: (event: DeploymentEvent) => boolean,
  work: (scene: Scene) => void | Promise<void>,
): NonNullable<Fault["at"]> {
  const done = new WeakSet<Scene>();
  return (event, scene) => {
    if (done.has(scene) || !isMeant(event)) return;
    done.add(scene);
    return work(scene);
  };
}

/** Changes a byte of a copy: the file may be the source's own by a hard link. */
async function changeByte(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(`${path}.changed`, bytes);
  await Deno.rename(`${path}.changed`, path);
}
