// node bytecode.mjs PYODIDE LAYER 3.14: compiles every module of the layer, as it will lie in /opt.
import { pathToFileURL } from "node:url";

const [pyodide, layer, version] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`));
const python = await loadPyodide({ env: { PYTHONHASHSEED: "0" } });
python.mountNodeFS("/opt", layer);
python.runPython(`
import pathlib, py_compile, sys

assert sys.version.startswith("${version}."), f"the compiler is Python {sys.version}, the runtime ${version}"
for source in sorted(pathlib.Path("/opt").rglob("*.py")):
    py_compile.compile(
        str(source),
        cfile=str(source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"),
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
`);
