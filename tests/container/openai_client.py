"""Chats with a server by OpenAI's client: usage: openai_client.py BASE_URL KEY MODEL

Prints "streaming" when the first part of a long answer is there, and JSON when the answer has ended.
"""

import json
import sys

from openai import AuthenticationError, OpenAI

base_url, key, model = sys.argv[1:]
messages = [{"role": "user", "content": "Lily saw a cat."}]

try:
    OpenAI(base_url=base_url, api_key="wrong", max_retries=0).models.list()
    raise AssertionError("a wrong key is refused")
except AuthenticationError:
    pass

client = OpenAI(base_url=base_url, api_key=key, max_retries=0)
answer = client.chat.completions.create(
    model=model, messages=messages, max_tokens=12, temperature=0
)
assert answer.usage.completion_tokens == 12, answer

stream = client.chat.completions.create(
    model=model,
    messages=messages,
    n=16,
    max_tokens=400,
    seed=1,
    stream=True,
    stream_options={"include_usage": True},
    extra_body={"ignore_eos": True},
)
parts = 0
reasons = []
for chunk in stream:
    if parts == 0:
        print("streaming", flush=True)
    parts += 1
    reasons += [
        choice.finish_reason for choice in chunk.choices if choice.finish_reason
    ]
    usage = chunk.usage
text = answer.choices[0].message.content
print(json.dumps({"text": text, "reasons": reasons, "tokens": usage.completion_tokens}))
