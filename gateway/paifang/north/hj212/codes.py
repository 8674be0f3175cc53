"""The numbers of HJ 212-2017, tables 3, 5, 6 and 9, and of HJ 212-2025 where they are certain."""

from __future__ import annotations

ACK_WANTED = 0b01
"""Flag, bit 0: the other side shall confirm."""
PARTED = 0b10
"""Flag, bit 1: PNUM and PNO are there."""
VERSION_SHIFT = 2
"""Flag, bits 2 to 7: the version."""
VERSIONS = {"2005": 0, "2017": 1, "2025": 2}

SYSTEM = "91"
"""ST of what is between logger and bureau only."""

GET_TIME, SET_TIME = "1011", "1012"
GET_INTERVAL, SET_INTERVAL = "1061", "1062"
REAL_TIME, STOP_REAL_TIME = "2011", "2012"
REQUEST_ANSWER, RESULT, NOTICE_ACK, DATA_ACK = "9011", "9012", "9013", "9014"
HEARTBEAT = "9015"
"""2025. Bureaus of surface water ask for it with their older version, too."""
ANSWERS = frozenset({REQUEST_ANSWER, RESULT, NOTICE_ACK, DATA_ACK, HEARTBEAT})
"""What nobody answers."""

READY, NOT_READY = "1", "2"
WRONG_PASSWORD, WRONG_MN, WRONG_ST, WRONG_FLAG, WRONG_QN, WRONG_CN, WRONG_CRC = "3", "4", "5", "6", "7", "8", "9"
REQUEST_ANSWERS = {
    READY: "ready",
    NOT_READY: "refused",
    WRONG_PASSWORD: "wrong password (PW)",
    WRONG_MN: "wrong device (MN)",
    WRONG_ST: "wrong system (ST)",
    WRONG_FLAG: "wrong Flag",
    WRONG_QN: "wrong QN",
    WRONG_CN: "wrong command (CN)",
    WRONG_CRC: "wrong CRC",
    "100": "unknown error",
}
"""QnRtn -> what it says."""
DONE, FAILED = "1", "2"
"""ExeRtn."""

NOT_COMPUTABLE = "9999.99"
"""HJ 212-2025, 8.1.1 d): stands where a value should be and cannot be computed."""
