import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { runCli } from "../cli/run_cli.ts";
import { startToyServer } from "../inference/toy_server.ts";
import { python, testWithPackage } from "../python.ts";

const container = fileURLToPath(new URL("../../container", import.meta.url));

/** A file of YAML; what is asked for and is not there fails the test that asks. */
// deno-lint-ignore no-explicit-any -- its schema is what other programs check
type Manifest = any;

const read = (name: string): Promise<string> => Deno.readTextFile(join(container, name));

async function manifest(name: string): Promise<Manifest> {
  return parse(await read(`kubernetes/${name}.yaml`));
}

/** The compose file as compose reads it: `${NAME:-value}` is the value, `${NAME:?why}` what is given. */
async function composeText(given: Readonly<Record<string, string>>): Promise<string> {
  const pattern = /\$\{(\w+)(?::-([^}]*)|:\?[^}]*)\}/g;
  return (await read("compose.yaml")).replace(
    pattern,
    (_, name: string, value?: string) =>
      given[name] ?? value ?? assert.fail(`${name} is not given`),
  );
}

const GIVEN = { MODEL: "tiny", LLM_TRAINING_API_KEY: "key" };

const VALIDATE = `
import json, sys, yaml, kubernetes_validate
version = kubernetes_validate.latest_version()
answers = []
for text in sys.argv[1:]:
    try:
        kubernetes_validate.validate(yaml.safe_load(text), version, strict=True)
        answers.append(None)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        answers.append(str(error))
print(json.dumps(answers))
`;

testWithPackage(
  "Kubernetes' schema takes the manifests, and nothing that it does not know",
  "kubernetes_validate",
  async () => {
    const names = ["deployment", "service", "volume", "secret", "autoscaler"];
    const texts = await Promise.all(names.map((name) => read(`kubernetes/${name}.yaml`)));
    const misspelled = texts[0]!.replace("readOnlyRootFilesystem", "readOnlyRoot");
    const answers = await python(VALIDATE, [...texts, misspelled]) as (string | null)[];
    assert.deepEqual(answers.slice(0, -1), names.map(() => null));
    assert.match(answers.at(-1)!, /readOnlyRoot/);
  },
);

const VALIDATE_COMPOSE = `
import json, sys, compose_spec
answers = []
for text in sys.argv[1:]:
    try:
        file = compose_spec.PyCompose.from_yaml(text)
        file.validate()
        answers.append(None)
    except ValueError as error:
        answers.append(str(error))
print(json.dumps(answers))
`;

testWithPackage("the compose file is one by its specification", "compose_spec", async () => {
  const text = await composeText(GIVEN);
  const misspelled = text.replace("stop_grace_period", "grace_period");
  const [valid, invalid] = await python(VALIDATE_COMPOSE, [text, misspelled]) as (string | null)[];
  assert.equal(valid, null);
  assert.match(invalid!, /grace_period/);
});

Deno.test("the commands of manifests and compose file are ones that serve understands", async () => {
  const { spec } = (await manifest("deployment")).spec.template;
  const { services } = parse(await composeText(GIVEN));
  for (const args of [spec.containers[0].args, services.server.command]) {
    const { status, stdout, stderr } = await runCli([...args, "--print-config", "--json"]);
    assert.equal(status, 0, stderr);
    const { host, port } = JSON.parse(stdout);
    assert.deepEqual([host.value, port.value], ["0.0.0.0", 8765]);
  }
});

Deno.test("the probes need no key, the metrics the secret's, and the autoscaler's metric is among them", async () => {
  const apiKey = "key";
  await using server = startToyServer({ server: { apiKey } });
  const [pod] = (await manifest("deployment")).spec.template.spec.containers;
  for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) {
    const response = await fetch(server.url + pod[probe].httpGet.path);
    await response.body?.cancel();
    assert.equal(response.status, 200, probe);
  }
  const [endpoint] = (await manifest("service-monitor")).spec.endpoints;
  const [{ pods }] = (await manifest("autoscaler")).spec.metrics;
  const scrape = (headers: Record<string, string>) =>
    fetch(server.url + endpoint.path, { headers });
  const refused = await scrape({});
  await refused.body?.cancel();
  assert.equal(refused.status, 401);
  const { type } = endpoint.authorization;
  const metrics = await (await scrape({ authorization: `${type} ${apiKey}` })).text();
  assert.match(metrics, new RegExp(`^${pods.metric.name}(?:\\{.*\\})? \\d+$`, "m"));
});

Deno.test("the manifests name each other, and what the Containerfile has", async () => {
  const { metadata, spec } = await manifest("deployment");
  const pod = spec.template.spec;
  const [server] = pod.containers;
  const labels = spec.template.metadata.labels;
  assert.deepEqual(spec.selector.matchLabels, labels);

  const service = await manifest("service");
  const monitor = await manifest("service-monitor");
  assert.deepEqual(service.spec.selector, labels);
  assert.deepEqual(monitor.spec.selector.matchLabels, service.metadata.labels);
  assert.equal(monitor.spec.endpoints[0].port, service.spec.ports[0].name);
  assert.equal(service.spec.ports[0].targetPort, server.ports[0].name);
  assert.equal((await manifest("autoscaler")).spec.scaleTargetRef.name, metadata.name);

  const secret = await manifest("secret");
  const reference = { name: secret.metadata.name, key: Object.keys(secret.stringData)[0] };
  assert.deepEqual(server.env[0].valueFrom.secretKeyRef, reference);
  assert.deepEqual(monitor.spec.endpoints[0].authorization.credentials, reference);

  const claims = pod.volumes.flatMap((volume: Manifest) => volume.persistentVolumeClaim ?? []);
  const { metadata: { name: claimName } } = await manifest("volume");
  assert.deepEqual(claims, [{ claimName }]);
  const { resources } = await manifest("kustomization");
  for (const name of resources) assert.ok((await read(`kubernetes/${name}`)).includes("kind:"));

  const image = await read("Containerfile");
  const [, uid, gid] = /^USER (\d+):(\d+)$/m.exec(image)!;
  const { runAsUser, runAsGroup, fsGroup } = pod.securityContext;
  assert.deepEqual([runAsUser, runAsGroup, fsGroup], [Number(uid), Number(gid), Number(gid)]);
  const [, volumes] = /^VOLUME (.+)$/m.exec(image)!;
  const mounts = server.volumeMounts.map(({ mountPath }: Manifest) => mountPath);
  for (const path of JSON.parse(volumes!)) assert.ok(mounts.includes(path), path);
  assert.match(image, new RegExp(`^EXPOSE ${server.ports[0].containerPort}$`, "m"));
  const { services, volumes: named } = parse(await composeText(GIVEN));
  const [home, models] = services.server.volumes.map((volume: string) => volume.split(":"));
  assert.deepEqual([home[0], home[1], models[1]], [Object.keys(named)[0], "/home", "/models"]);
  assert.deepEqual(services.server.healthcheck.test, [
    "CMD",
    ...JSON.parse(/^ {2}CMD (.+)$/m.exec(image)![1]!),
  ]);
});

Deno.test("pods are what Kubernetes' restricted profile lets through", async () => {
  const pod = (await manifest("deployment")).spec.template.spec;
  const { securityContext } = pod.containers[0];
  assert.deepEqual(securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  assert.equal(pod.securityContext.runAsNonRoot, true);
  assert.equal(pod.securityContext.seccompProfile.type, "RuntimeDefault");
  for (const volume of pod.volumes) assert.equal(volume.hostPath, undefined);
});
