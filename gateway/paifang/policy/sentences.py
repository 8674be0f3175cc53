"""What a person asks the policy: PERSON ACTION NODE [POINT] [VALUE] [for PERSON] [at [DAY] TIME]."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from paifang.config.explain import nearest
from paifang.errors import PaifangError, bad_argument
from paifang.policy.ask import Ask
from paifang.policy.names import ACTIONS, WEEKDAYS

GRAMMAR = "PERSON ACTION NODE [POINT] [VALUE] [for PERSON] [at [DAY] TIME]"

_SWITCH = {"on": 1, "off": 0, "true": 1, "false": 0}
_TIME_EXPECTED = 'a time such as "22:00", "sat 22:00" or "2026-11-21 22:00"'


def parse_ask(text: str, now: datetime) -> Ask:
    """The question of a sentence; `now` in the policy's zone. PaifangError saying what does not fit."""
    words = text.split()
    words, moment = _cut(words, "at")
    words, others = _cut(words, "for")
    if not 3 <= len(words) <= 5 or (others is not None and len(others) != 1):
        raise bad_argument(f"cannot read {text!r}: expected {GRAMMAR}", 'as in "alice operate relay-7 on at 22:00"')
    person, action, node, *rest = words
    if action not in ACTIONS:
        near = nearest(action, ACTIONS)
        hint = f'did you mean "{near}"?' if near else f"there are {', '.join(ACTIONS)}"
        raise bad_argument(f'there is no action "{action}"', hint)
    time = now if moment is None else _time(" ".join(moment), now)
    requester = others[0] if others else None
    ask = Ask(person, action=action, node=node, utc_ms=round(time.timestamp() * 1000), requester=requester)
    return _with_point(ask, rest)


def _cut(words: Sequence[str], mark: str) -> tuple[list[str], list[str] | None]:
    """What stands before a word, and what behind it (None where the word is not)."""
    place = next((place for place, word in enumerate(words) if word == mark and place >= 3), None)
    return (list(words), None) if place is None else (list(words[:place]), list(words[place + 1 :]))


def _with_point(ask: Ask, rest: Sequence[str]) -> Ask:
    values = [_value(word) for word in rest]
    if len(rest) == 2 and values[1] is None:
        raise _no_value(rest[1])
    if len(rest) == 1 and values[0] is not None:
        return replace(ask, value=values[0])
    return replace(ask, point="".join(rest[:1]), value=values[1] if len(values) == 2 else None)


def _value(word: str) -> int | None:
    if word in _SWITCH:
        return _SWITCH[word]
    try:
        return int(word)
    except ValueError:
        return None


def _no_value(word: str) -> PaifangError:
    return bad_argument(f'"{word}" is no value', "on, off, or a whole number as the node counts: 231.5 V is 2315")


def _time(text: str, now: datetime) -> datetime:
    """The next such time of day, or the one of a date; in the zone of `now`."""
    *day, clock = text.split() or [""]
    try:
        hour_minute = datetime.strptime(clock, "%H:%M").time()  # noqa: DTZ007 - a time of day has no zone
        if not day:
            date = now.date()
        elif day[0] in WEEKDAYS:
            date = now.date() + timedelta(days=(WEEKDAYS.index(day[0]) - now.weekday()) % 7)
        else:
            date = datetime.strptime(day[0], "%Y-%m-%d").date()  # noqa: DTZ007 - nor has a date
        if len(day) > 1:
            raise ValueError
    except ValueError as error:
        raise bad_argument(f'"{text}" is no time', f"expected {_TIME_EXPECTED}") from error
    return datetime.combine(date, hour_minute, now.tzinfo)
