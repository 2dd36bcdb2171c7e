"""``python -m wsss.pipelines.status``, see `wsss.cluster.status`."""

from __future__ import annotations

import sys

from wsss.cluster.status import main

if __name__ == "__main__":
    sys.exit(main())
