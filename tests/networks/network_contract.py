"""What every network promises, whatever its kind. A kind joins by standing in `registry.KINDS`; it needs a reference
made of torch's own modules (`torch_references.py`), and settings to be tried with (`CASES`).

`CONTRACT` is checked one promise at a time. `MODELS` models stand in a stack, each with weights of its own.
"""

from dataclasses import dataclass, replace

import torch
from numpy.random import SFC64
from safetensors.torch import load_file, save_file
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count
from torch_references import REFERENCES

from components.networks import describe
from components.networks.network import Inputs, TrainingPass
from components.networks.registry import read_spec
from components.networks.scaled import linear_of
from components.networks.way_back import there_and_back

MODELS, ROWS, OUTPUTS = 3, 32, 3
COLUMNS = Inputs(shape=(9,), numbers=4, codes=(3, 5))  # and three flags
TABLE, SEQUENCE, IMAGE = Inputs(shape=(6,)), Inputs(shape=(7, 5)), Inputs(shape=(9, 7, 2))
FUSED = {  # torch's counter does not know it on a CPU
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v)
}
ONE = Inputs(shape=(1,))
REAL = {"numbers": "periodic", "front_scale": True, "parametrization": "ntk", "parametric": True}  # RealMLP
LONG = Inputs(shape=(50, 3))  # where attention is one kernel


@dataclass(frozen=True)
class Case:
    """Settings of one kind, and the shape of the rows it is tried on."""

    settings: dict
    inputs: Inputs

    @property
    def spec(self):
        return read_spec(self.settings)

    @property
    def network(self):
        return self.spec.build(self.inputs, OUTPUTS)

    def __str__(self):
        parts = [str(value) if key == "kind" else f"{key}={value}" for key, value in self.settings.items()]
        return f"{'-'.join(parts)}-on-{'columns' if self.inputs.codes else self.inputs.kind}"


def cases(kind, inputs, *settings):
    return [Case({"kind": kind, **one}, inputs) for one in settings]


def recurrent(kind):
    small = {"width": 4}
    return [
        *cases(
            kind,
            SEQUENCE,
            small | {"bidirectional": False},
            small | {"layers": 2},
            small | {"layers": 2, "pooling": "mean"},
            small | {"pooling": "attention"},
        ),
        *cases(kind, IMAGE, {"width": 5}),
    ]


CASES = [
    *cases("mlp", TABLE, {"layers": 2, "width": 8}, {"layers": 2, "width": 8, "batch_norm": True}),
    *cases(
        "mlp",
        COLUMNS,
        {"layers": 1, "width": 8, "embedding": 3},
        {"layers": 2, "width": 6, "numbers": "periodic", "front_scale": True, "batch_norm": True},
        {"layers": 2, "width": 8, "numbers": "piecewise", "parametrization": "ntk", "residual": True},
        {"layers": 3, "width": 7, "parametric": True, "activation": "selu", "embedding": 1, "residual": True},
        {"layers": 1, "width": 8, "numbers": {"kind": "periodic", "waves": 5, "size": 2}, "parametrization": "ntk"},
        {"layers": 2, "width": 9, **REAL, "activation": "mish", "batch_norm": True, "residual": True},
    ),
    *cases("mlp", TABLE, {"layers": 1, "width": 8, "numbers": {"kind": "piecewise", "bins": 40, "size": 4}}),
    *cases("mlp", ONE, {"layers": 1, "width": 8, **REAL}, {"layers": 1, "width": 8, "numbers": "piecewise"}),
    *cases(
        "resnet",
        COLUMNS,
        {"blocks": 2, "width": 8},
        {"blocks": 1, "width": 7, "factor": 3, "activation": "mish", "numbers": "periodic", "embedding": 2},
        {"blocks": 2, "width": 5, "factor": 1, "numbers": "piecewise"},
    ),
    *cases("mlp", SEQUENCE, {"layers": 1, "width": 4, "activation": "tanh"}),
    *cases("mlp", IMAGE, {"layers": 1, "width": 5, "activation": "mish"}),
    *cases(
        "tabm",
        TABLE,
        {"members": 3, "layers": 2, "width": 8},
        {"members": 2, "layers": 2, "width": 40, "activation": "mish"},  # wider than a batch: members folded into rows
        {"members": 3, "layers": 3, "width": 13, "variant": "mini"},
    ),
    *cases(
        "tabm",
        COLUMNS,
        {"members": 2, "layers": 1, "width": 8, "embedding": 3},
        {"members": 3, "layers": 2, "width": 6, "numbers": "periodic"},
        {"members": 2, "layers": 2, "width": 8, "variant": "mini", "numbers": "piecewise"},
    ),
    *cases("ft_transformer", TABLE, {"layers": 2, "width": 12, "heads": 2, "feed_forward": 2.0}),
    *cases("ft_transformer", COLUMNS, {"layers": 1, "width": 8}, {"layers": 3, "width": 8, "heads": 8}),
    *cases(
        "cnn",
        IMAGE,
        {"blocks": 2, "filters": 3},
        {"blocks": 2, "filters": 3, "convolutions": 2, "residual": True, "stride": 2, "kernel": 5},
        {"blocks": 3, "filters": 2, "padding": "valid", "pooling": "average", "head": "flatten", "activation": "mish"},
        {"blocks": 2, "filters": 4, "padding": 2, "pooling": "none", "residual": True, "batch_norm": False},
        {"blocks": 2, "filters": 2, "kernel": 4, "residual": True, "pooling": "none", "activation": "tanh"},
        {"blocks": 2, "filters": 2, "kernel": 5, "residual": True, "padding": "valid", "activation": "leaky_relu"},
    ),
    *recurrent("rnn"),
    *cases("rnn", SEQUENCE, {"width": 4, "activation": "relu"}),
    *recurrent("gru"),
    *recurrent("lstm"),
    *cases(
        "transformer",
        SEQUENCE,
        {"layers": 2, "width": 8},
        {"layers": 2, "width": 12, "norm": "post", "pooling": "class_token", "heads": 2},
    ),
    *cases("transformer", LONG, {"layers": 1, "width": 8}, {"layers": 1, "width": 8, "pooling": "class_token"}),
    *cases(
        "transformer",
        IMAGE,
        {"layers": 1, "width": 8, "patch": 3, "activation": "relu", "feed_forward": 1},
        {"layers": 1, "width": 8, "pooling": "class_token"},
        {"layers": 1, "width": 8, "patch": 1},  # so many steps that attention is fused
    ),
]


