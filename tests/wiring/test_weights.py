"""Weights on disk: what tells them apart, and what does not."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from embedded.scripted import SHIPPED
from evalbudget.wiring import weights
from evalbudget.wiring.weights import LocalWeights, read_weights


def folder_of(path: Path, *, template: bool = True, **config: object) -> Path:
    """A model's folder with two shards."""
    path.mkdir()
    told = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "torch_dtype": "bfloat16", **config}
    (path / "config.json").write_text(json.dumps(told), encoding="utf-8")
    (path / "model.safetensors.index.json").write_text('{"weight_map": {}}', encoding="utf-8")
    for shard in range(2):
        (path / f"model-{shard}.safetensors").write_bytes(bytes([shard]) * 3_000_000)
    if template:
        (path / "tokenizer_config.json").write_text('{"chat_template": "{{ x }}"}', encoding="utf-8")
    return path


def read(path: Path) -> LocalWeights:
    found = read_weights(path)
    assert found is not None
    return found


def test_a_small_gguf_is_known_by_the_sha256_of_its_file() -> None:
    found = read(SHIPPED)
    assert found.file == f"sha256 {hashlib.sha256(SHIPPED.read_bytes()).hexdigest()}"
    assert (found.architecture, found.quantization) == ("qwen3", "F16")
    assert found.template


@pytest.mark.parametrize("place", [10_000, 5_000_000, 9_999_999])
def test_a_large_file_is_sampled_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    monkeypatch.setattr(weights, "WHOLE_BYTES", 1000)
    data = bytearray(SHIPPED.read_bytes().ljust(10_000_000, b"\0"))
    (tmp_path / "a.gguf").write_bytes(data)
    data[place] ^= 1
    (tmp_path / "b.gguf").write_bytes(data)
    one, other = read(tmp_path / "a.gguf").file, read(tmp_path / "b.gguf").file
    assert one != other
    assert one is not None
    assert one.startswith("sampled ")
    assert one.endswith(" of 10000000 bytes")


def test_a_split_model_is_all_of_its_files(tmp_path: Path) -> None:
    data = SHIPPED.read_bytes()
    for number, tail in ((1, b""), (2, b"x")):
        (tmp_path / f"m-{number:05d}-of-00002.gguf").write_bytes(data + tail)
    before = read(tmp_path / "m-00001-of-00002.gguf").file
    (tmp_path / "m-00002-of-00002.gguf").write_bytes(data + b"yy")
    assert read(tmp_path / "m-00001-of-00002.gguf").file != before


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(SHIPPED.read_bytes())
    before = read(path).file
    path.write_bytes(SHIPPED.read_bytes() + b"x")
    assert read(path).file != before


def test_a_folder_is_its_configuration_and_its_weights_wherever_it_lies(tmp_path: Path) -> None:
    first = read(folder_of(tmp_path / "a", _name_or_path="/home/x"))
    assert read(folder_of(tmp_path / "b", _name_or_path="elsewhere")) == first
    assert (first.architecture, first.weight_dtype, first.template) == (
        "Qwen3ForCausalLM",
        "bfloat16",
        "{{ x }}",
    )
    changed = folder_of(tmp_path / "c")
    (changed / "model-1.safetensors").write_bytes(bytes([9]) * 3_000_000)
    assert read(changed).folder != first.folder
    assert read(folder_of(tmp_path / "d", rope_theta=2)).folder != first.folder
    quantized = folder_of(
        tmp_path / "e", quantization_config={"quant_method": "modelopt", "quant_algo": "NVFP4"}
    )
    assert read(quantized).quantization == "NVFP4"


def test_a_template_file_goes_before_the_tokenizers(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a")
    (folder / "chat_template.jinja").write_text("own", encoding="utf-8")
    assert read(folder).template == "own"
    listed = folder_of(tmp_path / "b", template=False)
    named = [{"name": "tools", "template": "t"}, {"name": "default", "template": "d"}]
    (listed / "tokenizer_config.json").write_text(json.dumps({"chat_template": named}), encoding="utf-8")
    assert read(listed).template == "d"
    assert read(folder_of(tmp_path / "c", template=False)).template is None


def test_what_are_no_weights_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text.gguf").write_text("no", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("[" * 100_000, encoding="utf-8")
    places = ["pipe", "text.gguf", "empty", "broken", "missing"]
    assert [read_weights(tmp_path / place) for place in places] == [None] * 5
    assert read_weights(Path("/dev/zero")) is None
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(SHIPPED.read_bytes()[:100])
    assert read(cut).file is not None
