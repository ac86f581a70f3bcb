"""Work in a worker process, awaited from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from evalbudget.errors import TimeLimitError
from evalbudget.isolation import submit
from evalbudget.records import Failure, FailureKind
from evalbudget.scoring.bfcl.simulated.world import SearchFailedError

T = TypeVar("T")

SECONDS = 20.0
"""For one step on tools that are simulated."""
SEARCH_SECONDS = 180.0
"""For one step that searches the web; the official tool waits without end where its service is busy."""


async def apart(function: Callable[..., T], *arguments: object, seconds: float = SECONDS) -> T | Failure:
    """The function's result, or why there is none: it took too long, ended its process, a search failed."""
    try:
        return await asyncio.wrap_future(submit(function, *arguments, seconds=seconds))
    except SearchFailedError as error:
        return Failure(kind=FailureKind.SERVER, message=str(error), retryable=True)
    except TimeLimitError as error:
        return Failure(kind=FailureKind.SCORER, message=f"the tools that the model called: {error}")
