"""Which tests stay together on one of pytest's workers, and who begins first.

The tests of a file share what it has made once for all of them; those of some folders share a project that takes
seconds to grow, or a server. Whole groups are dealt to the workers, in the order below: what takes longest begins
first, so that at the end all of them have something to do. Three workers suit two cores: the first two groups mostly
wait for processes that they have started.
"""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("suite", deadline=None)  # no test fails because the machine is busy
settings.load_profile("suite")

TESTS = Path(__file__).parent
TOGETHER = ("engine", "whole", "errors", "ensembles")  # folders whose tests share something made once
FIRST = (
    "whole",
    "engine",
    "test_readme.py",
    "errors",
    "images/test_pictures_whole.py",
    "training/test_network_evaluate.py",
    "training/test_grouped_search.py",
    "ensembles",
    "search/test_exact_resume.py",
    "search/test_search_stage.py",
    "search/test_more_samplers.py",
)


def group_of(item: pytest.Item) -> str:
    path = item.path.relative_to(TESTS)
    return path.parts[0] if path.parts[0] in TOGETHER else path.as_posix()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
    order = {group: place for place, group in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(group_of(item), len(FIRST)))
