"""``python -m wsss.data.check``: another name for ``python -m wsss.check``."""

from __future__ import annotations

import runpy

if __name__ == "__main__":  # by name: this room may not import commands
    runpy.run_module("wsss.check", run_name="__main__", alter_sys=True)
