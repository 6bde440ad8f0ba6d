"""Rows at rest, as a flat dictionary of tensors: what a rung leaves, and any population takes up again.

Rows rest with those that they were trained with, because a file of many costs little more than a file of one; each is
found in it by its candidate and fold, since after a rung the rows that are left are grouped anew. Its generator is
part of it, so the rest of its training is the same to the last bit.

Legend: R rows, A of them that go on, P floats of one model, Q of its running statistics, E epochs of a row so far, n
scored rows, C outputs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import torch

from components.training.early_stopping import Judgement
from components.training.population import Model, Population

State = dict[str, torch.Tensor]


def state_of(population: Population, models: Sequence[Model]) -> State:
    """Return all that changes while these rows train; of those that have ended, what they became.

    "rows" [R, 4]: candidate, fold, place in the tensors [A, ...] of those that go on (-1: it has ended), and n.
    "numbers" [R, 6]: its judgement. "curves" [2, sum of E] and "outputs" [sum of n, C]: one row after the other.
    What moves is no copy where all rows of the population are asked for: write it before they move again.
    """
    wanted = {model.number for model in models}
    alive = [place for place, model in enumerate(population.models) if model.number in wanted]
    places = {population.models[place].number: number for number, place in enumerate(alive)}
    chosen = torch.tensor(alive, dtype=torch.int64, device=population.parameters_KP.device)
    moving = _moving(population)
    if len(alive) < len(population.models):
        moving = {name: part.index_select(0, chosen) for name, part in moving.items()}
    judged = [model.judgement for model in models]
    outputs = [model.outputs_nC for model in models if model.outputs_nC is not None]
    rows = [
        (model.row.candidate, model.row.fold, places.get(model.number, -1), len(own))
        for model, own in zip(models, outputs, strict=True)  # a row that trained and did not diverge has outputs
    ]
    numbers = [(it.epochs, it.best_epoch, *it.best, it.last_gain, it.gained) for it in judged]
    curves = [list(chain(*(it.train for it in judged))), list(chain(*(it.validation for it in judged)))]
    return {name: part.cpu() for name, part in moving.items()} | {
        "epoch": torch.tensor(population.epoch),
        "rows": torch.tensor(rows),
        "generator": torch.stack([model.generator.get_state() for model in models]),
        "num_steps": torch.stack([model.num_steps for model in models]),
        "best_P": torch.stack([model.best_P for model in models]).cpu(),
        "best_Q": torch.stack([model.best_Q for model in models]).cpu(),
        "numbers": torch.tensor(numbers, dtype=torch.float64),
        "curves": torch.tensor(curves, dtype=torch.float64),
        "outputs": torch.cat([torch.from_numpy(own) for own in outputs]),
    }


def restore(population: Population, states: Sequence[State]) -> None:
    """Bring a population that was just begun to where its rows were, who lie anywhere in these; all of one epoch."""
    rested = {key: row for state in states for key, row in _rows(state)}
    began = population.began
    rows = [rested[model.row.candidate, model.row.fold] for model in began]
    alive = [number for number, row in enumerate(rows) if row.place >= 0]
    epochs = {int(rows[number].state["epoch"]) for number in alive}
    assert len(epochs) <= 1, "rows of one population have trained as long"
    population.epoch = max(epochs, default=0)
    for model, row in zip(began, rows, strict=True):
        row.restore(model)
    if len(alive) < len(began):
        population.keep(alive)
    for name, part in _moving(population).items():
        for place, row in enumerate(rows[number] for number in alive):
            if name in row.state:  # an optimizer may keep more of others than of this row
                part[place].copy_(row.state[name][row.place])


def _moving(population: Population) -> State:
    """Return what moves as rows train, [K, ...] each."""
    parts = {"parameters": population.parameters_KP, "buffers": population.buffers_KQ}
    parts |= {f"state.{number}": part for number, part in enumerate(population.states)}
    if (mean := population.averages) is not None:
        parts |= {"mean_P": mean.parameters_KP, "mean_Q": mean.buffers_KQ}
    return parts


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One row in a state of many."""

    state: State
    number: int
    place: int  # among those that go on; -1: it has ended
    curve: slice
    outputs: slice

    def restore(self, model: Model) -> None:
        """Make the row what it was, but for what moves."""
        state, number = self.state, self.number
        model.ended = self.place < 0
        model.generator.set_state(state["generator"][number].clone())  # torch wants it at the beginning of its memory
        model.num_steps.copy_(state["num_steps"][number])
        model.best_P.copy_(state["best_P"][number])
        model.best_Q.copy_(state["best_Q"][number])
        model.outputs_nC = state["outputs"][self.outputs].numpy().copy()  # a file may be written over
        epochs, best_epoch, best, best_loss, last_gain, gained = state["numbers"][number].tolist()
        train, validation = state["curves"][:, self.curve].tolist()
        model.judgement = Judgement(
            epochs=int(epochs),
            best_epoch=int(best_epoch),
            best=(best, best_loss),
            last_gain=int(last_gain),
            gained=gained,
            train=train,
            validation=validation,
        )


def _rows(state: State) -> Iterator[tuple[tuple[int, int], _Row]]:
    """Yield the rows of a state by candidate and fold."""
    curve = outputs = 0
    epochs = state["numbers"][:, 0].to(torch.int64).tolist()
    for number, (candidate, fold, place, count) in enumerate(state["rows"].tolist()):
        own = slice(curve, curve + epochs[number]), slice(outputs, outputs + count)
        yield (candidate, fold), _Row(state=state, number=number, place=place, curve=own[0], outputs=own[1])
        curve, outputs = own[0].stop, own[1].stop
