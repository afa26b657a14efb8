"""Talks with a server that has the toy model by OpenAI's client: usage: openai_client.py BASE_URL"""

import json
import math
import sys

import openai
import pydantic

client = openai.OpenAI(base_url=sys.argv[1], api_key="unused", max_retries=0)
SONG = "abcdefghijklmnopqrstuvwxyzö!"
HI = [{"role": "user", "content": "hi"}]
GREEDY = {"model": "toy", "temperature": 0}

# models
assert [each.id for each in client.models.list()] == ["toy", "vectors"]
assert client.models.retrieve("toy").object == "model"

# chat
chat = client.chat.completions.create(messages=HI, **GREEDY)
assert chat.choices[0].message.content == SONG, chat
assert chat.choices[0].finish_reason == "stop"
assert chat.usage.total_tokens == chat.usage.prompt_tokens + chat.usage.completion_tokens
several = client.chat.completions.create(messages=HI, n=3, max_tokens=4, logprobs=True, top_logprobs=2, **GREEDY)
assert [choice.index for choice in several.choices] == [0, 1, 2]
assert all(len(choice.logprobs.content[0].top_logprobs) == 2 for choice in several.choices)

# streaming
chunks = list(
    client.chat.completions.create(messages=HI, stream=True, stream_options={"include_usage": True}, **GREEDY)
)
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == SONG
assert chunks[-1].usage.completion_tokens == chat.usage.completion_tokens
with client.chat.completions.stream(messages=HI, **GREEDY) as stream:
    assert stream.get_final_completion().choices[0].message.content == SONG

# tools
weather = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 8}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
asked = {"messages": HI, "tools": [weather], "tool_choice": "required", "seed": 1, "max_tokens": 100, "model": "toy"}
call = client.chat.completions.create(**asked).choices[0]
assert call.finish_reason == "tool_calls"
assert list(json.loads(call.message.tool_calls[0].function.arguments)) == ["city"]
with client.chat.completions.stream(**asked) as stream:
    streamed = stream.get_final_completion().choices[0].message.tool_calls[0].function
assert streamed.arguments == call.message.tool_calls[0].function.arguments
again = client.chat.completions.create(
    messages=[
        *HI,
        call.message,
        {"role": "tool", "tool_call_id": call.message.tool_calls[0].id, "content": "sunny"},
    ],
    tools=[weather],
    tool_choice="none",
    **GREEDY,
)
assert again.choices[0].message.content == SONG, again


# structured output
class Thing(pydantic.BaseModel):
    name: str
    size: int
    colour: str | None


parsed = client.chat.completions.parse(messages=HI, response_format=Thing, max_tokens=120, **GREEDY)
assert isinstance(parsed.choices[0].message.parsed, Thing), parsed  # though it fills all the room
plain = client.chat.completions.create(messages=HI, response_format={"type": "json_object"}, max_tokens=20, **GREEDY)
assert isinstance(json.loads(plain.choices[0].message.content), dict)

# texts
text = client.completions.create(prompt=[" ", "a"], max_tokens=3, logprobs=1, echo=True, **GREEDY)
assert [choice.text for choice in text.choices] == [" abc", "abcd"], text
assert text.choices[0].logprobs.tokens == [" ", "a", "b", "c"]

# embeddings
for options in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
    made = client.embeddings.create(model="vectors", input=["ab", "c"], **options)
    for each, last in zip(made.data, (98, 99)):
        numbers = each.embedding
        if isinstance(numbers, str):
            import base64
            import struct

            numbers = struct.unpack("<3f", base64.b64decode(numbers))
        expected = [x / math.hypot(last, 1, 2) for x in (last, 1, 2)]
        assert all(abs(a - b) < 1e-6 for a, b in zip(numbers, expected, strict=True)), each
assert len(client.embeddings.create(model="vectors", input=[[1, 2], [3]], dimensions=2).data[1].embedding) == 2

# responses
response = client.responses.create(input="hi", instructions="Sing.", max_output_tokens=100, **GREEDY)
assert response.output_text == SONG and response.status == "completed", response
with client.responses.stream(input="hi", max_output_tokens=100, **GREEDY) as stream:
    kinds = [event.type for event in stream]
    assert stream.get_final_response().output_text == SONG
assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
structured = client.responses.parse(input="hi", text_format=Thing, max_output_tokens=120, **GREEDY)
assert isinstance(structured.output_parsed, Thing), structured

# refusals
for refused, error in (
    (lambda: client.chat.completions.create(model="other", messages=HI), openai.NotFoundError),
    (lambda: client.embeddings.create(model="toy", input="a"), openai.BadRequestError),
    (lambda: client.chat.completions.create(model="toy", messages=[]), openai.BadRequestError),
    (lambda: client.completions.create(model="toy", prompt="a" * 5000), openai.BadRequestError),
):
    try:
        refused()
    except error as caught:
        assert caught.code, caught
    else:
        raise AssertionError(f"not refused with {error}")

print(json.dumps("all is well"))
