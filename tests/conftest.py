"""Tests that start engines stay together: a whole project is grown once, on one of the two workers."""

from pathlib import Path

import pytest

TOGETHER = ("engine", "whole")  # folders whose tests share a grown project


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder in TOGETHER:
            item.add_marker(pytest.mark.xdist_group(folder))
