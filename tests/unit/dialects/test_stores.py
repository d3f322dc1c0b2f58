"""Whose files and batches are meant, and where their results are looked for."""

import pytest

from gateway.api.routes import find_store
from gateway.dialects.stores import STORES, choose, linked_here
from gateway.errors import BadRequest, UnservedEndpoint

FILES = STORES["files"]


@pytest.mark.parametrize(
    ("header", "query", "provider", "rest"),
    [
        (b"", b"limit=2", "a", b"limit=2"),
        (b"b", b"limit=2&&x", "b", b"limit=2&&x"),
        (b"", b"provider=b&limit=2", "b", b"limit=2"),
        (b"", b"x=%20&p%72ovider=%62", "b", b"x=%20"),
        (b"b", b"provider=a", "b", b""),
    ],
)
def test_the_header_goes_before_the_query(header: bytes, query: bytes, provider: str, rest: bytes) -> None:
    keepers = ("a", "b") if header or b"=b" in query or b"%62" in query else ("a",)
    headers = {b"x-gateway-provider": header} if header else {}
    chosen = choose(FILES, headers, query, keepers)
    assert (chosen.provider, chosen.query) == (provider, rest)


@pytest.mark.parametrize("headers", [{}, {b"x-gateway-provider": b"nobody"}])
def test_an_open_choice_names_the_candidates(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(BadRequest, match="a, b"):
        choose(FILES, headers, b"", ("a", "b"))


def test_without_a_keeper_nothing_is_chosen() -> None:
    with pytest.raises(UnservedEndpoint, match="message batches"):
        choose(STORES["message_batches"], {}, b"", ())


@pytest.mark.parametrize(
    ("path", "from_anthropic", "store", "rest"),
    [
        (b"/v1/files", False, "files", b""),
        (b"/v1/files/", False, "files", b""),
        (b"/v1/files/a%2Fb/content", True, "anthropic_files", b"/a%2Fb/content"),
        (b"/anthropic/v1/files/x", False, "anthropic_files", b"/x"),
        (b"/openai/v1/batches/b/cancel", False, "batches", b"/b/cancel"),
        (b"/v1/messages/batches", False, "message_batches", b""),
        (b"/v1/responses/resp_1", False, "stored_responses", b"/resp_1"),
    ],
)
def test_paths_of_what_is_kept(path: bytes, from_anthropic: bool, store: str, rest: bytes) -> None:
    assert find_store(path, from_anthropic) == (STORES[store], rest)


@pytest.mark.parametrize(
    "path", [b"/v1/filesystem", b"/v1/responses", b"/v1/responses/compact", b"/v2/files"]
)
def test_other_paths_are_not_kept(path: bytes) -> None:
    assert find_store(path, False) is None


def test_results_are_looked_for_here() -> None:
    body = b'{"results_url" : "https://host/p/v1/messages/batches/b/results", "x": "https://host/v1/files"}'
    assert linked_here(body) == (
        b'{"results_url" : "/v1/messages/batches/b/results", "x": "https://host/v1/files"}'
    )
    assert linked_here(b'{"results_url":null}') == b'{"results_url":null}'
