"""Show notebooks as pages: cells as Markdown and code, outputs as they are stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace every notebook with a page."""
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        assert file.abs_src_path is not None
        page = "\n\n".join(_cells(Path(file.abs_src_path)))
        files.append(
            File.generated(config, str(Path(file.src_uri).with_suffix(".md")), content=page)
        )
    return files


def _cells(path: Path) -> Iterator[str]:
    notebook: Any = nbformat.reads(path.read_text(), as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell.source
        elif cell.cell_type == "code":
            yield f"```python\n{cell.source}\n```"
            yield from _outputs(cell.outputs)


def _outputs(outputs: Sequence[Any]) -> Iterator[str]:
    """Printed text as one block, then figures."""
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    if printed:
        yield f"```text\n{printed.rstrip()}\n```"
    for output in outputs:
        if figure := output.get("data", {}).get("image/png"):
            yield f"![figure](data:image/png;base64,{figure.strip()})"
