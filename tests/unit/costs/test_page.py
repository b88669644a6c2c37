"""The page on costs runs."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "costs.md"


def test_the_blocks_of_the_page_on_costs_run_one_after_the_other():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
