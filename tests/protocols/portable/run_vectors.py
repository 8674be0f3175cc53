"""Read vectors as lines of JSON [kind, case] from standard input; answer each with "ok" or what was wrong.

Streamed, so that a heap of a node's size is enough for any number of them.
"""

import json
import sys

from . import vectors


def main():
    """Serve until the end of the input."""
    for line in sys.stdin:
        kind, case = json.loads(line)
        print(outcome(kind, case))


def outcome(kind, case):
    """Return "ok" or a line that says what failed."""
    try:
        vectors.check(kind, case)
    except Exception as error:
        return repr(error).replace("\n", " ")
    return "ok"
