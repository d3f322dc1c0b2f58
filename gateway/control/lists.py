"""Asks one provider for its list of models, with bounds on everything that it can send.

Only the operator's base URL is asked: redirects are not followed, proxies of the environment not used, and the
credential stands in a header alone.
"""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from gateway.config import Config, ProviderConfig
from gateway.providers.address import parse_base_url, path_for
from gateway.providers.offers import FIRST_QUERY, MOST_MODELS, BadList, Offer, read_page
from gateway.providers.provider import Provider, Serving
from gateway.providers.registry import vendor_of
from gateway.upstream.connection import tls_context

if TYPE_CHECKING:
    import httpx

LARGEST_PAGE = 4 << 20
MOST_PAGES = 20
SILENCE = 10.0
"""Seconds to connect, and between two reads."""
WHOLE = 60.0
"""Seconds for all pages together."""

Headers = tuple[tuple[bytes, bytes], ...]


class Source(msgspec.Struct, frozen=True):
    """Where a provider's list is: `address` names whose it is, `url` is asked, with each of `credentials` in turn."""

    provider: str
    address: str
    url: str
    dialect: str
    credentials: tuple[Headers, ...]
    verify_tls: bool = True
    ca_file: str | None = None


class ListFailed(Exception):
    """No list was had, and why. `status` is the answer's, 0 where there was none."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


def sources(config: Config) -> list[Source]:
    """Every configured provider that has a list, and whose models the operator did not list."""
    found = []
    for name, given in config.providers.items():
        vendor = vendor_of(name, given.type, given.base_url or "")
        if vendor is None or not vendor.lists_models or not given.discover or given.models:
            continue
        if not given.keys and not vendor.keyless:
            continue  # its credentials are lent to those who serve requests
        serving = vendor.serving("models")
        if serving is not None:
            found.append(_source(given, vendor, serving))
    return found


def _source(given: ProviderConfig, vendor: Provider, serving: Serving) -> Source:
    address = given.base_url or vendor.base_url
    base = parse_base_url(address)
    path = path_for(
        vendor, serving, base_url=given.base_url or "", api_version=given.api_version or ""
    ).before
    auth = vendor.auth_for(serving)
    fixed = [(name.encode(), value.encode()) for name, value in vendor.headers_for(serving)]
    fixed += [(name.encode(), value.reveal().encode("latin-1")) for name, value in given.headers.items()]
    return Source(
        given.name,
        address,
        f"{'https' if base.tls else 'http'}://{base.authority}{path}",
        serving.dialect,
        tuple((*auth.headers(key.value.reveal()), *fixed) for key in given.keys) or (tuple(fixed),),
        given.verify_tls,
        given.ca_file,
    )


async def fetch(source: Source) -> dict[str, Offer]:
    """The provider's models, at most MOST_MODELS. Raises ListFailed; its text has nothing that the provider sent."""
    import httpx

    verify = tls_context(source.verify_tls, source.ca_file) if source.url.startswith("https:") else False
    try:
        async with (
            asyncio.timeout(WHOLE),
            httpx.AsyncClient(
                verify=verify, timeout=SILENCE, trust_env=False, follow_redirects=False
            ) as client,
        ):
            return await _with_any(client, source)
    except BadList as error:
        raise ListFailed(str(error)) from None
    except TimeoutError:
        raise ListFailed(f"it took longer than {WHOLE:.0f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ListFailed(type(error).__name__) from None


async def _with_any(client: "httpx.AsyncClient", source: Source) -> dict[str, Offer]:
    """With the first key that is let in."""
    for headers in source.credentials[:-1]:
        try:
            return await _pages(client, source, headers)
        except ListFailed as error:
            if error.status not in (401, 403):
                raise
    return await _pages(client, source, source.credentials[-1])


async def _pages(client: "httpx.AsyncClient", source: Source, headers: Headers) -> dict[str, Offer]:
    found: dict[str, Offer] = {}
    query = FIRST_QUERY.get(source.dialect, "")
    asked: set[str] = set()
    while len(asked) < MOST_PAGES and len(found) < MOST_MODELS:
        asked.add(query)
        page = read_page(source.dialect, await _body(client, _with_query(source.url, query), headers))
        for name, offer in page.offers.items():
            if len(found) < MOST_MODELS:
                found.setdefault(name, offer)
        query = page.following
        if not query or query in asked:
            break
    return found


def _with_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


async def _body(client: "httpx.AsyncClient", url: str, headers: Headers) -> bytes:
    """The body as it is sent: what says that it is compressed is refused, since it may be a bomb."""
    asked = [
        *headers,
        (b"user-agent", b"ai-gateway"),
        (b"accept", b"application/json"),
        (b"accept-encoding", b"identity"),
    ]
    async with client.stream("GET", url, headers=asked) as response:
        if response.status_code != 200:
            raise ListFailed(f"it answered {response.status_code}", response.status_code)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise ListFailed("its answer is compressed, though it was not asked to be")
        parts = []
        size = 0
        async for part in response.aiter_raw():
            size += len(part)
            if size > LARGEST_PAGE:
                raise ListFailed(f"its answer is larger than {LARGEST_PAGE >> 20} MiB")
            parts.append(part)
        return b"".join(parts)
