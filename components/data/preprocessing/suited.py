"""Which settings of preprocessing have a say for a task: how a number is learned has none where classes are predicted.

The space of a classification keeps the default there, so that no search spends trials on what changes nothing.
"""

from components.core.contracts import Task
from components.core.ranges import Fixed, Group
from components.data.preprocessing.spec import NetworkPreprocess, TreePreprocess

OF_NUMBERS = "target"


def suited(space: Group, task: Task, spec: type[NetworkPreprocess] | type[TreePreprocess]) -> Group:
    """Return the space of a stage without what its preprocessing (settings class `spec`) cannot do for the task."""
    preprocess = space.fields.get("preprocess")
    if task == "regression" or not isinstance(preprocess, Group) or OF_NUMBERS not in preprocess.fields:
        return space
    default = Fixed(value=spec.model_fields[OF_NUMBERS].default)
    fields = {**preprocess.fields, OF_NUMBERS: default}
    return Group(fields={**space.fields, "preprocess": Group(fields=fields, kind=preprocess.kind)}, kind=space.kind)
