"""Which tests stay together on one of pytest's workers, and who begins first.

The tests of a file share what it has made once for all of them; those of some folders share a project that takes
seconds to grow, or a server. Whole groups are dealt to the workers, in the order below: what takes longest begins
first, so that at the end all of them have something to do. Three workers suit two cores: the first two groups mostly
wait for processes that they have started.
"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

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


def group_of(path: str) -> str:
    """Return the group of a file, by its path below tests/."""
    folder = path.partition("/")[0]
    return folder if folder in TOGETHER else path


class Groups(LoadScopeScheduling):
    """Deals whole groups. xdist's own groups by marks are without effect: they change a field pytest 9 has no more."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.partition("::")[0].partition("tests/")[2])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {group: place for place, group in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(group_of(item.path.relative_to(TESTS).as_posix()), len(FIRST)))
