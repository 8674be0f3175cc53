"""The lines of the control socket, without the socket.

    request   {"id": 1, "op": "nodes.list", "args": {...}}
    item      {"id": 1, "item": ...}                           any number, for a stream
    success   {"id": 1, "ok": true, "result": ...}             null at the end of a stream
    failure   {"id": 1, "ok": false, "error": {"code": ..., "message": ..., "hint": ..., "exit_code": ...}}

The id is the caller's own number; a failure that belongs to no request has the id null.
"""

import json
from dataclasses import dataclass
from typing import Any, cast

from paifang.errors import EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE, PaifangError

REQUEST_LIMIT_BYTES = 64 * 1024
"""A request is a few names and numbers; anything longer is a mistake or an attack."""

_REQUEST_KEYS = {"id", "op", "args"}


@dataclass(frozen=True, slots=True)
class Request:
    id: int
    op: str
    args: dict[str, Any]


class MalformedRequestError(PaifangError):
    """A line that is no request; `request_id` is its id, if it had a usable one."""

    def __init__(self, message: str, request_id: int | None = None) -> None:
        super().__init__(message, 'send {"id": 1, "op": "status", "args": {}}', code="malformed", exit_code=EXIT_USAGE)
        self.request_id = request_id


class RemoteError(PaifangError):
    """What the gateway answered instead of a result."""


class UnreachableError(PaifangError):
    """No gateway answers, or it does not let this user in."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint, code="unreachable", exit_code=EXIT_UNREACHABLE)


def parse_request(line: bytes) -> Request:
    """A request from its line; MalformedRequestError says what is wrong with it."""
    try:
        found: object = json.loads(line)
    except ValueError as error:
        raise MalformedRequestError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise MalformedRequestError("nested too deeply") from error
    if not isinstance(found, dict):
        raise MalformedRequestError("a request is a JSON object")
    request = cast("dict[str, Any]", found)
    number = request.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise MalformedRequestError('"id" must be a whole number')
    op, args = request.get("op"), request.get("args", {})
    if not isinstance(op, str) or not isinstance(args, dict):
        raise MalformedRequestError('"op" must be text and "args" an object', number)
    unknown = sorted(request.keys() - _REQUEST_KEYS)
    if unknown:
        raise MalformedRequestError(f'unknown key "{unknown[0]}" beside "id", "op" and "args"', number)
    if b"\\u" in line and not _is_text(request):
        raise MalformedRequestError("half a surrogate pair is no text", number)
    return Request(number, op, cast("dict[str, Any]", args))


def _is_text(value: object) -> bool:
    r"""No text in it is what UTF-8 has no bytes for: JSON lets "\ud800" through, and no file, name or node takes it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def request_line(request: Request) -> bytes:
    return _line({"id": request.id, "op": request.op, "args": request.args})


def item_line(request_id: int, item: object) -> bytes:
    return _line({"id": request_id, "item": item})


def result_line(request_id: int, result: object) -> bytes:
    return _line({"id": request_id, "ok": True, "result": result})


def error_line(request_id: int | None, error: PaifangError) -> bytes:
    detail = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
    return _line({"id": request_id, "ok": False, "error": detail})


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of the gateway: an item of a stream, or (`last`) the result of the request, or its `error`."""

    id: int | None
    value: Any = None
    last: bool = True
    error: PaifangError | None = None


def parse_answer(line: bytes) -> Answer:
    """An answer from its line; its error is a RemoteError, or UnreachableError if no gateway wrote the line."""
    try:
        found = json.loads(line)
        if "item" in found:
            return Answer(found["id"], found["item"], last=False)
        if found["ok"]:
            return Answer(found["id"], found["result"])
        error = found["error"]
        exit_code = error.get("exit_code", EXIT_REFUSED)
        refused = RemoteError(error["message"], error.get("hint", ""), code=error["code"], exit_code=exit_code)
        return Answer(found["id"], error=refused)
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"what answers is no gateway: {line[:80]!r}"
        return Answer(None, error=UnreachableError(message, "look at the socket's path in gateway.toml"))


def _line(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair, which JSON may hold and UTF-8 may not, becomes its escape again.
    return text.encode(errors="backslashreplace") + b"\n"
