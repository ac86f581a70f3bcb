"""The official classes, loaded from bfcl-eval's files one by one.

Importing the package the usual way would import its requirements (`overrides`, `rank_bm25`, filelock, …) and
make folders beside it. Each file is loaded under a name of its own instead, so that the classes of v3 and v4
live side by side, and what it imports from its own package is there only while it loads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any, TypeAlias

from evalbudget.errors import InputError
from evalbudget.scoring.bfcl.simulated.bm25 import BM25Plus
from evalbudget.scoring.bfcl.simulated.sources import package

Instance: TypeAlias = Any
"""An object of an official class."""

FILES: Mapping[str, str] = {
    "GorillaFileSystem": "gorilla_file_system",
    "MathAPI": "math_api",
    "MessageAPI": "message_api",
    "TwitterAPI": "posting_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "VehicleControlAPI": "vehicle_control",
    "MemoryAPI_kv": "memory_kv",
    "MemoryAPI_rec_sum": "memory_rec_sum",
    "WebSearchAPI": "web_search",
}
"""Class → its file, and the file that describes its functions.

Source: bfcl_eval, constants/executable_backend_config.py.
"""

_FOLDER = ("eval_checker", "multi_turn_eval", "func_source_code")
_DOTTED = ".".join(("bfcl_eval", *_FOLDER))


def new_instance(version: str, name: str, *, long_context: bool = False) -> Instance:
    """A fresh instance of the class `name` of BFCL `version`, its scenario not loaded yet.

    Long conversations get additions from tables that the official instances share and change; here each gets
    tables of its own, so that a result never depends on what ran before.
    """
    if name not in FILES:
        raise InputError(f"BFCL has no simulated API {name}; there are: {', '.join(FILES)}")
    module = _class_module(version, FILES[name])
    if long_context:
        vars(module).update(deepcopy(_tables(version, FILES[name])))
    return vars(module)[name]()


@cache
def official_texts(version: str) -> Mapping[str, Any]:
    """The constants of `constants/default_prompts.py`: sentences that the benchmark prescribes."""
    path = package(version) / "constants" / "default_prompts.py"
    return vars(_load(path.as_posix(), f"evalbudget_bfcl_{version}_default_prompts"))


@cache
def _tables(version: str, file: str) -> dict[str, object]:
    module = _class_module(version, file)
    return {
        name: deepcopy(value)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, dict | list)
    }


@cache
def _class_module(version: str, file: str) -> ModuleType:
    if not file.startswith("memory_"):
        with _present({f"{_DOTTED}.long_context": _file(version, "long_context")}):
            return _file(version, file)
    with _present(_what_memory_imports()):
        base = _file(version, "memory_api_metaclass")
        with _present({f"{_DOTTED}.memory_api_metaclass": base}):
            return _file(version, file)


@cache
def _file(version: str, file: str) -> ModuleType:
    path = package(version).joinpath(*_FOLDER, f"{file}.py")
    return _load(path.as_posix(), f"evalbudget_bfcl_{version}_{file}")


def _load(path: str, name: str) -> ModuleType:
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: cannot be loaded")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _what_memory_imports() -> dict[str, ModuleType]:
    """What the memory's files import. Nothing calls the functions: we keep the snapshots."""
    return {
        "overrides": _stand_in("overrides", final=lambda method: method),
        "rank_bm25": _stand_in("rank_bm25", BM25Plus=BM25Plus),
        "bfcl_eval.utils": _stand_in(
            "bfcl_eval.utils",
            get_directory_structure_by_id=_unreachable,
            is_first_memory_prereq_entry=_unreachable,
            is_memory_prereq=_unreachable,
        ),
    }


def _stand_in(name: str, **values: Callable[..., Any]) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(values)
    return module


def _unreachable(*_arguments: object) -> None:
    raise NotImplementedError("the memory's snapshots are not kept by the official classes")


@contextmanager
def _present(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """These modules importable, until the end of the block."""
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
