"""The dependency layer as it is built for Lambda; skipped where the package index cannot be reached."""

import ast
import hashlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.dependencies import LOCK, ROOT, LayerError, build

IN_THE_RUNTIME = {"boto3", "botocore"}


@pytest.fixture(scope="module")
def layer() -> Path:
    """The built layer."""
    try:
        return build("arm64")
    except LayerError as error:
        pytest.skip(f"the dependency layer cannot be built here: {error}")


def test_the_layer_holds_every_module_that_the_functions_import(layer: Path) -> None:
    there = {path.name.partition(".")[0] for path in (layer / "python").iterdir() if path.suffix != ".dist-info"}
    missing = imported() - there - IN_THE_RUNTIME
    assert not missing, f"imported by the functions, but not in the layer: {', '.join(sorted(missing))}"


def test_the_layer_holds_nothing_that_the_runtime_brings(layer: Path) -> None:
    assert not IN_THE_RUNTIME & {path.name for path in (layer / "python").iterdir()}


def test_compiled_modules_are_for_the_runtimes_python_and_processor(layer: Path) -> None:
    compiled = list(layer.rglob("*.so"))
    assert compiled
    for module in compiled:
        assert module.name.endswith((".cpython-314-aarch64-linux-gnu.so", ".abi3.so")), module
        header = module.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert int.from_bytes(header[18:20], "little") == 183, f"{module} is not for aarch64"  # ELF's EM_AARCH64


def test_the_layer_fits_lambda_and_carries_no_bytecode_scripts_or_c_sources(layer: Path) -> None:
    files = [path for path in layer.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 100_000_000
    assert not {path.suffix for path in files} & {".pyc", ".c", ".h", ".pyx"}
    assert not (layer / "python" / "bin").exists()


def test_building_it_again_gives_the_same_bytes(layer: Path, tmp_path: Path) -> None:
    again = build("arm64", tmp_path)
    assert again.name == layer.name
    assert digest(again) == digest(layer)


def test_a_built_layer_is_not_built_again(layer: Path) -> None:
    built = layer.stat().st_ctime_ns
    assert build("arm64") == layer
    assert layer.stat().st_ctime_ns == built


def test_what_is_deployed_is_what_is_tested() -> None:
    tested = pins(ROOT / "requirements.lock")
    deployed = pins(LOCK)
    assert deployed.items() <= tested.items()
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {re.split("[=<]", line)[0].strip() for line in declared} <= deployed.keys()


def pins(lock: Path) -> dict[str, str]:
    """The pinned version of every package in ``lock``, those for some platforms only included."""
    return dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE))


def imported() -> set[str]:
    """The packages, not ours and not Python's own, that are imported anywhere below the handlers."""
    ours = {"scrapersky", *(path.name for path in (ROOT / "functions").iterdir())}
    found: set[str] = set()
    for folder in (ROOT / "functions", ROOT / "layers" / "common" / "python"):
        for file in folder.rglob("*.py"):
            found |= set(imports(ast.parse(file.read_text())))
    return found - ours - sys.stdlib_module_names


def imports(node: ast.AST) -> Iterator[str]:
    """The top packages that are imported below ``node`` when it runs, so not for type checkers only."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from imports(child)


def digest(folder: Path) -> str:
    """A hash of every name and byte in ``folder``."""
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            hashed.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()
