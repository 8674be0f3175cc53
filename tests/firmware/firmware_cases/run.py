"""Runs one module of cases on MicroPython and prints, for each, `== name ok` or `== name` and the traceback."""

import gc
import sys


def main(name):
    module = __import__("firmware_cases." + name, None, None, ("",))
    for function in sorted([entry for entry in dir(module) if entry.startswith("test_")]):
        gc.collect()
        try:
            getattr(module, function)()
            print("\n==", function, "ok")
        except Exception as error:
            print("\n==", function, "failed")
            sys.print_exception(error, sys.stdout)
