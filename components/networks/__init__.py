"""Network architectures, every one written with a leading population axis K.

`registry.py` has the table of kinds, `network.py` what every architecture is, `store.py` where its tensors lie.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.networks.network import Inputs


def describe(spec: Mapping[str, Any], inputs: "Inputs", num_outputs: int) -> list[dict[str, Any]]:
    """Return the layers of a network as rows {"layer", "shape", "parameters"}; `spec` is settled: {"kind": "mlp", ...}.

    `inputs` says what one row is, without the batch. Imports no torch.
    """
    from components.networks.registry import read_spec

    rows: list[dict[str, Any]] = read_spec(spec).build(inputs, num_outputs).table()
    return rows
