"""A log that grows tells how busy its server is, however it grows."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalbudget.probes.logs import LogWatch
from evalbudget.records import Load

VLLM = "(APIServer pid=1) INFO 11-21 07:45:45 [loggers.py:335] "


def vllm(running: int, usage: str, *, engine: str = "Engine 000: ", more: str = "", waiting: int = 0) -> str:
    return (
        f"{VLLM}{engine}Avg prompt throughput: 77.2 tokens/s, Avg generation throughput: 717.2 tokens/s, "
        f"Running: {running} reqs, Waiting: {waiting} reqs, {more}GPU KV cache usage: {usage}%, "
        "Prefix cache hit rate: 0.0%\n"
    )


def sglang(batch: str, *, rank: str = " TP0") -> str:
    return f"[2026-03-04 15:13:22{rank}] {batch}\n"


def told(tmp_path: Path, text: str) -> Load | None:
    log = tmp_path / "server.log"
    log.write_text(text, encoding="utf-8")
    return LogWatch(log).news()


def test_vllms_lines_tell_requests_and_the_share_of_the_cache(tmp_path: Path) -> None:
    assert told(tmp_path, vllm(2, "0.1") + vllm(4, "12.5", waiting=3)) == Load(
        kv_usage=0.125, running=4, waiting=3, source="log"
    )


def test_the_recorded_logs_of_vllm_tell_their_last_line(shared: Path) -> None:
    log = shared / "samples" / "vllm-cpu" / "lfm2.startup.log"
    assert LogWatch(log).news() == Load(kv_usage=0.001, running=4, waiting=0, source="log")


def test_engines_of_one_server_are_added_up(tmp_path: Path) -> None:
    first, second = vllm(4, "50.0"), vllm(2, "10.0", engine="Engine 001: ", waiting=1)
    assert told(tmp_path, first + second) == Load(kv_usage=0.5, running=6, waiting=1, source="log")
    together = vllm(9, "30.0", engine="2 Engines Aggregated: ")
    assert told(tmp_path, first + second + together) == Load(kv_usage=0.3, running=9, waiting=0, source="log")


def test_preemptions_are_counted_from_the_beginning(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    watch = LogWatch(log)
    seen = []
    for more in ("Preemptions: 2, ", "", "Preemptions: 3, "):
        with log.open("a", encoding="utf-8") as file:
            file.write(vllm(1, "99.0", more=more))
        load = watch.news()
        assert load is not None
        seen.append(load.preemptions)
    assert seen == [2, 2, 5]


def test_the_v0_engine_counts_them_itself(tmp_path: Path) -> None:
    load = told(
        tmp_path,
        "INFO 03-07 12:29:30 metrics.py:455] Avg prompt throughput: 1.0 tokens/s, Avg generation throughput: "
        "2.0 tokens/s, Running: 1 reqs, Swapped: 0 reqs, Pending: 2 reqs, GPU KV cache usage: 98.0%, "
        "CPU KV cache usage: 0.0%.\n"
        "WARNING 03-07 12:29:31 scheduler.py:1754] Sequence group cmpl-1 is preempted by "
        "PreemptionMode.RECOMPUTE mode because there is not enough KV cache space. This can affect the "
        "end-to-end performance. total_num_cumulative_preemption=51\n",
    )
    assert load == Load(kv_usage=0.98, running=1, waiting=2, preemptions=51, source="log")


@pytest.mark.parametrize(
    ("line", "load"),
    [
        (
            "Decode batch, #running-req: 1, #token: 305, token usage: 0.02, cuda graph: True, gen throughput "
            "(token/s): 150.05, #queue-req: 0",
            Load(kv_usage=0.02, kv_used_tokens=305, running=1, waiting=0, source="log"),
        ),
        (
            "Decode batch. #running-req: 14, #token: 785280, token usage: 0.27, accept len: 2.47, "
            "pre-allocated usage: 0.90, gen throughput (token/s): 167.86, #queue-req: 3, ",
            Load(kv_usage=0.27, kv_used_tokens=785_280, running=14, waiting=3, source="log"),
        ),
        (
            "Decode batch, #running-req: 10, #full token: 685000, full token usage: 0.49, mamba num: 12, "
            "mamba usage: 0.67, accept len: 2.77, gen throughput (token/s): 8.44, #queue-req: 0",
            Load(kv_usage=0.67, kv_used_tokens=685_000, running=10, waiting=0, source="log"),
        ),
        (
            "Decode batch, #running-req: 1, #full token: 128, full token usage: 0.00, #swa token: 128, "
            "swa token usage: 0.04, npu graph: False, gen throughput (token/s): 0.44, #queue-req: 0",
            Load(kv_usage=0.04, kv_used_tokens=128, running=1, waiting=0, source="log"),
        ),
        (
            "Prefill batch, #new-seq: 1, #new-token: 4096, #cached-token: 0, full token usage: 0.49, "
            "mamba usage: 0.33, #running-req: 4, #queue-req: 2, #pending-token: 118201, cuda graph: False",
            Load(kv_usage=0.49, running=5, waiting=2, source="log"),
        ),
    ],
)
def test_sglangs_lines_tell_its_fullest_pool(tmp_path: Path, line: str, load: Load) -> None:
    assert told(tmp_path, sglang(line)) == load


def test_sglangs_engines_are_added_up_and_its_ranks_are_not(tmp_path: Path) -> None:
    line = "Decode batch, #running-req: 3, #token: 100, token usage: 0.10, #queue-req: 1"
    ranks = "".join(sglang(line, rank=rank) for rank in (" PP0 TP0", " PP1 TP0", " DP1 TP4"))
    load = told(tmp_path, ranks)
    assert load == Load(kv_usage=0.1, kv_used_tokens=200, running=6, waiting=2, source="log")


def test_requests_that_sglang_takes_back_are_preemptions(tmp_path: Path) -> None:
    line = "KV cache pool is full. Retract requests. #retracted_reqs: 2, #new_tokens_gained: 12"
    load = told(tmp_path, sglang(line) * 2)
    assert load is not None
    assert load.preemptions == 4


def test_nothing_new_is_nothing(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    watch = LogWatch(log)
    assert watch.news() is None
    log.write_text(vllm(1, "1.0") + "something else\n", encoding="utf-8")
    assert watch.news() is not None
    assert watch.news() is None


def test_what_stands_before_the_start_is_of_another_server(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text(vllm(9, "9.0"), encoding="utf-8")
    watch = LogWatch(log, log.stat().st_size)
    assert watch.news() is None


def test_a_line_that_is_not_finished_waits(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    line = vllm(3, "1.5")
    log.write_text(line[:-20], encoding="utf-8")
    watch = LogWatch(log)
    assert watch.news() is None
    with log.open("a", encoding="utf-8") as file:
        file.write(line[-20:])
    assert watch.news() == Load(kv_usage=0.015, running=3, waiting=0, source="log")


def test_a_log_that_was_cut_off_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text(vllm(1, "1.0") * 3, encoding="utf-8")
    watch = LogWatch(log)
    watch.news()
    log.write_text(vllm(2, "2.0"), encoding="utf-8")
    assert watch.news() == Load(kv_usage=0.02, running=2, waiting=0, source="log")


def test_so_is_another_file_that_took_its_place(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text(vllm(1, "1.0"), encoding="utf-8")
    watch = LogWatch(log)
    watch.news()
    log.replace(tmp_path / "server.log.1")
    assert watch.news() is None
    log.write_text(vllm(2, "2.0") * 5, encoding="utf-8")
    assert watch.news() == Load(kv_usage=0.02, running=2, waiting=0, source="log")


def test_of_what_grew_too_fast_the_latest_is_read(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    watch = LogWatch(log)
    log.write_text(
        vllm(1, "1.0", more="Preemptions: 1, ") + "x" * 9_000_000 + "\n" + vllm(2, "2.0"), encoding="utf-8"
    )
    assert watch.news() == Load(kv_usage=0.02, running=2, waiting=0, source="log")


def test_a_line_without_end_does_not_stop_the_watch(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    watch = LogWatch(log)
    with log.open("a", encoding="utf-8") as file:
        file.write("x" * 5_000_000)
        file.flush()
        assert watch.news() is None
        file.write(vllm(7, "7.0").strip() + "\n")
        file.flush()
        assert watch.news() is None
        file.write(vllm(2, "2.0"))
    assert watch.news() == Load(kv_usage=0.02, running=2, waiting=0, source="log")


@pytest.mark.parametrize(
    "text",
    [
        "Avg prompt throughput: 1.0 tokens/s, Running: 1 reqs, GPU KV cache usage: 1.0%\n",
        f"{VLLM}Received request: 'Engine 000: Avg prompt throughput: 1.0, Running: 1 reqs, GPU KV "
        f"cache usage: 1%'\n",
        "Decode batch, #running-req: 1, #token: 305, token usage: 0.02, #queue-req: 0\n",
        "He wrote [2026-03-04 15:13:22] Decode batch, #running-req: 1, #token: 305, token usage: 0.02\n",
        f"{VLLM}Engine 000: Avg prompt throughput: many, Running: some reqs, GPU KV cache usage: full%\n",
    ],
)
def test_what_only_looks_like_a_line_of_use_is_none(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text) is None


LINES = st.lists(
    st.one_of(
        st.builds(vllm, st.integers(0, 300), st.sampled_from(["0.0", "12.5", "100.0", "bad"])),
        st.builds(vllm, st.just(1), st.just("1.0"), more=st.just("Preemptions: 2, ")),
        st.just(sglang("Decode batch, #running-req: 1, #token: 305, token usage: 0.02, #queue-req: 0")),
        st.just(sglang("KV cache pool is full. Retract requests. #retracted_reqs: 1")),
        st.text(max_size=30).map(
            lambda text: text.replace("\n", " ").encode("utf-8", "replace").decode() + "\n"
        ),
        st.just("ähm… \r"),
    ),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, cuts=st.lists(st.integers(0, 3000), max_size=8))
def test_a_log_that_came_in_pieces_tells_the_same_as_the_whole(
    tmp_path: Path, lines: list[str], cuts: list[int]
) -> None:
    whole = "".join(lines).encode("utf-8")
    log = tmp_path / "pieces.log"
    log.unlink(missing_ok=True)
    watch, last = LogWatch(log), None
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    with log.open("wb") as file:
        for begin, end in pairwise(places):
            file.write(whole[begin:end])
            file.flush()
            last = watch.news() or last
    assert last == LogWatch(log).news()


def test_the_recorded_log_tells_the_same_in_pieces(shared: Path, tmp_path: Path) -> None:
    source = shared / "samples" / "vllm-cpu" / "lfm2.startup.log"
    whole, log = source.read_bytes(), tmp_path / "pieces.log"
    watch, last = LogWatch(log), None
    with log.open("wb") as file:
        for begin in range(0, len(whole), 777):
            file.write(whole[begin : begin + 777])
            file.flush()
            last = watch.news() or last
    assert last == LogWatch(source).news()
