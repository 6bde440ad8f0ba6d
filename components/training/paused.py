"""One row at rest, as a flat dictionary of tensors: what a rung leaves, and any population takes up again.

A row rests alone, whoever it was trained with: after a rung the rows that are left are grouped anew. Its generator is
part of it, so the rest of its training is the same to the last bit. The rows of a candidate share a file (`packed`).

Legend: S rows of a candidate.
"""

from collections.abc import Sequence

import numpy as np
import torch

from components.networks.store import as_saved
from components.training.early_stopping import Judgement
from components.training.population import Model, Population

State = dict[str, torch.Tensor]


def state_of(population: Population, model: Model) -> State:
    """Return all that changes while a row trains; of one that has ended, what it became."""
    state = {"epoch": torch.tensor(population.epoch), **_state_of_model(model)}
    if not model.ended:
        row = population.models.index(model)
        state |= {"parameters": population.parameters_KP[row].cpu(), "buffers": population.buffers_KQ[row].cpu()}
        states = population.states[: model.row.training.optimizer.num_states]
        state |= {f"state.{number}": part[row].cpu() for number, part in enumerate(states)}
        if (mean := population.averages) is not None:
            state |= {"mean_P": mean.parameters_KP[row].cpu(), "mean_Q": mean.buffers_KQ[row].cpu()}
        elif model.judgement.best_epoch == model.judgement.epochs:  # the best weights are those it has
            del state["best_P"], state["best_Q"]
    return state


def restore(population: Population, states: Sequence[State]) -> None:
    """Bring a population that was just begun to the states of its rows, in their order; all of one epoch."""
    began = population.began
    for model, state in zip(began, states, strict=True):
        _restore_model(model, state)
    alive = [number for number, state in enumerate(states) if "parameters" in state]
    epochs = {int(states[number]["epoch"]) for number in alive}
    assert len(epochs) <= 1, "rows of one population have trained as long"
    population.epoch = max(epochs, default=0)
    for model in began:
        model.ended = model.number not in alive
    if len(alive) < len(began):
        population.keep(alive)
    for row, number in enumerate(alive):
        population.parameters_KP[row].copy_(states[number]["parameters"])
        population.buffers_KQ[row].copy_(states[number]["buffers"])
        for place in range(began[number].row.training.optimizer.num_states):
            population.states[place][row].copy_(states[number][f"state.{place}"])
        if (mean := population.averages) is not None:
            mean.parameters_KP[row].copy_(states[number]["mean_P"])
            mean.buffers_KQ[row].copy_(states[number]["mean_Q"])


def packed(states: Sequence[State]) -> State:
    """Lay the states of rows into one flat tensor a type of number: a file of 13 takes twice as long to write.

    The tensor's key is the names of its parts, in the order in which they lie there for each row. "shapes" [S, names,
    2] has the sizes of each part, in alphabetic order of the names; -1: no such axis, in both places: no such part.
    """
    type_of = {name: part.dtype for state in states for name, part in state.items()}
    names, flat = sorted(type_of), {}
    for one in dict.fromkeys(type_of.values()):
        own = [name for name in names if type_of[name] == one]
        flat[" ".join(own)] = torch.cat([state[name].reshape(-1) for state in states for name in own if name in state])
    shapes = [[_sizes(state.get(name)) for name in names] for state in states]
    return {**flat, "shapes": torch.tensor(shapes)}


def _sizes(part: torch.Tensor | None) -> tuple[int, int]:
    if part is None:
        return -1, -1
    rows, *columns = part.shape or (1,)  # a single number has an axis here, and none when it is read
    return rows, columns[0] if columns else -1


def unpacked(tensors: State) -> list[State]:
    """Return the states that `packed` laid together; numbers have one axis."""
    keys = tensors.keys() - {"shapes"}
    place = {name: number for number, name in enumerate(sorted(name for key in keys for name in key.split()))}
    at = dict.fromkeys(keys, 0)
    states: list[State] = []
    for sizes in tensors["shapes"].tolist():
        state = {}
        for key in keys:
            for name in key.split():
                rows, columns = sizes[place[name]]
                if rows < 0:
                    continue
                count = rows if columns < 0 else rows * columns
                flat = tensors[key][at[key] : at[key] + count]
                state[name] = flat if columns < 0 else flat.view(rows, columns)
                at[key] += count
        states.append(state)
    return states


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
    model.generator.set_state(state["generator"].clone())  # torch wants it at the beginning of its memory
    model.num_steps.copy_(state["num_steps"].reshape(()))
    model.best_P.copy_(as_saved(state["best_P" if "best_P" in state else "parameters"]))
    model.best_Q.copy_(state["best_Q" if "best_Q" in state else "buffers"])
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
