"""A population at rest, as one flat dictionary of tensors: what a rung leaves, and any worker takes up again.

Generators are part of it, so the rest of the training is the same to the last bit.
"""

import numpy as np
import torch

from components.training.early_stopping import Judgement
from components.training.population import Model, Population

State = dict[str, torch.Tensor]


def state_of(population: Population) -> State:
    """Return all that changes while a population trains."""
    state: State = {
        "epoch": torch.tensor(population.epoch),
        "alive": torch.tensor([model.number for model in population.models], dtype=torch.int64),
        "ended": torch.tensor([model.number for model in population.ended], dtype=torch.int64),
        "parameters": population.parameters_KP.cpu(),
        "buffers": population.buffers_KQ.cpu(),
        **{f"state.{number}": state.cpu() for number, state in enumerate(population.states)},
    }
    for model in population.began:
        found = _state_of_model(model)
        state |= {f"model.{model.number}.{name}": value for name, value in found.items()}
    return state


def restore(population: Population, state: State) -> None:
    """Bring a population that was just begun, with the same rows, to a state."""
    device = population.parameters_KP.device
    began = population.began
    for model in began:
        _restore_model(model, {name: state[f"model.{model.number}.{name}"] for name in _NAMES})
    population.epoch = int(state["epoch"])
    population.ended = [began[number] for number in state["ended"].tolist()]
    population.keep(state["alive"].tolist())
    population.parameters_KP.copy_(state["parameters"].to(device))
    population.buffers_KQ.copy_(state["buffers"].to(device))
    for number, rows_KP in enumerate(population.states):
        rows_KP.copy_(state[f"state.{number}"].to(device))


_NAMES = ("generator", "num_steps", "best_P", "best_Q", "outputs", "diverged", "numbers", "train", "validation")


def _state_of_model(model: Model) -> State:
    it = model.judgement
    numbers = [it.epochs, it.best_epoch, *it.best, it.last_gain, it.gained]
    outputs = np.zeros((0, 0), dtype=np.float32) if model.outputs_nC is None else model.outputs_nC
    values = (
        model.generator.get_state(),
        model.num_steps,
        model.best_P.cpu(),
        model.best_Q.cpu(),
        torch.from_numpy(outputs),
        torch.tensor(model.diverged),
        torch.tensor(numbers, dtype=torch.float64),
        torch.tensor(it.train, dtype=torch.float64),
        torch.tensor(it.validation, dtype=torch.float64),
    )
    return dict(zip(_NAMES, values, strict=True))


def _restore_model(model: Model, state: State) -> None:
    model.generator.set_state(state["generator"])
    model.num_steps = state["num_steps"].clone()
    model.best_P.copy_(state["best_P"])
    model.best_Q.copy_(state["best_Q"])
    model.outputs_nC = state["outputs"].numpy() if state["outputs"].numel() else None
    model.diverged = bool(state["diverged"])
    epochs, best_epoch, best, best_loss, last_gain, gained = state["numbers"].tolist()
    model.judgement = Judgement(
        epochs=int(epochs),
        best_epoch=int(best_epoch),
        best=(best, best_loss),
        last_gain=int(last_gain),
        gained=gained,
        train=state["train"].tolist(),
        validation=state["validation"].tolist(),
    )
