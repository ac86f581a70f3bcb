"""Rows of a data set on the Hugging Face Hub, through its `datasets` library."""

from __future__ import annotations

from evalbudget.datasets.local import Row
from evalbudget.datasets.mirror import VARIABLE
from evalbudget.errors import DataError
from evalbudget.tasks import DataSource

_ANSWERS_WITHIN_S = 10.0
"""The Hub's own library tries six times over half a minute; one question before tells whether it is there."""


def hub_rows(hub: str, data: DataSource) -> list[Row]:
    """The rows of the data set `hub`, with the split and revision that `data` names. Raises DataError."""
    advice = f", or set {VARIABLE} to a folder that holds {hub}/{data.mirror or ''}"
    refuse_without_hub(hub, data.revision, advice)
    import datasets  # noqa: PLC0415 - takes over a second

    try:
        loaded = datasets.load_dataset(hub, data.subset, revision=data.revision)
    except Exception as error:  # noqa: BLE001 - the library raises of every kind; each is the data's trouble
        if "is a gated dataset" in str(error):
            raise DataError(_gated(hub) + advice) from None
        raise DataError(f"{hub} could not be loaded from the Hub: {_one_line(error)}{advice}") from None
    return [dict(row) for row in loaded[_split(hub, data.split, [str(name) for name in loaded])]]


def _split(hub: str, named: str | None, splits: list[str]) -> str:
    wanted = named or (splits[0] if len(splits) == 1 else None)
    if wanted is None or wanted not in splits:
        raise DataError(f"{hub}: the task should name one of the splits as `split:`: {', '.join(splits)}")
    return wanted


def refuse_without_hub(hub: str, revision: str | None, advice: str) -> None:
    """Ask for the data set's description, once: absent, gated and offline are told apart within seconds."""
    from huggingface_hub import HfApi, constants, errors  # noqa: PLC0415 - takes half a second

    if constants.is_offline_mode():
        return
    try:
        HfApi().dataset_info(hub, revision=revision, timeout=_ANSWERS_WITHIN_S)
    except errors.GatedRepoError:
        raise DataError(_gated(hub) + advice) from None
    except errors.RevisionNotFoundError:
        raise DataError(f"{hub} has no revision {revision} on the Hub") from None
    except errors.RepositoryNotFoundError:
        raise DataError(f"{hub} is not on the Hub, or private: then set HF_TOKEN{advice}") from None
    except Exception as error:  # noqa: BLE001 - whatever the HTTP library raises, the Hub did not answer
        reason = f"the Hub did not answer ({_one_line(error)}); connect to the internet"
        raise DataError(f"{hub}: {reason}, set HF_HUB_OFFLINE=1 to use what is cached{advice}") from None


def _gated(hub: str) -> str:
    """Its description is open to everyone; only loading it tells whether a token is missing."""
    return f"{hub} is gated: accept its terms on the Hub, then set HF_TOKEN"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
