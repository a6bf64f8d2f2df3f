"""What a web server loads before its first request: heavy libraries wait until something needs them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Each takes a tenth of a second or more, and memory in every process.
HEAVY = ("scipy", "weasyprint", "aioboto3", "openai", "sentry_sdk", "opentelemetry", "inflect")


def test_a_web_server_loads_no_library_that_only_jobs_need() -> None:
    script = f"import sys, app; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
