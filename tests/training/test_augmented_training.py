"""Augmentation inside the trainer: it changes what is learnt, never a neighbour, and mixes labels as the papers say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from training_case import begin, grown, never, same

from components.augmentation.images import augment
from components.augmentation.policy import ImagePolicy
from components.networks.cnn import CNN
from components.networks.mlp import MLP
from components.training.batches import Resident
from components.training.population import Row
from components.training.spec import TrainingSpec

POLICIES = (
    None,
    ImagePolicy(rotation=30, translation=0.2, flip="horizontal"),
    ImagePolicy(mixup=0.4),
    ImagePolicy(contrast=0.5, cutout=0.3, mixup=1.0, cutmix=1.0),
)
NETWORKS = {
    "mlp": MLP(layers=1, width=16, dropout=0.2, batch_norm=True),
    "cnn": CNN(blocks=1, filters=4, dropout=0.2),
}


def pictures(num_rows=90, size=(8, 8, 1), folds=(70, 61)):
    """Pictures of two classes, bright above or below; folds of several lengths, so that rows rest at times."""
    generator = torch.Generator().manual_seed(0)
    x_M = torch.randint(0, 100, (num_rows, *size), generator=generator)
    y_M = torch.randint(0, 2, (num_rows,), generator=generator)
    for row, label in enumerate(y_M.tolist()):
        x_M[row, 4 * label : 4 * label + 4] += 90
    rows = torch.arange(num_rows)
    return Resident(
        x_M=x_M.to(torch.uint8),
        y_M=y_M,
        fit=tuple(rows[:fit] for fit in folds),
        sample=tuple(rows[:20] for _ in folds),
        scored=tuple(rows[fit:] for fit in folds),
        scale=(torch.full((len(folds), 1), 0.4), torch.tensor([[0.2], [0.25]])),
    )


def rows_of(network, policies=POLICIES, batch_size=32, epochs=3, optimizer=None):
    return [
        Row(
            candidate=number,
            fold=fold,
            seed=10 * number + fold,
            network=network,
            training=TrainingSpec(
                epochs=epochs, batch_size=batch_size, schedule="constant", optimizer=optimizer or {"kind": "adamw"}
            ),
            augment=policy,
        )
        for number, policy in enumerate(policies)
        for fold in (0, 1)
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_rows_keep_their_bits_whatever_the_policies_beside_them(name):
    data, rows = pictures(), rows_of(NETWORKS[name])
    stacked = grown(rows, data, 2)
    for row in rows:
        (alone,) = grown([row], data, 2).values()
        assert same(alone, stacked[row.candidate, row.fold])
    turned = grown(rows[::-1], data, 2)
    assert all(same(turned[key], model) for key, model in stacked.items())


@pytest.mark.parametrize("policy", POLICIES[1:], ids=lambda policy: "-".join(policy.techniques))
def test_a_policy_changes_what_is_learnt(policy):
    data = pictures()
    (row, _) = rows_of(NETWORKS["mlp"], (policy,))
    models = [grown([replace(row, augment=one)], data, 2)[0, 0] for one in (policy, None, ImagePolicy())]
    assert not torch.equal(models[0].best_P, models[1].best_P)
    assert torch.equal(models[1].best_P, models[2].best_P)


@pytest.mark.parametrize("words", [{"mixup": 1.0}, {"cutmix": 1.0}, {"mixup": 0.5, "cutmix": 2.0, "rotation": 20}])
def test_a_mixed_step_is_that_of_the_soft_labels(words):
    """One full batch, one step of plain descent: what the weights move by is the gradient worked out here."""
    data, policy, rate = pictures(), ImagePolicy(**words), 0.5
    (row, _) = rows_of(MLP(layers=1, width=8), (policy,), "full", 2, {"kind": "sgd", "lr": rate, "momentum": 0.0})
    (population,) = begin([row], data, 2, "cross_entropy")
    before_KP = population.parameters_KP.clone()
    random = torch.Generator()
    random.set_state(population.models[0].generator.get_state())
    assert population.train(1, never)

    order = torch.randperm(70, generator=random)
    x_1BHWD = torch.zeros(1, 96, 8, 8, 1)
    x_1BHWD[0, :70] = data.x_M[order] / 255
    new_1BHWD, mixed = augment(x_1BHWD, [policy], [70], [random])
    hot_BC = torch.eye(2)[data.y_M[order]]
    share_B1 = mixed.share_KB[0, :70, None]
    soft_BC = share_B1 * hot_BC + (1 - share_B1) * hot_BC[mixed.partner_KB[0, :70]]
    assert int(((soft_BC > 0.01) & (soft_BC < 0.99)).any(1).sum()) > 10
    before_KP.requires_grad_()
    views = population.network.parameters.views(before_KP)
    outputs_BC = population.network.forward(views, {}, (new_1BHWD - 0.4) / 0.2, None)[0, :70]
    loss = -(soft_BC * outputs_BC.log_softmax(1)).sum(1).mean()
    (gradient_KP,) = torch.autograd.grad(loss, before_KP)
    wanted = (before_KP - rate * gradient_KP).detach()
    torch.testing.assert_close(population.parameters_KP, wanted, rtol=1e-5, atol=1e-6)
    assert not np.allclose(wanted.numpy(), before_KP.detach().numpy(), atol=1e-3)
