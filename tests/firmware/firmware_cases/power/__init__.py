"""Power cuts in the middle of what the journal does with the flash; runs on MicroPython, on its own LittleFS."""
