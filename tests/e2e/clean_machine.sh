#!/bin/bash
# What a person does on a machine with nothing on it: Debian's required packages, no network, no rights.
# The release lies in /media/release; the current folder is the person's home.
set -euo pipefail
trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR
release=/media/release

sh $release/install.sh --base-url $release
export PATH=$HOME/.local/bin:$PATH
llm-training --version
llm-training upgrade --check --base-url $release

llm-training data generate --skill tiny_world --rows 40 --output world.jsonl
llm-train --dataset world.jsonl --model demo --batch-size 2 --max-length 32 --max-steps 3 --output run
echo 'What does Ida have?' | llm-training chat --model run --temperature 0 --max-tokens 4

llm-inference --model run --port 0 >served 2>&1 &
server=$!
until port=$(sed -nE 's|.* at http://[^:]+:([0-9]+).*|\1|p' served) && [[ -n $port ]]; do
  kill -0 $server
  sleep 0.1
done
ask='{"model":"run","max_tokens":3,"messages":[{"role":"user","content":"Hello"}]}'
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
  ${#ask} "$ask" >&3
answer=$(cat <&3)
exec 3>&-
echo "$answer" | grep '"chat.completion"' || { echo "$answer" >&2 && false; }
kill -TERM $server
wait $server || [[ $? -ge 128 ]]

sh $release/install.sh --uninstall --purge
rm -r world.jsonl world.jsonl.lineage.json run served
