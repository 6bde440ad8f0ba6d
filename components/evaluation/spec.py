"""Settings of the stage `evaluate`: how sure its intervals are, and from how many resamples they come."""

from components.core.specs import Spec, setting


class EvaluateSpec(Spec):
    """The only stage that sees the test rows."""

    interval: float = setting(0.95, "how sure every interval is: this share of them holds the true value", gt=0.5, lt=1)
    resamples: int = setting(1000, "drawings of the scored rows behind each interval", ge=100, le=100_000)