@dataclass
class Stack:
    """Some models of a case with their tensors as flat rows."""

    network: object
    flat: torch.Tensor
    flat_buffers: torch.Tensor

    @property
    def views(self):
        return self.network.parameters.views(self.flat)

    @property
    def buffers(self):
        return self.network.buffers.views(self.flat_buffers)

    def only(self, numbers):
        return Stack(self.network, self.flat[numbers].clone(), self.flat_buffers[numbers].clone())

    def forward(self, x, training=None, lengths=None):
        return self.network.forward(self.views, self.buffers, x, training, lengths)


def begun(case, dtype=torch.float32, **settings):
    """Models that each began by their own generator; running statistics and biases as if they had been trained."""
    network = case.network
    flat = network.parameters.zeros(MODELS, torch.float32, torch.device("cpu"))
    buffers = network.buffers.zeros(MODELS, torch.float32, torch.device("cpu"))
    for model in range(MODELS):
        generator = torch.Generator().manual_seed(model)
        own, own_buffers = flat[model : model + 1], buffers[model : model + 1]
        views = network.parameters.views(own), network.buffers.views(own_buffers)
        network.initialize(case.spec, *views, generator, sample(case))
        own.add_(0.1 * torch.randn(own.shape, generator=generator))
        own_buffers.add_(0.1 * torch.rand(own_buffers.shape, generator=generator))
    return Stack(network, flat.to(dtype), buffers.to(dtype))


def rows(case, dtype=torch.float32, count=ROWS):
    generator = torch.Generator().manual_seed(9)
    found = torch.randn(MODELS, count, *case.inputs.shape, generator=generator)
    for column, codes in enumerate(case.inputs.codes, start=case.inputs.size - len(case.inputs.codes)):
        found[..., column] = torch.randint(codes, found.shape[:2], generator=generator)
    return found.to(dtype)


def sample(case):
    """Rows that networks begin from; each value of the last number stands in many of them."""
    if case.inputs.kind != "table":
        return None
    found = torch.randn(50, *case.inputs.shape, generator=torch.Generator().manual_seed(5))
    found[:, case.inputs.numbers - 1] = found[:, case.inputs.numbers - 1].round()
    return found


NOISE = ("dropout", "residual_dropout", "attention_dropout")


def a_pass(numbers=range(MODELS), rates=(0.0, 0.0, 0.0), weight=None, steps=20):
    """A step of training for these models of the stack."""
    return TrainingPass(
        settings={name: tuple(rates[number] for number in numbers) for name in NOISE},
        generators=[SFC64(number) for number in numbers],
        weight_KB=weight,
        steps=(steps,) * len(numbers),
        active=(True,) * len(numbers),
    )


