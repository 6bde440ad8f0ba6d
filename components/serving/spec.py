"""Settings of the stage `export`: what lies beside the model in the folder that predicts raw rows."""

from components.core.specs import Spec, setting


class ExportSpec(Spec):
    """One folder that predicts raw rows anywhere."""

    card: bool = setting(True, "model card: what it is, on what it was grown, how good, what it must not be used for")
