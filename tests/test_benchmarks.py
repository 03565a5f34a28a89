"""The measurements in ``benchmarks/`` still fit the package that they measure."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_benchmark_can_be_imported():
    paths = (path.relative_to(ROOT / "benchmarks") for path in ROOT.glob("benchmarks/**/*.py"))
    names = sorted(".".join(path.with_suffix("").parts) for path in paths)
    assert {"by_hand", "coverage.candidates"} <= set(names)
    lines = "\n".join(f"import benchmarks.{name}" for name in names)
    answer = subprocess.run(
        [sys.executable, "-c", lines], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