def members_of(case):
    """How many answers a row gets in training: (), or (m,) where a network has members."""
    return (case.spec.members,) if hasattr(case.spec, "members") else ()


def agreed(found):
    """One answer a row: of members the log of their mean probability."""
    return found if found.dim() == 3 else found.softmax(3).mean(2).log()


def of_rows(values_KB, found):
    """Something that each row has, for all its outputs."""
    return values_KB.view(*values_KB.shape, *[1] * (found.dim() - 2))


def gives_one_row_of_outputs_per_row(case):
    stack = begun(case)
    for count in (1, 5, ROWS):
        for training in (None, a_pass()):
            found = stack.forward(rows(case, count=count), training)
            each = () if training is None else members_of(case)
            assert found.shape == (MODELS, count, *each, OUTPUTS)
            assert torch.isfinite(found).all()


def is_what_torchs_modules_make_of_its_parameters(case):
    """Outputs, running statistics and every gradient, in float64, for each model of the stack."""
    for training in (None, a_pass()):
        stack, x = begun(case, torch.float64), rows(case, torch.float64)
        before = stack.flat_buffers.clone()
        leaves = {name: view.clone().requires_grad_() for name, view in stack.views.items()}
        buffers = stack.buffers
        found = stack.network.forward(leaves, buffers, x, training)
        upper = torch.randn(found.shape, generator=torch.Generator().manual_seed(1)).to(torch.float64)
        gradients = torch.autograd.grad(found, list(leaves.values()), upper)
        for model in range(MODELS):
            reference = REFERENCES[case.spec.kind](case.spec, case.inputs, OUTPUTS)
            own = {name: view[model].detach().clone().requires_grad_() for name, view in leaves.items()}
            statistics = {name: view[model].clone() for name, view in stack.network.buffers.views(before).items()}
            wanted = reference(own | statistics, x[model], training is not None)
            close(found[model], wanted)
            for name, view in buffers.items():
                close(view[model], statistics[name])
            for ours, theirs in zip(
                gradients, torch.autograd.grad(wanted, list(own.values()), upper[model]), strict=True
            ):
                close(ours[model], theirs)


def close(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)


def step(stack, x, training):
    """Outputs, gradients and running statistics of one step of training, as the trainer makes it."""
    leaves = {name: view.clone().requires_grad_() for name, view in stack.views.items()}
    found, back = there_and_back(stack.network, leaves, stack.buffers, x, training)
    return [found.detach(), *back(upper_of(found, training)), stack.flat_buffers]


def upper_of(found, training):
    """What comes back to the outputs; nothing to those of padding."""
    upper = torch.sin(torch.arange(found[0].numel(), dtype=found.dtype).view(found.shape[1:])).expand_as(found)
    return upper if training.weight_KB is None else upper * of_rows(training.weight_KB, found)


def walks_back_as_autograd_does(case, same=torch.equal):
    """To the last bit, with noise: also where a network knows the way by itself."""
    x, rates = rows(case), (0.3, 0.0, 0.5)
    found, *gradients, statistics = step(begun(case), x, a_pass(rates=rates))
    stack, training = begun(case), a_pass(rates=rates)
    leaves = {name: view.clone().requires_grad_() for name, view in stack.views.items()}
    outputs = stack.network.forward(leaves, stack.buffers, x, training)
    wanted = torch.autograd.grad(outputs, list(leaves.values()), upper_of(outputs, training))
    assert torch.equal(found, outputs)
    assert torch.equal(statistics, stack.flat_buffers)
    for name, one, other in zip(leaves, gradients, wanted, strict=True):
        assert same(one, other), name


def gives_a_model_the_same_bits_in_every_stack(case):
    """Alone, permuted, beside a model with padding: equal to the last bit, with noise, on one thread."""
    x, rates = rows(case), (0.3, 0.0, 0.5)
    weight = torch.ones(MODELS, ROWS)
    weight[1, 20:] = 0
    whole, whole_x = begun(case), rows(case)
    plain = whole.forward(whole_x)
    made = step(whole, x, a_pass(rates=rates, weight=weight))
    for numbers in ([0], [1], [2], [2, 0, 1], [2, 0]):
        part = begun(case).only(numbers)
        assert torch.equal(part.forward(x[numbers]), plain[numbers])
        own = weight[numbers] if 1 in numbers else None  # without the one that has padding, nothing is said of it
        again = step(part, x[numbers], a_pass(numbers, rates, own))
        for name, one, other in zip(["outputs", *part.views, "buffers"], again, made, strict=True):
            if name == "outputs":  # those of padding have no meaning
                one, other = (values * (1 if own is None else of_rows(own, one)) for values in (one, other[numbers]))
                assert torch.equal(one, other)
            else:
                assert torch.equal(one, other[numbers]), f"{name} of {numbers}"


