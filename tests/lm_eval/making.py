"""Tasks of lm-eval made for the tests, and a server whose answers follow from the messages alone."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web

import datasets
from tests.loopback import answer as streamed

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}

SUMS = r"""
task: sums
dataset_path: json
dataset_kwargs: {data_files: {train: FOLDER/train.jsonl, test: FOLDER/test.jsonl}}
training_split: train
fewshot_split: train
test_split: test
doc_to_text: "Question: {{question}}\nAnswer:"
doc_to_target: "{{answer}}"
num_fewshot: 3
generation_kwargs: {until: ["Question:", "</s>"], do_sample: false, temperature: 0.0, max_gen_toks: 200}
filter_list:
  - name: strict-match
    filter:
      - {function: regex, regex_pattern: "#### (\\-?[0-9\\.\\,]+)"}
      - {function: take_first}
  - name: flexible-extract
    filter:
      - {function: regex, group_select: -1, regex_pattern: "(-?[$0-9.,]{2,})|(-?[0-9]+)"}
      - {function: take_first}
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
    ignore_case: true
    regexes_to_ignore: [",", "\\$", "(?s).*#### ", "\\.$"]
metadata: {version: 3.0}
"""
"""As gsm8k: two filters, examples drawn from another split."""

WORDS = r"""
task: words
dataset_path: json
dataset_kwargs: {data_files: {test: FOLDER/test.jsonl}}
test_split: test
description: "Say the product of {{a}} and {{b}}.\n\n"
doc_to_text: "{{question}}"
doc_to_target: "{{ [(a * b) ~ '', 'it is ' ~ (a * b)] }}"
gen_prefix: "It is"
num_fewshot: 2
generation_kwargs: {until: ["\n\n", "</s>", "Q:", "<|im_end|>", "###", "!"], temperature: 0.3, top_p: 0.9}
filter_list:
  - name: plain
    filter:
      - {function: remove_whitespace}
      - {function: lowercase}
      - {function: take_first}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true, ignore_punctuation: true}
"""
"""A description with the document's own words, several right answers, six stop words, no limit of its own."""

GRADED = r"""
task: graded
dataset_path: json
dataset_kwargs: {data_files: {test: FOLDER/test.jsonl}}
test_split: test
process_docs: !function graded.shuffled
doc_to_text: !function graded.asked
doc_to_target: "{{a * b}}"
process_results: !function graded.judged
generation_kwargs: {until: [], max_gen_toks: 64}
repeats: 3
filter_list:
  - name: first
    filter:
      - {function: custom, filter_fn: !function graded.last_line}
      - {function: take_first}
  - name: maj@3
    filter:
      - {function: regex, regex_pattern: "([0-9,]+)"}
      - {function: majority_vote}
      - {function: take_first}
  - name: maj@2
    filter:
      - {function: take_first_k, k: 2}
      - {function: regex, regex_pattern: "([0-9,]+)"}
      - {function: majority_vote}
      - {function: take_first}
metric_list:
  - {metric: close, aggregation: mean, higher_is_better: true}
  - {metric: bleu, aggregation: bleu, higher_is_better: true}
  - {metric: spread, aggregation: !function graded.widest, higher_is_better: false}
  - {metric: digits, aggregation: median, higher_is_better: true}
"""
"""Python of the task's own: prompts, a filter, metrics, an aggregation; and votes over repeats."""

GRADED_PYTHON = r'''
import random
import numpy as np

print("a task's Python may print")


def shuffled(docs):
    """Options in an order of the global generator, as GPQA's tasks have them."""
    return docs.map(lambda doc: {"options": random.sample([doc["a"] * doc["b"], doc["a"] + doc["b"]], 2)})


def asked(doc):
    return f"{doc['question']} One of {doc['options']}."


def last_line(resps, docs):
    return [[each.splitlines()[-1] if each else "" for each in resp] for resp in resps]


def judged(doc, results):
    right, found = str(doc["a"] * doc["b"]), str(results[0])
    number = found.replace(",", "").strip(" .#")
    close = np.float32(1 / (1 + abs(int(number) - int(right)))) if number.isdecimal() else np.float32(0)
    said = {"close": close, "bleu": (right, found), "spread": (len(found), right), "digits": len(number)}
    return said if number else {"close": close, "bleu": (right, found), "spread": (0, right)}


def widest(items):
    assert all(isinstance(item, tuple) for item in items)
    return max(length for length, _ in items) / len(items)
'''


def offline(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nothing asks the Hub, and what the data library keeps lies in `folder`."""
    for name, value in {**OFFLINE, "HF_DATASETS_CACHE": str(folder / "cache")}.items():
        patch.setenv(name, value)
    patch.delenv("EVALBUDGET_HUB", raising=False)
    patch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache")


def make_tasks(folder: Path, rows: int = 24) -> Mapping[str, Path]:
    """The three tasks with their data in `folder`: name → YAML file."""
    sums = [(number * 37 % 91 + 2, number * 53 % 97 + 30) for number in range(2 * rows)]
    for split, chosen in (("train", sums[:rows]), ("test", sums[rows:])):
        lines = [
            {"question": f"What is {a} times {b}?", "answer": f"It is so.\n#### {a * b:,}", "a": a, "b": b}
            for a, b in chosen
        ]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "graded.py").write_text(GRADED_PYTHON)
    paths = {}
    for name, text in (("sums", SUMS), ("words", WORDS), ("graded", GRADED)):
        paths[name] = folder / f"{name}.yaml"
        paths[name].write_text(text.replace("FOLDER", str(folder)))
    return paths


def reply_to(messages: list[Mapping[str, str]]) -> str:
    """Right, wrong, formatted in every way or empty; the same for the same messages."""
    asked = [(int(a), int(b)) for a, b in re.findall(r"What is (\d+) times (\d+)\?", json.dumps(messages))]
    a, b = asked[-1]
    right = f"{a * b:,}"
    forms = [
        f"{a} times {b}.\n#### {right}",
        f"#### {a + b}",
        f"The answer is ${right}.",
        "",
        f" {a * b}\n",
        f"it is {a * b}!",
        f"#### {right}\n\nQuestion: What is 1 times 1?\nAnswer: #### 1</s>",
        f"{a * b}\n\n77",
        "I do not know\u2028, sorry.",
        f"  IT IS {a * b}",
        f"about {a * b - 1}\n{a * b + 1}",
        "\n\n",
    ]
    digest = hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).digest()
    return forms[digest[0] % len(forms)]


async def handle(request: web.Request, body: dict[str, object]) -> web.StreamResponse:
    """Streams where a stream is asked for."""
    messages = body["messages"]
    assert isinstance(messages, list)
    text = reply_to(messages)
    if body.get("stream"):
        return await streamed(request, text)
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return web.json_response({"model": "loopback", "choices": [choice]})
