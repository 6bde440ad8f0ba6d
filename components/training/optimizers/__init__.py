"""Optimizers: one technique a file, each with its settings and one step of rows of a population that share them.

A row is one model's parameters, flat [P]; so a step is one call of torch's own fused kernel with that model's own
numbers, one pass over memory: 2 to 4 times faster on CPU than the same arithmetic over the stack, and the same to the
last bit for a model alone. Models with the same numbers, such as the folds of one candidate, share the call.
`step_stack` is that arithmetic over the stack [K, P], with a column [K, 1] for each number: a few kernels whatever K
is, for devices where a call costs more than its work. Both equal torch.optim (tests/training/test_optimizers.py).

`l2` is a penalty in the gradient (torch calls it weight_decay), `weight_decay` is decoupled from it; both act on all
parameters, as in torch. L1 is added to the gradient by the trainer.
"""

from components.training.optimizers.adagrad import Adagrad
from components.training.optimizers.adam import Adam, AdamW
from components.training.optimizers.common import Moving, StackStep, columns
from components.training.optimizers.rmsprop import RMSprop
from components.training.optimizers.sgd import SGD

Optimizer = AdamW | Adam | SGD | RMSprop | Adagrad

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Moving", "Optimizer", "RMSprop", "StackStep", "columns"]
