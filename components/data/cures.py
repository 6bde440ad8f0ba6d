"""The line of params.yaml that settles a finding, written as a person would write it."""

import json
import re
from collections.abc import Iterable, Mapping

PLAIN = re.compile(r"[A-Za-z_][\w.%/-]*( [\w.%/-]+)*")
RESERVED = frozenset({"none", "null", "true", "false"})


def yaml_list(names: Iterable[str]) -> str:
    """Write column names as params.yaml takes them: [customer_id, "a: b"]."""
    return f"[{', '.join(yaml_word(name) for name in names)}]"


def yaml_map(values: Mapping[str, str]) -> str:
    """Write {leakage: warn}."""
    return f"{{{', '.join(f'{yaml_word(key)}: {value}' for key, value in values.items())}}}"


def yaml_word(name: str) -> str:
    """Quote a name where YAML would read something else."""
    return name if PLAIN.fullmatch(name) and name.lower() not in RESERVED else json.dumps(name, ensure_ascii=False)
