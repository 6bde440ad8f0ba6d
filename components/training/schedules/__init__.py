"""Learning rate schedules: what the learning rate is multiplied by, as a function of the epochs that are over.

Time is a real number: 2.5 is the middle of the third epoch, and every step has a time of its own, so that short
trainings are as smooth as long ones. Where torch.optim.lr_scheduler has a schedule, the values are torch's, stepped
once an epoch or once a step (tests/training/test_schedules.py).

`factor(epoch, epochs)` is the multiplier; `cycle_ends(epochs)` says after which epochs a model may be compared with
others: in the middle of a cycle the rate is high, and the loss says little about where it will be at the cycle's end.
None: after any.
"""

from components.training.schedules.cosines import Cosine, CosLog4, FlatCosine
from components.training.schedules.cycles import Cyclical, OneCycle
from components.training.schedules.falling import Constant, Exponential, Step
from components.training.schedules.warm_up import warm_up

Schedule = Constant | Step | Exponential | Cyclical | Cosine | OneCycle | CosLog4 | FlatCosine

__all__ = [
    "Constant",
    "CosLog4",
    "Cosine",
    "Cyclical",
    "Exponential",
    "FlatCosine",
    "OneCycle",
    "Schedule",
    "Step",
    "warm_up",
]
