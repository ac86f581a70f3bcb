"""Where the official simulated APIs lie: in PyPI's bfcl-eval, installed without its dependencies."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from evalbudget.errors import InputError

RELEASES = {"v3": "2025.8.6", "v4": "2026.3.23"}
"""Version of BFCL → the release of bfcl-eval whose data, function documents and classes belong to it.

Later releases than the first hold v4's classes, and these behave differently on v3's questions (`cd`, `echo`,
the trading and the travel API), so v3 takes its classes from the last release before.
"""

VARIABLE = "EVALBUDGET_BFCL_V3"
"""Names the folder that holds v3's release, beside v4's in the environment."""


def package(version: str) -> Path:
    """The folder `bfcl_eval` with the classes of BFCL `version`, v3 or v4. Raises InputError without one."""
    for folder in _places(version):
        if (folder / "data" / f"BFCL_{version}_multi_turn_base.json").is_file():
            return folder
    raise InputError(f"BFCL {version} needs the official simulated APIs: {_command(version)}")


@cache
def release(version: str) -> str:
    """The release of bfcl-eval that the classes of BFCL `version` come from, or "unknown"."""
    notes = package(version).parent.glob("bfcl_eval-*.dist-info")
    return next(
        (each.name.removeprefix("bfcl_eval-").removesuffix(".dist-info") for each in notes), "unknown"
    )


def check_mathematics() -> None:
    """Raise InputError where mpmath is missing, which the official MathAPI needs."""
    if find_spec("mpmath") is None:
        raise InputError("BFCL's MathAPI needs mpmath: pip install mpmath")


def _places(version: str) -> list[Path]:
    spec = find_spec("bfcl_eval")  # finds, and imports nothing
    installed = [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
    return [_v3_folder() / "bfcl_eval", *installed] if version == "v3" else installed


def _v3_folder() -> Path:
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else Path(sys.prefix) / "bfcl-v3"


def _command(version: str) -> str:
    if version == "v3":
        where = f"--target {_v3_folder()} bfcl-eval=={RELEASES[version]}"
        return f"pip install --no-deps {where} (or into the folder that {VARIABLE} names)"
    return f"pip install --no-deps bfcl-eval=={RELEASES[version]}"
