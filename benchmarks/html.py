"""Extraction from web pages: main content beside other extractors (`html_main.py`), or queries (`html_queries.py`).

    python benchmarks/html.py --data DIR [--json FILE] [--task main|queries|both] [--rows ragkit,trafilatura]
                              [--timed 100] [--held-out FOLDER] [--jobs 1]

`--help` tells what the columns mean.
"""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from pathlib import Path

if __name__ == "__main__":
    from html_main import main

    main()
else:
    # A script's folder comes first where Python looks for modules, so for every script here `import html` finds this
    # file. It gives way to the library's package of that name.
    folder = Path(sysconfig.get_path("stdlib")) / "html"
    spec = importlib.util.spec_from_file_location(
        "html", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"no package html in {folder}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["html"] = module
    spec.loader.exec_module(module)
