import assert from "node:assert/strict";
import {
  countedSince,
  readAnswerCounts,
} from "../../../src/monitoring/deployment/answer_counts.ts";

const METRICS =
  `# HELP llm_model_requests_total Requests that were given to a model, by how they ended
# TYPE llm_model_requests_total counter
llm_model_requests_total{model="a",outcome="answered"} 12
llm_model_requests_total{model="a",outcome="failed"} 3
llm_model_requests_total{model="a",outcome="left"} 100
llm_model_requests_total{outcome="answered",model="a-1"} 7
llm_requests_total{method="GET",route="/health",status="200"} 1
`;

Deno.test("readAnswerCounts() counts what was answered or failed, of one model alone", () => {
  assert.deepEqual(readAnswerCounts(METRICS, "a"), { requests: 15, failed: 3 });
  assert.deepEqual(readAnswerCounts(METRICS, "a-1"), { requests: 7, failed: 0 });
  assert.deepEqual(readAnswerCounts(METRICS, "b"), { requests: 0, failed: 0 });
  assert.equal(readAnswerCounts("up 1\n", "a"), undefined);
});

Deno.test("countedSince() takes what a host counts anew for all there is", () => {
  const before = { requests: 10, failed: 2 };
  assert.deepEqual(countedSince({ requests: 15, failed: 3 }, before), { requests: 5, failed: 1 });
  assert.deepEqual(countedSince({ requests: 4, failed: 1 }, before), { requests: 4, failed: 1 });
});
