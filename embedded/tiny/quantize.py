"""An F16 GGUF → the same model in a lower precision: every matrix, embedding and output included.

python -m embedded.tiny.quantize MODEL.gguf Q4_0 TARGET.gguf
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType
from gguf.quants import quantize

KINDS: Final = {
    "Q8_0": LlamaFileType.MOSTLY_Q8_0,
    "Q5_0": LlamaFileType.MOSTLY_Q5_0,
    "Q4_0": LlamaFileType.MOSTLY_Q4_0,
    "W3": LlamaFileType.MOSTLY_Q4_0,
}
"""Types in blocks of 32, of which this model's rows are multiples; those in blocks of 256 do not fit."""
_MADE_ANEW: Final = {"general.architecture", "general.file_type", "general.quantization_version"}


def quantized(source: Path, kind: str, target: Path) -> Path:
    """Write it, norms as they are; returns `target`."""
    reader = GGUFReader(source)
    writer = GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name not in _MADE_ANEW:
            part = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), field.types[0], part)
    writer.add_file_type(KINDS[kind])
    for tensor in reader.tensors:
        if tensor.data.ndim == 1:
            writer.add_tensor(tensor.name, tensor.data)
            continue
        values = tensor.data.astype(np.float32)
        to = GGMLQuantizationType.Q4_0 if kind == "W3" else GGMLQuantizationType[kind]
        made = in_three_bits(values) if kind == "W3" else quantize(values, to)
        writer.add_tensor(tensor.name, made, raw_dtype=to)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def in_three_bits(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """As Q4_0 blocks: a scale in F16, then 32 levels of four bits, of which only the odd ones are used.

    A Q4_0 weight is scale · (level - 8), level from 0 to 15 (llama.cpp, ggml-quants.c, dequantize_row_q4_0);
    odd levels are the eight multiples -7, -5, …, 7.
    """
    blocks = values.reshape(-1, 32)
    scale = (np.abs(blocks).max(axis=1, keepdims=True) / 7).astype(np.float16)
    width = np.where(scale == 0, 1, scale).astype(np.float32)
    odd = np.clip(2 * np.floor(blocks / (2 * width)) + 1, -7, 7)
    levels = (odd + 8).astype(np.uint8)
    packed = levels[:, :16] | (levels[:, 16:] << 4)
    made = np.concatenate([scale.view(np.uint8), packed], axis=1)
    return made.reshape(*values.shape[:-1], -1)


if __name__ == "__main__":
    quantized(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
