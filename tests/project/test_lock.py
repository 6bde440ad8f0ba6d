"""espalier.lock: what a stage can reach by imports, hashed without the words for people; one line per stage."""

import subprocess
import sys

import pytest

from components.core.errors import UserMistake
from components.project.code import Code, read_source, stage_folders
from components.project.lock import changed_stages, current_lock, read_lock, write_lock
from components.project.sections import SECTIONS

SOURCE = '''\
"""Words."""

from typing import TYPE_CHECKING

from components.core.lazy import lazy  # a comment
from components.core.specs import setting

if TYPE_CHECKING:
    import torch
    from components.core.contracts import Member
else:
    torch = lazy("torch")


def grow(x):
    """More words."""
    import scipy.stats

    return "components.training.member:load_network", setting(1, "a sentence", ge=0)
'''


def test_a_better_sentence_changes_no_hash():
    better = (
        SOURCE.replace("Words.", "Better\nwords.")
        .replace("More words", "Other ones")
        .replace("  # a comment", "")
        .replace("a sentence", "another sentence")
        .replace("\n\n\n", "\n\n")
    )
    assert better != SOURCE
    assert read_source(better, "m").digest == read_source(SOURCE, "m").digest


@pytest.mark.parametrize(
    ("old", "new"), [("setting(1,", "setting(2,"), ("ge=0", "ge=1"), ("def grow(x)", "def grow(y)")]
)
def test_a_changed_word_of_code_changes_the_hash(old, new):
    assert read_source(SOURCE.replace(old, new), "m").digest != read_source(SOURCE, "m").digest


def test_what_a_file_names_is_found_wherever_it_stands_but_not_for_type_checkers():
    imports = read_source(SOURCE, "m").imports
    assert {"torch", "scipy.stats", "components.core.lazy", "components.training.member"} <= set(imports)
    assert "components.core.contracts" not in imports


def test_a_stage_reaches_its_own_family_and_no_other():
    code = Code()
    assert "components.networks.mlp" in code.reach("search")
    assert not any(module.startswith("components.networks") for module in code.reach("split"))
    assert not any(module.startswith("components.training") for module in code.reach("bagging"))
    assert {"xgboost", "sklearn"} & code.reach("boosting") >= {"xgboost"}
    assert "torch" not in code.reach("boosting")


def test_the_reach_holds_every_module_that_reading_a_section_loads():
    code = (
        "import sys\n"
        "from components.project.sections import section_class\n"
        "section_class(sys.argv[1])\n"
        "print(*[m for m in sys.modules if m.startswith(('components', 'pipelines'))])"
    )
    for word in ("search", "validate"):
        done = subprocess.run([sys.executable, "-c", code, word], capture_output=True, text=True, check=True)
        assert set(done.stdout.split()) <= Code().reach(word)


def test_the_folders_of_a_stage_are_its_file_and_the_components_it_uses():
    folders = stage_folders("search")
    assert "pipelines/search.py" in folders
    assert {"components/core", "components/project", "components/networks", "components/training"} <= set(folders)
    assert "components/evaluation" not in folders


def test_the_file_has_a_line_for_each_stage_and_reads_back_as_text(tmp_path):
    lock = write_lock(tmp_path)
    text = (tmp_path / "espalier.lock").read_text()
    assert [line.split(":")[0] for line in text.splitlines()[4:]] == list(SECTIONS)
    assert read_lock(tmp_path) == lock == current_lock(tmp_path)
    assert all(isinstance(value, str) for value in lock["search"].values())


def test_exactly_the_stages_whose_line_changed(tmp_path):
    old = write_lock(tmp_path)
    new = {**old, "search": {**old["search"], "torch": "9.9"}, "python": "3.99"}
    assert changed_stages(old, new) == ("search",)


def test_no_lock_is_none_and_a_torn_one_says_what_to_do(tmp_path):
    assert read_lock(tmp_path) is None
    (tmp_path / "espalier.lock").write_text("search: {}\n")
    with pytest.raises(UserMistake, match="Write it anew:  espalier lock"):
        read_lock(tmp_path)
    (tmp_path / "espalier.lock").write_text("<<<<<<< HEAD\nsearch: {\n")
    with pytest.raises(UserMistake, match="Or write it anew:  espalier lock"):
        read_lock(tmp_path)


def test_the_cache_gives_the_same_hash_and_notices_a_changed_file(tmp_path):
    cache = tmp_path / "code.json"
    plain, first = Code().hash("split"), Code(cache).hash("split")
    assert cache.exists()
    assert Code(cache).hash("split") == first == plain
    cache.write_text(cache.read_text().replace('"stamp": "', '"stamp": "0'))
    assert Code(cache).hash("split") == plain
