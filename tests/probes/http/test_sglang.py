"""What SGLang's pages tell, as its sources describe them."""

from __future__ import annotations

from typing import Any

import pytest

from evalbudget.probes.http.registry import facts_of_pages
from evalbudget.records import CachePool, ServerFacts
from tests.probes.http.documented import SGLANG, SGLANG_INFO, SGLANG_LIST, SGLANG_MODEL
from tests.probes.http.reading import told

GIB = 2**30


def facts(**changes: object) -> ServerFacts:
    pages = {**SGLANG, "/server_info": {**SGLANG_INFO, **changes}}
    return facts_of_pages("sglang", told(pages, SGLANG_LIST))


def pool(usage: dict[str, object], states: int = 1, **changes: Any) -> CachePool | None:
    state = {"page_size": 64, "memory_usage": usage}
    return facts(internal_states=[state] * states, **changes).pool


def test_it_tells_what_it_is_and_how_it_was_started() -> None:
    found = facts()
    assert (found.engine_version, found.served_model, found.max_model_len) == ("0.5.23", "qwen", 40960)
    assert (found.model_path, found.architecture) == ("Qwen/Qwen3-235B-A22B", "qwen3_moe")
    assert (found.quantization, found.kv_dtype, found.weight_dtype, found.ranks) == (
        "fp8",
        "fp8_e4m3",
        None,
        4,
    )
    assert (found.flags["attention_backend"], found.flags["mem_fraction_static"]) == ("fa3", 0.85)
    assert not {"port", "random_seed", "internal_states", "status"} & found.flags.keys()
    assert "secret" not in str(found)


def test_its_cache_is_read_with_one_page_of_padding() -> None:
    cache = facts().pool
    assert cache is not None
    (part,) = cache.parts
    assert (cache.tokens, part.tokens, cache.block_tokens) == (367404, 367405, 1)
    assert part.rounding == round(0.0005 * GIB)
    expected = 94 * 1 * 2 * 128 * 2
    """Of issue 21348: 94 layers, 4 heads over 4 GPUs, BF16."""
    assert part.bytes / 367405 == pytest.approx(expected, rel=part.rounding / part.bytes + 1e-3)


def test_pages_are_counted_as_the_server_counts_them() -> None:
    cache = pool({"kvcache": 8.063, "token_capacity": 65536, "token_capacity_swa": None})
    assert cache is not None
    assert (cache.block_tokens, cache.parts[0].tokens, cache.parts[0].bytes) == (
        64,
        65600,
        round(8.063 * GIB),
    )


def test_two_decimal_places_leave_more_open() -> None:
    cache = pool({"weight": 15.28, "kvcache": 136.2, "token_capacity": 991936})
    assert cache is not None
    assert cache.parts[0].rounding == round(0.005 * GIB)


def test_windows_of_their_own_pool_leave_the_bytes_without_tokens() -> None:
    cache = pool({"kvcache": 136.22, "token_capacity": 991936, "token_capacity_swa": 9919360})
    assert cache is not None
    assert cache.tokens == 991936
    assert [(part.bytes, part.tokens) for part in cache.parts] == [(round(136.22 * GIB), None)]


def test_replicas_are_added_up_and_the_bytes_are_of_one() -> None:
    cache = pool({"kvcache": 8.063, "token_capacity": 1000}, states=3, enable_dp_attention=True, dp_size=2)
    assert cache is not None
    assert (cache.tokens, cache.parts[0].tokens) == (3000, 1064)
    assert facts(enable_dp_attention=True, dp_size=2).ranks == 2


@pytest.mark.parametrize(
    "flag", [{"enable_post_capture_kv_sizing": True}, {"env": {"SGLANG_ENABLE_POST_CAPTURE_KV_SIZING": "1"}}]
)
def test_a_cache_sized_after_the_capture_shows_no_bytes(flag: dict[str, object]) -> None:
    cache = pool({"kvcache": 8.063, "token_capacity": 1000}, **flag)
    assert cache is not None
    assert (cache.tokens, cache.parts) == (1000, ())


def test_a_number_written_as_text_is_one() -> None:
    cache = pool({"kvcache": "8.063", "token_capacity": 1000})
    assert cache is not None
    assert cache.parts[0].bytes == round(8.063 * GIB)


@pytest.mark.parametrize(
    "usage", [{}, {"kvcache": -1, "token_capacity": 0}, {"kvcache": 1e300}, {"kvcache": "x"}, None, 7]
)
def test_without_its_figures_there_is_no_pool(usage: Any) -> None:
    assert pool(usage) is None


def test_older_releases_show_the_same_under_other_names() -> None:
    pages: dict[str, object] = {"/get_server_info": SGLANG_INFO, "/get_model_info": SGLANG_MODEL}
    found = facts_of_pages("sglang", told(pages, SGLANG_LIST))
    assert found == facts()
