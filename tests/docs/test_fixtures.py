"""The page about the simulator enables fixtures and shows a test: pytest runs it as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
IMPORTS = "from datetime import timedelta\n\nfrom stripe import StripeClient\n\n\n"


def test_the_test_on_the_page_passes(tmp_path):
    _, section = PAGE.read_text(encoding="utf-8").split("## Fixtures for pytest\n")
    enabling, shown = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[:2]
    (tmp_path / "conftest.py").write_text(enabling, encoding="utf-8")
    (tmp_path / "test_shop.py").write_text(IMPORTS + shown, encoding="utf-8")

    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    ended = subprocess.run([*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603

    assert ended.returncode == 0, ended.stdout
    assert "1 passed" in ended.stdout
