"""Pages of real sockets: connections that stay open, limits, and a key that goes nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from evalbudget.probes.pages import TROUBLES, Page, Pages
from tests.endpoints.hostile import Call, Handler, Hostile, serving

KEY = "sk-secret-0123456789"
T = TypeVar("T")


def fetched(handler: Handler, use: Callable[[Pages], Awaitable[T]]) -> tuple[T, Hostile]:
    """What `use` makes of a server with this handler."""

    async def go() -> tuple[T, Hostile]:
        async with serving(handler) as server:
            pages = Pages(server.url, KEY)
            try:
                return await use(pages), server
            finally:
                await pages.close()

    return asyncio.run(go())


async def empty(call: Call) -> None:
    await call.reply({})


def test_pages_of_one_server_share_a_connection() -> None:
    async def use(pages: Pages) -> None:
        for _ in range(5):
            assert await pages.get_json("/x", 5) == {}

    _, server = fetched(empty, use)
    assert (len(server.calls), server.connections) == (5, 1)


def test_a_connection_that_the_server_closed_is_opened_again() -> None:
    async def handler(call: Call) -> None:
        await call.reply({})
        call.hang_up = True

    async def use(pages: Pages) -> list[object]:
        return [await pages.get_json("/x", 5) for _ in range(3)]

    assert fetched(handler, use)[0] == [{}, {}, {}]


def test_closed_pages_open_anew() -> None:
    async def use(pages: Pages) -> object:
        await pages.close()
        await pages.get_json("/x", 5)
        await pages.close()
        await pages.close()
        return await pages.get_json("/x", 5)

    assert fetched(empty, use)[0] == {}


def test_the_key_follows_no_redirect() -> None:
    async def elsewhere(call: Call) -> None:
        await call.reply({})

    async def go() -> tuple[Page, int]:
        async with serving(elsewhere) as other:

            async def handler(call: Call) -> None:
                await call.reply({}, "307 Temporary Redirect", f"location: {other.url}/stolen\r\n")

            async with serving(handler) as server:
                pages = Pages(server.url, KEY)
                page = await pages.get(pages.root + "/x", 5)
                assert await pages.told("/x", 5, {"a": 1}) is None
                await pages.close()
                return page, len(other.calls)

    page, calls = asyncio.run(go())
    assert (page.status, page.json, calls) == (307, None, 0)


def test_a_document_is_posted() -> None:
    async def handler(call: Call) -> None:
        await call.reply([call.method, call.path, call.json])

    async def use(pages: Pages) -> object:
        return await pages.told("/api/show", 5, {"model": "m"})

    assert fetched(handler, use)[0] == ["POST", "/api/show", {"model": "m"}]


def test_a_cookie_is_not_kept() -> None:
    async def handler(call: Call) -> None:
        await call.reply({"sent": call.headers.get("cookie")}, headers="set-cookie: a=b\r\n")

    async def use(pages: Pages) -> object:
        await pages.get_json("/x", 5)
        return await pages.get_json("/x", 5)

    assert fetched(handler, use)[0] == {"sent": None}


def test_a_page_without_end_is_left_after_its_bound() -> None:
    async def handler(call: Call) -> None:
        await call.begin_stream()
        while True:
            await call.send(b"x" * 2**20)

    async def use(pages: Pages) -> None:
        with pytest.raises(ValueError, match="8388608 bytes"):
            await pages.get(pages.root, 60)

    _, server = fetched(handler, use)
    assert server.left.is_set()


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_page_that_never_comes_is_given_up(method: str) -> None:
    async def handler(call: Call) -> None:
        await asyncio.sleep(60)

    async def use(pages: Pages) -> None:
        with pytest.raises(TROUBLES):
            if method == "get":
                await pages.get(pages.root, 0.05)
            else:
                await pages.post(pages.root, {}, 0.05)
        assert await pages.told("/x", 0.05) is None

    fetched(handler, use)


@pytest.mark.parametrize(
    ("status", "text", "told"),
    [
        (200, '{"a": 1}', {"a": 1}),
        (200, "a 1\n", "a 1\n"),
        (200, "<html></html>", "<html></html>"),
        (200, '"{}"', "{}"),
        (200, "[" * 100_000, "[" * 100_000),
        (200, "9" * 100_000, "9" * 100_000),
        (404, '{"a": 1}', None),
        (500, "oops", None),
    ],
)
def test_what_is_told_is_the_document_or_the_text(status: int, text: str, told: object) -> None:
    assert Page(status=status, text=text).told == told


@pytest.mark.parametrize(
    ("base", "root"),
    [
        ("http://me:secret@h:8000/v1", "http://h:8000"),
        ("https://h/api/v1/?key=secret", "https://h/api"),
        ("http://h/x", "http://h/x"),
    ],
)
def test_the_root_names_no_user_and_no_key(base: str, root: str) -> None:
    assert Pages(base).root == root
