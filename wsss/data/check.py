"""``python -m wsss.data.check``, the older name of ``python -m wsss.check``."""

from __future__ import annotations

import runpy

if __name__ == "__main__":  # run by name, since commands stand above the library
    runpy.run_module("wsss.check", run_name="__main__", alter_sys=True)
