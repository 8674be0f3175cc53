"""Requests of sinks that speak HTTP: one connection pool a sink, and what the status of an answer means for records."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TYPE_CHECKING

import aiohttp

from paifang.errors import PaifangError
from paifang.keys.files import read_passphrase
from paifang.north.connector import AskedToWait, unreachable
from paifang.north.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paifang.config.sink_http import HttpSinkSettings

ANSWER_MOST = 1 << 22
"""Bytes of an answer that are read."""
AFTER_MOST_S = 3_600.0
"""A far side that wants to be left alone for longer is asked again all the same."""
SHOWN = 200
"""Characters of an answer that an error shows."""
_MS_OF_S = 1_000


class Meaning(Enum):
    DONE = "done"
    REFUSED = "refused"
    """What was sent is never taken."""
    TOO_LARGE = "too large"
    """As one request."""
    LATER = "later"
    """The far side cannot just now."""
    FORBIDDEN = "forbidden"
    """Nothing is taken from this gateway, until somebody corrects the settings, here or there."""


_MEANINGS = {
    401: Meaning.FORBIDDEN,
    403: Meaning.FORBIDDEN,
    404: Meaning.FORBIDDEN,
    405: Meaning.FORBIDDEN,
    407: Meaning.FORBIDDEN,
    408: Meaning.LATER,
    413: Meaning.TOO_LARGE,
    425: Meaning.LATER,
    429: Meaning.LATER,
}
"""RFC 9110, clause 15; RFC 6585, 8470. A 404 is of the address, which the settings say: no record has one."""
_HINTS = {
    401: "it wants a token: token_file",
    403: "the token of token_file is not enough for it",
    404: "nothing is at that address: look at url",
    405: "something else is at that address: look at url",
}


def meaning(status: int) -> Meaning:
    if 200 <= status < 300:
        return Meaning.DONE
    if 300 <= status < 400:
        return Meaning.FORBIDDEN
    return _MEANINGS.get(status, Meaning.REFUSED if 400 <= status < 500 else Meaning.LATER)


@dataclass(frozen=True, slots=True)
class Answer:
    """`after_s`: how long the far side wants to be left alone; None when it does not say."""

    status: int
    body: bytes
    after_s: float | None = None

    @property
    def meaning(self) -> Meaning:
        return meaning(self.status)

    @property
    def told(self) -> str:
        """For people."""
        text = " ".join(self.body.decode("utf-8", "replace").split())
        return f"{self.status} {text[:SHOWN]}".rstrip()


class HttpClient:
    """Posts to addresses below `url`."""

    def __init__(self, settings: HttpSinkSettings, url: str) -> None:
        self._settings = settings
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    @staticmethod
    def check(settings: HttpSinkSettings, url: str) -> None:
        """Raise PaifangError when a token or a certificate is not to be had."""
        _token(settings)
        tls_context(settings.tls_of(url))

    def open(self, headers: Mapping[str, str]) -> None:
        """`headers` go with each request. Raises PaifangError."""
        context = tls_context(self._settings.tls_of(self._url))
        self._session = aiohttp.ClientSession(
            headers={**headers, **_token(self._settings)},
            connector=aiohttp.TCPConnector(ssl=True if context is None else context),
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout_ms / _MS_OF_S),
            raise_for_status=False,
        )

    async def post(self, path: str, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer, whatever it says. Raises PaifangError when there is none in time."""
        return await self._asked("POST", path, body, {"Content-Type": content_type, **(headers or {})})

    async def look(self) -> None:
        """Raise PaifangError unless somebody answers there, whatever he says: nothing is sent."""
        await self._asked("HEAD", "", b"", {})

    async def probe(self, path: str, content_type: str) -> None:
        """Post an empty list, which changes nothing: whether somebody is there who takes this gateway.

        That a list is empty may be refused. Raises PaifangError.
        """
        answer = await self.post(path, b"[]", content_type)
        if answer.meaning in {Meaning.FORBIDDEN, Meaning.LATER}:
            raise self.problem(answer)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def problem(self, answer: Answer) -> PaifangError:
        """What to raise for an answer that is not about single records."""
        told = f"{self._url} answers {answer.told}"
        hint = _HINTS.get(answer.status, "look at the far side's log")
        if answer.meaning is Meaning.LATER and answer.after_s:
            return AskedToWait(f"{self._settings.name}: {told}", answer.after_s)
        if answer.meaning is Meaning.LATER:
            return unreachable(self._settings.name, told, "it is tried again")
        return PaifangError(f"{self._settings.name}: {told}", hint, code="refused")

    async def _asked(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        assert self._session is not None
        try:
            async with self._session.request(
                method, self._url + path, data=body or None, headers=headers, allow_redirects=False
            ) as response:
                return Answer(response.status, await _body(response), _after_s(response.headers))
        except TimeoutError as error:
            told = f"no answer from {self._url} within {self._settings.timeout_ms} ms"
            raise unreachable(self._settings.name, told) from error
        except aiohttp.ClientError as error:
            raise unreachable(self._settings.name, f"{self._url}: {error}") from error


def _after_s(headers: Mapping[str, str]) -> float | None:
    """Of Retry-After: seconds, or a date, which counts from the answer's own (RFC 9110, 10.2.3)."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return min(float(text), AFTER_MOST_S)
    try:
        wait_s = (parsedate_to_datetime(text) - parsedate_to_datetime(headers["Date"])).total_seconds()
    except (ValueError, TypeError, KeyError):
        return None
    return min(max(wait_s, 0.0), AFTER_MOST_S)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """As much as is read of it: `read(n)` of a stream returns what has come so far."""
    held = bytearray()
    async for part in response.content.iter_any():
        held += part
        if len(held) >= ANSWER_MOST:
            break
    return bytes(held[:ANSWER_MOST])


def _token(settings: HttpSinkSettings) -> dict[str, str]:
    if settings.token_file is None:
        return {}
    return {"Authorization": f"Bearer {read_passphrase(settings.token_file)}"}
