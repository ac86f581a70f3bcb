"""The tokens of the tiny model: bytes, and the words that its questions and answers are made of.

llama.cpp splits a text at the words first, the longest before the others, and takes the rest byte by byte; so
does `encode` (llama-vocab.cpp, tokenizer_st_partition; a BPE vocabulary without merges that apply).
"""

from __future__ import annotations

from typing import Final

from gguf import GGUFWriter, TokenType

from embedded.scripted import byte_alphabet

END: Final = "<|im_end|>"
OPEN, CLOSE = "<think>", "</think>"
CONTROLS: Final = ("<|endoftext|>", "<|im_start|>", END)
WORDS: Final = (
    OPEN, CLOSE, "\\boxed{", "\\boxed{}", "system", "user", "assistant", "Compute ", "Calculate ", "What is ",
    "Put the final answer in ", "?\n", ".\n", "\n\n",
)  # fmt: skip
_BYTES = 257  # and one merge, which a BPE vocabulary must have: two blanks
IDS: Final = {text: _BYTES + place for place, text in enumerate((*CONTROLS, *WORDS))}
SIZE: Final = 288
"""Rows of the embedding: a multiple of 32, so that every type of quantization fits."""
_LONGEST_FIRST = sorted(IDS, key=len, reverse=True)

TEMPLATE: Final = """\
{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.role == 'assistant' and message.reasoning_content %}
{{- '<think>' + message.reasoning_content + '</think>' }}{%- endif %}
{{- (message.content or '') + '<|im_end|>' + '\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think></think>' }}{%- endif %}
{%- endif %}"""
"""The chat template: only where it speaks of `reasoning_content` does llama.cpp look for thinking."""


def encode(text: str) -> list[int]:
    """The ids of a text."""
    found: list[int] = []
    for piece in _split(text, _LONGEST_FIRST):
        found += [IDS[piece]] if piece in IDS else list(piece.encode())
    return found


def _split(text: str, words: list[str]) -> list[str]:
    for place, word in enumerate(words):
        if word in text:
            before, _, behind = text.partition(word)
            return [*_split(before, words[place + 1 :]), word, *_split(behind, words[place:])]
    return [text] if text else []


def decode(ids: list[int]) -> str:
    """The text of ids; what is no text of its own as [id]."""
    texts = {number: text for text, number in IDS.items()}
    return "".join(chr(each) if each < 128 else texts.get(each, f"[{each}]") for each in ids)


def tokens() -> list[str]:
    """All of them, as GGUF writes them."""
    alphabet = byte_alphabet()
    named = [*alphabet, alphabet[ord(" ")] * 2, *CONTROLS, *WORDS]
    return [*named, *(f"[PAD{place}]" for place in range(len(named), SIZE))]


def prompt(question: str) -> str:
    """A question as the chat template renders it."""
    return f"<|im_start|>user\n{question}{END}\n<|im_start|>assistant\n"


def add_vocabulary(writer: GGUFWriter) -> None:
    """Into a GGUF: tokens, their types, the chat template."""
    plain = _BYTES
    named = len(CONTROLS) + len(WORDS)
    types = [TokenType.NORMAL] * plain + [TokenType.CONTROL] * len(CONTROLS)
    types += [TokenType.USER_DEFINED] * len(WORDS) + [TokenType.UNUSED] * (SIZE - plain - named)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens())
    writer.add_token_types(types)
    blank = tokens()[ord(" ")]
    writer.add_token_merges([f"{blank} {blank}"])
    writer.add_eos_token_id(IDS[END])
    writer.add_pad_token_id(IDS["<|endoftext|>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
