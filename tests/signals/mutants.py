"""Mistakes somebody could make in the interlock or the monitor: (text as shipped, what stands there instead)."""

from __future__ import annotations

INTERLOCK = {
    "conflicts are not looked at": ("and not moving & site.conflicts[i] and self._is_clear", "and self._is_clear"),
    "conflicts within one tick are not looked at": ("                moving |= 1 << i\n        for", "        for"),
    "intergreens are not looked at": (
        "if waits_for >> j & 1 and self._left[j] > limits",
        "if False and self._left[j] > limits",
    ),
    "intergreens of the other direction": ("limits[count * j + i]:", "limits[count * i + j]:"),
    "an intergreen is a tick short": (
        "self._left[j] > limits[count * j + i]",
        "self._left[j] > limits[count * j + i] + 1",
    ),
    "an intergreen is a tick long": ("self._left[j] > limits[count * j + i]", "self._left[j] >= limits[count * j + i]"),
    "no red-revert": ("if self._left[i] > limits[count * i + i]:", "if False:"),
    "a green ends when it is not asked for": ("if left > 1:", "if left > 1 and (asked or _STAYS[aspect] != 1):"),
    "a green that is asked for ends": ('_STAYS = b"\\x02\\x00\\x01', '_STAYS = b"\\x02\\x00\\x00'),
    "a walk that is asked for ends": ('\\x01\\x00\\x02\\x00\\x00\\x00"', '\\x00\\x00\\x02\\x00\\x00\\x00"'),
    "a pedestrian's rest does not wait": ('\\x01\\x00\\x02\\x00\\x00\\x00"', '\\x01\\x00\\x00\\x00\\x00\\x00"'),
    "amber lasts while it is asked for": ("_STAYS[aspect] + asked >= _STAY", "_STAYS[aspect] + 2 * asked >= _STAY"),
    "every step is a tick short": (
        "self._left[i] = site.ticks[ROW * i + aspect]\n        return aspect",
        "self._left[i] = max(1, site.ticks[ROW * i + aspect] - 1)\n        return aspect",
    ),
    "amber is no movement": ("if RED < aspect < DONT_WALK:", "if RED < aspect < 4 or 4 < aspect < DONT_WALK:"),
    "walk is no movement": ("if RED < aspect < DONT_WALK:", "if RED < aspect < 5:"),
    "red-amber is no movement": ("if RED < aspect < DONT_WALK:", "if 1 < aspect < DONT_WALK:"),
    "flashing runs on without all-red": (
        "            if clock:\n                self._rest()\n",
        "            if clock:\n                self._enter(RUN, 0, REASON_NONE)\n",
    ),
    "all-red is left out at the start": (
        "        elif mode == START_FLASH:\n            self._rest()\n",
        "        elif mode == START_FLASH:\n            self._enter(RUN, 0, REASON_NONE)\n",
    ),
    "all-red is a tick short": ("        if clock > 1:\n", "        if clock > 2:\n"),
    "flashing is left by itself": (
        "            if clock:\n                self._rest()\n            return",
        "            self._rest()\n            return",
    ),
    "a latch is left like a flash": ("        self._leave(FLASH)\n", "        self._leave(self.mode)\n"),
    "to_flash takes a latch back": (
        "LATCHED if latch or self.mode == LATCHED else FLASH",
        "LATCHED if latch else FLASH",
    ),
    "a fault does not latch": (
        "self._flash(LATCHED, fault if is_code else REASON_STATE)",
        "self._flash(FLASH, fault if is_code else REASON_STATE)",
    ),
    "a fault is not looked at": ("        elif fault:\n", "        elif False:\n"),
    "the request is not looked at": ("type(request) is not int or request >> self._count", "False"),
    "more bits than groups": ("request >> self._count:", "request < 0:"),
    "the seal is not looked at": (" and self._left[self._count + _SEAL] == self._total()", ""),
    "any mode will do": ("self.mode <= LATCHED and self._left", "self._left"),
    "asking for flash renews the seal": (
        "        if self._is_sound():\n            self._flash(LATCHED if latch",
        "        if True:\n            self._flash(LATCHED if latch",
    ),
    "the seal is renewed": (
        "        left[seal] = left[seal] + clock - left[self._count] & 0xFFFF\n        left[self._count] = clock\n",
        "        left[self._count] = clock\n        left[seal] = self._total()\n",
    ),
    "what cannot be goes on": ("            if aspect == ILLEGAL:\n                return False\n", ""),
    "conflicts in the state go on": (
        "            if moving >> i & 1 and moving & site.conflicts[i]:\n                return False",
        "            if False:\n                return False",
    ),
    "the start flashes no shorter than asked, but moves": (
        "self._site.flash_ticks if mode == START_FLASH else 0",
        "self._site.flash_ticks",
    ),
}

