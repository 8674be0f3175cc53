"""A reader of the part of CDDL (RFC 8610) that wire.cddl uses, strict where pycddl 0.6 lets wrong items pass.

pycddl takes a map for a uint inside an array, an integer for a sized string and any key beside a `.le`; this judge does
not, so that code and grammar can be held against each other item by item.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Judge = Callable[[Any], bool]

_TOKENS = re.compile(r'"[^"]*"|-?\d+|=>|\.\.|\.[a-z]+|[A-Za-z][\w-]*|[\[\]{}(),:/*]')
_RULE = re.compile(r"^([a-z][\w-]*) = ", re.MULTILINE)

_PRELUDE: dict[str, Judge] = {
    "uint": lambda item: type(item) is int and 0 <= item < 2**64,
    "int": lambda item: type(item) is int and -(2**64) <= item < 2**64,
    "bytes": lambda item: type(item) is bytes,
    "tstr": lambda item: type(item) is str,
    "bool": lambda item: type(item) is bool,
    "null": lambda item: item is None,
    "any": lambda _: True,
}
_CONTROLS: dict[str, Callable[[Any, int, int], bool]] = {
    ".size": lambda item, low, high: low <= len(item.encode() if isinstance(item, str) else item) <= high,
    ".ge": lambda item, low, _: item >= low,
    ".le": lambda item, _, high: item <= high,
}


class Grammar:
    """The rules of a CDDL text. `fits(rule, item)` tells whether a decoded item is what the rule says."""

    def __init__(self, text: str) -> None:
        text = re.sub(r";.*", "", text)
        parts = _RULE.split(text)[1:]
        self._bodies = dict(zip(parts[::2], parts[1::2], strict=True))
        self._judges: dict[str, Judge] = dict(_PRELUDE)
        for name, body in self._bodies.items():
            self._judges[name] = _Reader(_TOKENS.findall(body), self._judges).whole()

    def fits(self, rule: str, item: Any) -> bool:
        """Judge one decoded item."""
        return self._judges[rule](item)


class _Reader:
    """Turns the tokens of one rule into a judge, by recursive descent (RFC 8610 appendix B)."""

    def __init__(self, tokens: list[str], rules: dict[str, Judge]) -> None:
        self._tokens = tokens
        self._rules = rules

    def whole(self) -> Judge:
        judge = self._type()
        assert not self._tokens, self._tokens
        return judge

    def _take(self, token: str) -> bool:
        if self._tokens and self._tokens[0] == token:
            self._tokens.pop(0)
            return True
        return False

    def _type(self) -> Judge:
        choices = [self._controlled()]
        while self._take("/"):
            choices.append(self._controlled())
        return lambda item: any(choice(item) for choice in choices)

    def _controlled(self) -> Judge:
        judge = self._primary()
        if not (self._tokens and self._tokens[0] in _CONTROLS):
            return judge
        control = _CONTROLS[self._tokens.pop(0)]
        in_brackets = self._take("(")
        low, high = self._range()
        assert self._take(")") == in_brackets
        return lambda item: judge(item) and control(item, low, high)

    def _range(self) -> tuple[int, int]:
        low = int(self._tokens.pop(0))
        return low, int(self._tokens.pop(0)) if self._take("..") else low

    def _primary(self) -> Judge:
        if self._take("["):
            return self._array()
        if self._take("{"):
            return self._map()
        token = self._tokens[0]
        if token.lstrip("-").isdigit():
            low, high = self._range()
            return lambda item: type(item) is int and low <= item <= high
        self._tokens.pop(0)
        if token[0] == '"':
            return lambda item: item == token[1:-1]
        rules = self._rules
        return lambda item: rules[token](item)  # noqa: PLW0108 - the rule may stand further down

    def _array(self) -> Judge:
        """Entries `name: type`, or `1*8 type`, `*8 type` and `* type` for the only, repeated, entry."""
        if "*" in self._tokens[:2]:
            least = 0 if self._tokens[0] == "*" else int(self._tokens.pop(0))
            self._tokens.pop(0)
            most = int(self._tokens.pop(0)) if self._tokens[0].isdigit() else 2**64
            each = self._type()
            assert self._take("]")
            return lambda item: type(item) is list and least <= len(item) <= most and all(map(each, item))
        entries: list[Judge] = []
        while not self._take("]"):
            if len(self._tokens) > 1 and self._tokens[1] == ":":
                del self._tokens[:2]
            entries.append(self._type())
            self._take(",")
        return lambda item: (
            type(item) is list
            and len(item) == len(entries)
            and all(judge(one) for judge, one in zip(entries, item, strict=True))
        )

    def _map(self) -> Judge:
        """Entries `1: type`, or `* key => type` for the only, repeated, entry."""
        if self._take("*"):
            key_judge = self._type()
            assert self._take("=>")
            value_judge = self._type()
            assert self._take("}")
            return lambda item: type(item) is dict and all(key_judge(k) and value_judge(v) for k, v in item.items())
        entries: dict[int, Judge] = {}
        while not self._take("}"):
            label = int(self._tokens.pop(0))
            assert self._take(":")
            entries[label] = self._type()
            self._take(",")
        return lambda item: (
            type(item) is dict and item.keys() == entries.keys() and all(entries[k](v) for k, v in item.items())
        )
