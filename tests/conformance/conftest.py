"""Makes the reference importable beside the package: it has no build and is only ever used from the source tree."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "protocol" / "reference"))
