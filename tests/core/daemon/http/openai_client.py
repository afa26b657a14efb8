"""Fine-tunes with OpenAI's client: usage: openai_client.py BASE_URL KEY DATA"""

import json
import sys
import time

from openai import BadRequestError, OpenAI

base_url, key, data = sys.argv[1:]
client = OpenAI(base_url=base_url, api_key=key, max_retries=0)

with open(data, "rb") as file:
    uploaded = client.files.create(file=file, purpose="fine-tune")
assert [each.id for each in client.files.list(purpose="fine-tune")] == [uploaded.id]

try:
    client.fine_tuning.jobs.create(
        model="tiny", training_file=uploaded.id, method={"type": "dpo"}
    )
    raise AssertionError("dpo is refused")
except BadRequestError as error:
    assert error.param == "method.type", error

job = client.fine_tuning.jobs.create(
    model="tiny",
    training_file=uploaded.id,
    hyperparameters={"n_epochs": "auto", "batch_size": "auto"},
    suffix="python",
)
deadline = time.monotonic() + 60
while job.finished_at is None and time.monotonic() < deadline:
    time.sleep(0.1)
    job = client.fine_tuning.jobs.retrieve(job.id)
assert job.status == "succeeded", job
assert job.trained_tokens > 0
assert job.hyperparameters.n_epochs == "auto"
events = list(client.fine_tuning.jobs.list_events(job.id, limit=3))
assert events[-1].message.startswith("Created"), events[-1]
checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id))
assert all(each.metrics.train_loss > 0 for each in checkpoints)
assert client.fine_tuning.jobs.list(limit=1).data[0].id == job.id
print(
    json.dumps(
        {
            "model": job.fine_tuned_model,
            "steps": [each.step_number for each in checkpoints],
        }
    )
)