MONITOR = {
    "a reset forgets without a trip": (
        "        if self.reason:\n            self._begin()\n",
        "        self._begin()\n",
    ),
    "no accumulation": (
        "                self._clean_ms[place] += elapsed\n",
        "                self._bad_ms[place] = 0\n",
    ),
    "clean time is not counted anew": (
        "            if bad >> i & 1:\n                self._clean_ms[place] = 0\n",
        "            if bad >> i & 1:\n",
    ),
    "conflicts in 320 ms": ("_TRIP_MS = (300,", "_TRIP_MS = (321,"),
    "conflicts in 200 ms": ("_TRIP_MS = (300,", "_TRIP_MS = (200,"),
    "amber is no conflict": (
        "        moving = amber | green\n        conflict = 0\n",
        "        moving = green\n        conflict = 0\n",
    ),
    "the matrix counts one way": ("                    self._matrix[j] |= 1 << i\n", "                    pass\n"),
    "red-amber is always legal": ("        if self._options & RED_AMBER:\n", "        if True:\n"),
    "green and red are one indication": ("together | green & (red | amber)", "together | green & amber"),
    "a missing amber goes on": ("            self._trip(NO_AMBER, i)\n", "            pass\n"),
    "a short amber goes on": ("            self._trip(SHORT_AMBER, i)\n", "            pass\n"),
    "an amber of 2.6 s": ("_LEAST_MS = const(2_700)", "_LEAST_MS = const(2_600)"),
    "a short clearance goes on": ("                self._trip(SHORT_CLEARANCE, i)\n", "                pass\n"),
    "clearance counts from the green's beginning": (
        "        if self._shown[i] == _G and self._vehicles >> i & 1:\n",
        "        if False:\n",
    ),
    "a pulse is a change": ("_BEGIN_MS = const(300)", "_BEGIN_MS = const(60)"),
    "a stalled controller goes on": ("            self._trip(STALLED)\n", "            pass\n"),
    "late samples go on": ("            self._trip(LATE)\n", "            pass\n"),
    "one late sample is a conflict": ("        elapsed = min(elapsed, _MOST_MS)\n", "        elapsed = elapsed * 3\n"),
    "the supply latches": (
        "            if self.reason == SUPPLY and not self._options & LATCH_SUPPLY:\n",
        "            if False:\n",
    ),
    "the supply never latches": (
        "            if self.reason == SUPPLY and not self._options & LATCH_SUPPLY:\n",
        "            if self.reason == SUPPLY:\n",
    ),
    "every trip passes by itself": (
        "            if self.reason == SUPPLY and not",
        "            if self.reason and not",
    ),
    "a relay that sticks goes on": ("            self._trip(RELAY)\n", "            pass\n"),
    "the enable does not toggle": (
        "self.enable = 1 - self.enable if self.holds else 0",
        "self.enable = 1 if self.holds else 0",
    ),
    "it holds while tripped": (
        "self.holds = bool(inputs & STEADY) and not self.reason",
        "self.holds = bool(inputs & STEADY)",
    ),
    "it holds while the controller flashes": (
        "self.holds = bool(inputs & STEADY) and not self.reason",
        "self.holds = not self.reason",
    ),
    "what is asked is not compared": ("        if self._expected_red >= 0:\n", "        if False:\n"),
    "the latch is lost with the power": ("        self.reason = latched\n", "        self.reason = 0\n"),
    "the last trip is the reason": (
        "        if not self.reason:\n            self.reason = reason\n",
        "        if True:\n            self.reason = reason\n",
    ),
    "the self-test always passes": (
        "        if not passed:\n            self._trip(SELF_TEST)\n",
        "        passed = True\n",
    ),
    "another matrix goes on": ("        if not same:\n            self._trip(MATRIX)\n", ""),
    "the clock does not wrap": ("(now_ms - self._last_ms) & _CLOCK_MASK", "now_ms - self._last_ms"),
}

EQUIVALENT = {
    "interlock": (
        (
            'self._left = array("H", [0] * (site.count + _EXTRA))',
            'self._left = array("H", [1] * (site.count + _EXTRA))',
            "the next line flashes, which writes every place; the mode that is read before is LATCHED in neither",
        ),
    ),
    "monitor": (
        ("_ROWS = const(4)", "_ROWS = const(5)", "one row of counters more, which no reason uses"),
        (
            "_SATURATED = const(60_000)",
            "_SATURATED = const(60001)",
            "where a counter stops matters to no row: far beyond all their times, and below 65,536",
        ),
        (
            "_SELF_TEST_SAMPLES = const(60)",
            "_SELF_TEST_SAMPLES = const(61)",
            "the self-test looks for 20 ms longer; what trips has done so after 800 ms",
        ),
        (
            'return array("H", [0] * count)',
            'return array("H", [1] * count)',
            "`reset` clears all of them before the first sample",
        ),
        (
            "self._expected_red = self._expected_amber = self._expected_green = -1",
            "self._expected_red = self._expected_amber = self._expected_green = -2",
            "any negative number says that nothing is known",
        ),
        ("self._last_ms = -1", "self._last_ms = -2", "any negative number says that there was no sample"),
        (
            "place = row * self._count + i",
            "place = row * self._count - i",
            "another order of the same counters: places below 0 count from the end, and no two of them meet",
        ),
        (
            "self._ended_ms[i] = 0",
            "self._ended_ms[i] = 1",
            "as long as the green is shown; both are far below 2.7 s, and the green's end sets it anew",
        ),
        (
            "self._seen[i] = self._shown[i] = 0",
            "self._seen[i] = self._shown[i] = 1",
            "red instead of nothing yet: what may begin or end after the one may after the other, and as soon",
        ),
        (
            "self._seen_ms[i] = self._amber_ms[i] = 0",
            "self._seen_ms[i] = self._amber_ms[i] = 1",
            "the first lamp that is lit sets the one anew, the first amber the other",
        ),
    ),
}
"""Changes that mutmut makes and nothing can find: (line, changed line, the reason)."""
