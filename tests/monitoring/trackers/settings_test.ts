import assert from "node:assert/strict";
import { resolveTracker } from "../../../src/monitoring/trackers/settings.ts";

const NONE = { env: {}, cwd: "/here", project: null, runName: null };

Deno.test("resolveTracker() takes places from the flag, then from the environment", () => {
  assert.deepEqual(resolveTracker("tensorboard", NONE), { kind: "tensorboard", folder: null });
  assert.deepEqual(resolveTracker("tensorboard=logs", NONE), {
    kind: "tensorboard",
    folder: "/here/logs",
  });
  const env = {
    MLFLOW_TRACKING_URI: "https://mlflow.example/base/",
    MLFLOW_TRACKING_TOKEN: "secret",
    MLFLOW_EXPERIMENT_NAME: "mine",
  };
  const mlflow = {
    kind: "mlflow",
    url: "https://mlflow.example/base",
    authorization: "Bearer secret",
    project: "mine",
    runName: null,
  };
  assert.deepEqual(resolveTracker("mlflow", { ...NONE, env }), mlflow);
  assert.deepEqual(
    resolveTracker("mlflow", {
      ...NONE,
      env: { MLFLOW_TRACKING_URI: "http://me:p%40ss@127.0.0.1:5000" },
      project: "other",
    }),
    {
      ...mlflow,
      url: "http://127.0.0.1:5000",
      authorization: `Basic ${btoa("me:p@ss")}`,
      project: "other",
    },
  );
  const login = { ...env, MLFLOW_TRACKING_USERNAME: "me", MLFLOW_TRACKING_PASSWORD: "pw" };
  const { authorization } = resolveTracker("mlflow", { ...NONE, env: login }) as typeof mlflow;
  assert.equal(authorization, `Basic ${btoa("me:pw")}`);
  assert.deepEqual(resolveTracker("wandb", { ...NONE, env: { WANDB_API_KEY: "k\n" } }), {
    kind: "wandb",
    url: "https://api.wandb.ai",
    authorization: `Basic ${btoa("api:k")}`,
    project: "llm-training",
    runName: null,
    entity: null,
  });
});

Deno.test("resolveTracker() says what is missing", () => {
  const resolve = (text: string) => () => resolveTracker(text, NONE);
  assert.throws(resolve("mlflow"), /^UserError: Cannot use tracker mlflow: .*MLFLOW_TRACKING_URI/);
  assert.throws(resolve("wandb"), /WANDB_API_KEY/);
  assert.throws(resolve("mlflow=file:///mlruns"), /must begin with http:\/\/ or https:\/\//);
  assert.throws(
    resolve("mlflow=http://me:pw@host"),
    /saved with the run: set MLFLOW_TRACKING_USER/,
  );
  assert.throws(resolve("comet"), /"comet": choose one of tensorboard, mlflow, wandb/);
});
