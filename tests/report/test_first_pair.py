"""Which two models stand side by side before anybody has chosen."""

from __future__ import annotations

from evalbudget.report.first_pair import first_pair
from evalbudget.store.paired import KnownModel


def known(model: str, family: str | None = None, quantization: str = "unknown") -> KnownModel:
    return KnownModel(run_id="r", model=model, family=family, quantization=quantization)


def chosen(*models: KnownModel) -> tuple[str, str] | None:
    pair = first_pair(models)
    return None if pair is None else (pair[0].model, pair[1].model)


def test_a_family_s_widest_weights_are_the_base_of_its_next_quantization() -> None:
    models = (known("x"), known("q4", "glm", "Q4_0"), known("bf", "glm", "bf16"), known("q8", "glm", "Q8_0"))
    assert chosen(*models) == ("bf", "q4")


def test_without_such_a_family_the_first_two_are_taken() -> None:
    assert chosen(known("a", "f", "bf16"), known("b", "f", "BF16"), known("c")) == ("a", "b")


def test_one_model_has_nothing_beside_it() -> None:
    assert chosen(known("a")) is None
    assert chosen() is None
