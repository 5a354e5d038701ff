// Usage: node bytecode.mjs PYODIDE_FOLDER LAYER_FOLDER 3.14
// Compiles every module of the layer. Mounts the layer at /opt, as Lambda does, so that tracebacks name the right paths.
import { pathToFileURL } from "node:url";

const [pyodideFolder, layerFolder, version] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodideFolder}/pyodide.mjs`));
const python = await loadPyodide({ env: { PYTHONHASHSEED: "0" } }); // reproducible bytecode: sets marshal in hash order
python.mountNodeFS("/opt", layerFolder);
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
