"""The dependency layer as it is built for Lambda. Skipped if the package index cannot be reached."""

import _imp
import ast
import hashlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import ROOT, bytecode
from infra.dependencies import LOCK, PYTHON, LayerError, build

MAGIC = (3627).to_bytes(2, "little") + b"\r\n"
"""Magic number of Python 3.14's bytecode (CPython, Include/internal/pycore_magic_number.h)."""

EVERYTHING = """
import importlib, json, pathlib, sys
for folder in ("functions", "layers/common/python"):
    for file in sorted(pathlib.Path(folder).rglob("*.py")):
        name = ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        if ".migrations." not in name:
            importlib.import_module(name)
importlib.import_module("scrapersky.aws").client("s3")
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.fixture(scope="module")
def layer() -> Path:
    """Return the built layer."""
    try:
        return build("arm64")
    except LayerError as error:
        pytest.skip(f"the dependency layer cannot be built here: {error}")


def test_the_layer_contains_every_module_that_the_functions_import(layer: Path) -> None:
    there = {path.name.partition(".")[0] for path in packages(layer)}
    missing = imported() - there
    assert not missing, f"imported by the functions, but not in the layer: {', '.join(sorted(missing))}"


def test_the_layer_contains_only_imported_packages(layer: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", EVERYTHING],
        cwd=ROOT,
        env={
            "PYTHONPATH": "functions:layers/common/python",
            "AWS_DEFAULT_REGION": "eu-west-1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    there = {path.name.partition(".")[0] for path in packages(layer)}
    assert there - set(json.loads(ran.stdout)) == set()


def test_extension_modules_match_the_runtimes_python_and_processor(layer: Path) -> None:
    compiled = list(layer.rglob("*.so"))
    assert compiled
    for module in compiled:
        assert module.name.endswith((".cpython-314-aarch64-linux-gnu.so", ".abi3.so")), module
        header = module.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert int.from_bytes(header[18:20], "little") == 183, f"{module} is not for aarch64"  # ELF's EM_AARCH64


def test_the_layer_fits_lambdas_limits_and_has_no_scripts_stubs_or_c_sources(layer: Path, tmp_path: Path) -> None:
    files = [path for path in layer.rglob("*") if path.is_file()]
    assert not {path.suffix for path in files} & {".c", ".h", ".pyx", ".pyi"}
    assert not (layer / "python" / "bin").exists()
    assert sum(path.stat().st_size for path in files) < 100_000_000
    with zipfile.ZipFile(tmp_path / "layer.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(layer))
    assert (tmp_path / "layer.zip").stat().st_size < 26_000_000


def test_every_module_has_unchecked_bytecode_of_the_runtimes_python(layer: Path) -> None:
    if not bytecode.find_compiler():
        pytest.skip("the compiler (pyodide) is not in node_modules and cannot be installed")
    sources = sorted(layer.rglob("*.py"))
    assert sources
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-{PYTHON.replace('.', '')}.pyc"
        header = compiled.read_bytes()[:16]
        assert header[:4] == MAGIC
        assert header[4:8] == b"\x01\0\0\0", f"{compiled} is checked against its source"  # PEP 552
        assert header[8:] == _imp.source_hash(int.from_bytes(MAGIC, "little"), source.read_bytes()), compiled
    assert len(list(layer.rglob("*.pyc"))) == len(sources)


def test_two_builds_give_the_same_bytes(layer: Path, tmp_path: Path) -> None:
    again = build("arm64", tmp_path)
    assert again.name == layer.name
    assert digest(again) == digest(layer)


def test_an_existing_layer_is_not_rebuilt(layer: Path) -> None:
    built = layer.stat().st_ctime_ns
    assert build("arm64") == layer
    assert layer.stat().st_ctime_ns == built


def test_deployed_dependencies_have_the_tested_versions() -> None:
    tested = pins(ROOT / "requirements.lock")
    deployed = pins(LOCK)
    assert deployed.items() <= tested.items()
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {re.split("[=<]", line)[0].strip() for line in declared} <= deployed.keys()


def packages(layer: Path) -> list[Path]:
    """Return the packages and top-level modules in ``layer``."""
    return [path for path in (layer / "python").iterdir() if path.suffix != ".dist-info" and path.name != "__pycache__"]


def pins(lock: Path) -> dict[str, str]:
    """Return the pinned version of every package in ``lock``, including those with platform markers."""
    return dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE))


def imported() -> set[str]:
    """Return the third-party packages that the functions and the common layer import."""
    ours = {"scrapersky", *(path.name for path in (ROOT / "functions").iterdir())}
    found: set[str] = set()
    for folder in (ROOT / "functions", ROOT / "layers" / "common" / "python"):
        for file in folder.rglob("*.py"):
            found |= set(imports(ast.parse(file.read_text())))
    return found - ours - sys.stdlib_module_names


def imports(node: ast.AST) -> Iterator[str]:
    """Yield the top-level packages that ``node`` imports at run time (not under TYPE_CHECKING)."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from imports(child)


def digest(folder: Path) -> str:
    """Return a hash of all file names and contents in ``folder``."""
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            hashed.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()