def leaves_padding_out(case):
    """A short batch with padding is as if the padding were not there."""
    stack, x = begun(case, torch.float64), rows(case, torch.float64)
    weight = torch.ones(MODELS, ROWS, dtype=torch.float64)
    weight[:, 20:] = 0
    padded = step(begun(case, torch.float64), x, a_pass(weight=weight))
    short = step(stack, x[:, :20], a_pass())
    close(padded[0][:, :20], short[0])
    for one, other in zip(padded[1:], short[1:], strict=True):
        close(one, other)


def lets_a_model_rest(case):
    """A model that makes no step draws no noise, gets no gradient and keeps its running statistics."""
    stack, x = begun(case), rows(case)
    before = stack.flat_buffers.clone()
    training = a_pass(rates=(0.3, 0.3, 0.3), weight=torch.ones(MODELS, ROWS))
    training.weight_KB[1] = 0
    resting = replace(training, active=(True, False, True))
    drawn = SFC64(1).random_raw()
    _, *gradients, buffers = step(stack, x, resting)
    assert resting.generators[1].random_raw() == drawn
    assert not any(gradient[1].any() for gradient in gradients)
    assert torch.equal(buffers[1], before[1])
    again = step(begun(case).only([0, 2]), x[[0, 2]], a_pass([0, 2], rates=(0.3, 0.3, 0.3)))
    for one, other in zip([*gradients, buffers], again[1:], strict=True):
        assert torch.equal(one[[0, 2]], other)


def check_it_comes_back_from_a_file(case, tmp):
    stack, x = begun(case), rows(case)
    layout, buffers = stack.network.parameters, stack.network.buffers
    save_file(layout.split(stack.flat[1]) | buffers.split(stack.flat_buffers[1]), tmp / "one.safetensors")
    tensors = load_file(tmp / "one.safetensors")
    again = Stack(case.network, layout.join(tensors)[None], buffers.join(tensors)[None])
    assert torch.equal(again.forward(x[1:2]), stack.forward(x)[1:2])


def counts_its_parameters_and_products(case):
    """The layout, the table and torch's modules agree; the cost is what torch counts in a forward pass."""
    network = case.network
    reference = REFERENCES[case.spec.kind](case.spec, case.inputs, OUTPUTS)
    table = describe(case.settings, case.inputs, OUTPUTS)
    assert table == network.table()
    assert network.parameters.num_values == reference.num_parameters == sum(row["parameters"] for row in table)
    assert all(row.keys() == {"layer", "shape", "parameters"} for row in table)
    steps = torch.full((1, 1), case.inputs.shape[0])  # so that no kernel hides its products from the counter
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=FUSED) as counter:
        begun(case).only([0]).forward(rows(case)[:1, :1], None, steps)
    assert counter.get_total_flops() == 2 * network.cost()


def draws_noise_in_training_alone(case):
    """And each model its own share, from its own generator."""
    x, rates = rows(case), (0.5, 0.0, 0.5)
    plain, noisy = begun(case).forward(x, a_pass()), begun(case).forward(x, a_pass(rates=rates))
    torch.testing.assert_close(noisy[1], plain[1], rtol=1e-4, atol=1e-5)
    for model in (0, 2):
        assert not torch.allclose(noisy[model], plain[model], rtol=1e-2, atol=1e-2)
    assert torch.equal(begun(case).forward(x), begun(case).forward(x))


def embeds_what_its_last_layer_sees(case):
    """The embedding and the last layer give the outputs; and it takes a row at a time as well as many."""
    stack, x = begun(case, torch.float64), rows(case, torch.float64, count=300)
    embedded = stack.network.embed(stack.views, stack.buffers, x)
    name = stack.network.parameters.slots[-1].name.removesuffix(".bias")
    weight, bias = linear_of(stack.views, name, getattr(case.spec, "parametrization", "standard"))
    assert embedded.shape == (MODELS, 300, weight.shape[2])
    if members_of(case):  # each has a last layer of its own: together they are the mean of what these see
        seen = REFERENCES[case.spec.kind](case.spec, case.inputs, OUTPUTS)
        for model in range(MODELS):
            own = {name: view[model] for name, view in (stack.views | stack.buffers).items()}
            close(embedded[model], seen.hidden(own, x[model]).mean(0))
    else:
        close(torch.einsum("kbe,koe->kbo", embedded, weight) + bias[:, None], stack.forward(x))
    close(stack.network.embed(stack.views, stack.buffers, x[:, :1]), embedded[:, :1])


