"""Telegrams that meters push as text: DSMR's P1 port and IEC 62056-21 mode D."""
