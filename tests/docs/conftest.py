"""Makes `cookbook`, which does a page as it is written, importable here."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