def begins_as_its_initialization_says(case):
    """Every scheme gives other weights, the same for the same generator, and nothing but numbers."""
    found = []
    for scheme in ("he", "xavier", "lecun", "orthogonal"):
        spec = case.spec.model_copy(update={"initialization": scheme})
        network = spec.build(case.inputs, OUTPUTS)
        for _ in range(2):
            flat = network.parameters.zeros(1, torch.float32, torch.device("cpu"))
            flat_buffers = network.buffers.zeros(1, torch.float32, torch.device("cpu"))
            views, buffers = network.parameters.views(flat), network.buffers.views(flat_buffers)
            network.initialize(spec, views, buffers, torch.Generator().manual_seed(0), sample(case))
            found.append(flat)
            assert torch.isfinite(flat).all()
            assert not any(
                view.any() for name, view in views.items() if name == "output.bias" or name.endswith("state.bias")
            )
    for scheme in range(4):
        assert torch.equal(found[2 * scheme], found[2 * scheme + 1])
        assert not any(torch.equal(found[2 * scheme], found[2 * other]) for other in range(scheme))


def says_nothing_at_first_with_a_zero_head(case):
    """The last weights are 0, so all classes are equal; all other weights begin as they would."""
    spec = case.spec.model_copy(update={"zero_head": True})
    found = {}
    for one in (case.spec, spec):
        network = one.build(case.inputs, OUTPUTS)
        flat = network.parameters.zeros(1, torch.float32, torch.device("cpu"))
        flat_buffers = network.buffers.zeros(1, torch.float32, torch.device("cpu"))
        views, buffers = network.parameters.views(flat), network.buffers.views(flat_buffers)
        network.initialize(one, views, buffers, torch.Generator().manual_seed(0), sample(case))
        x = rows(case, count=5)[:1]
        found[one.zero_head] = views, network.forward(views, buffers, x, None)
    for zero, (_, answers) in found.items():
        assert torch.equal(answers, answers[..., :1].expand_as(answers)) == zero
    assert sum(not torch.equal(found[True][0][name], view) for name, view in found[False][0].items()) == 1


CONTRACT = (
    gives_one_row_of_outputs_per_row,
    is_what_torchs_modules_make_of_its_parameters,
    gives_a_model_the_same_bits_in_every_stack,
    leaves_padding_out,
    lets_a_model_rest,
    counts_its_parameters_and_products,
    draws_noise_in_training_alone,
    walks_back_as_autograd_does,
    embeds_what_its_last_layer_sees,
    begins_as_its_initialization_says,
    says_nothing_at_first_with_a_zero_head,
)


def check_each_sequence_is_read_to_its_own_end(case):
    """As torch's modules with packed sequences or a padding mask; and what lies behind an end has no say."""
    stack, x = begun(case, torch.float64), rows(case, torch.float64, count=6)
    steps = case.inputs.shape[0]
    lengths = torch.tensor([[1, steps, 3, 2, steps, 5], [steps] * 6, [2, 1, steps, 4, 3, 1]])
    leaves = {name: view.clone().requires_grad_() for name, view in stack.views.items()}
    found = stack.network.forward(leaves, stack.buffers, x, None, lengths)
    upper = torch.randn(found.shape, generator=torch.Generator().manual_seed(1)).to(torch.float64)
    gradients = torch.autograd.grad(found, list(leaves.values()), upper)
    for model in range(MODELS):
        reference = REFERENCES[case.spec.kind](case.spec, case.inputs, OUTPUTS)
        own = {name: view[model].detach().clone().requires_grad_() for name, view in leaves.items()}
        wanted = reference(own, x[model], False, lengths[model])
        close(found[model], wanted)
        theirs = torch.autograd.grad(wanted, list(own.values()), upper[model])
        for ours, their in zip(gradients, theirs, strict=True):
            close(ours[model], their)
    behind = torch.arange(steps).view(1, 1, steps, 1) >= lengths[..., None, None]
    assert torch.equal(stack.forward(x.masked_fill(behind, 1e6), None, lengths), found)
    full = torch.full_like(lengths, steps)
    close(stack.forward(x, None, full), stack.forward(x))
