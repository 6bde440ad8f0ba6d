"""What torch's own modules make of our parameters: one function per architecture, for one model.

A reference is made for settings and the shape of a row; called with our tensors (by our names), it hands them to
torch's modules, so that gradients arrive at our tensors. `modules` holds the modules, whose parameters are counted.
"""

import math
from itertools import pairwise

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


class Reference:
    """Modules by name, and how our tensors are called there."""

    def __init__(self, spec, inputs, num_outputs):
        self.spec, self.inputs, self.num_outputs = spec, inputs, num_outputs
        self.modules = {}

    @property
    def num_parameters(self):
        return sum(value.numel() for module in self.modules.values() for value in module.parameters())

    def add(self, name, module):
        self.modules[name] = module.double()

    def through(self, name, tensors, *args, ours=None, **more):
        """Call a module with tensors {its own name: tensor}; ours None: <name>.weight and <name>.bias."""
        module = self.modules[name]
        if ours is None:
            ours = {one: tensors[f"{name}.{one}"] for one, _ in module.named_parameters()}
        return functional_call(module, ours, args, more)

    def norm(self, name, tensors, h, training):
        module = self.modules[name].train(training)
        ours = {
            "weight": tensors[f"{name}.scale"],
            "bias": tensors[f"{name}.shift"],
            "running_mean": tensors[f"{name}.mean"],  # brought up to date in place
            "running_var": tensors[f"{name}.variance"],
        }
        return functional_call(module, ours, (h,))


class OnTables(Reference):
    """What stands before the first layer."""

    def __init__(self, *args):
        super().__init__(*args)
        self.made = getattr(self.spec.numbers, "size", 1) - 1 if self.inputs.numbers else 0
        columns, codes = self.inputs.size - len(self.inputs.codes), self.inputs.codes
        self.width = columns + len(codes) * self.spec.embedding + self.inputs.numbers * self.made
        if codes:
            self.add("categories", nn.ModuleList([nn.Embedding(count, self.spec.embedding) for count in codes]))
        if self.made:
            inner = self.spec.numbers.waves if self.spec.numbers.kind == "periodic" else self.spec.numbers.bins
            inner = -(-inner // 16) * 16
            self.add("numbers", nn.ModuleList([nn.Linear(inner, self.made) for _ in range(self.inputs.numbers)]))
            if self.spec.numbers.kind == "periodic":
                self.add("numbers.waves", nn.ModuleList([nn.Linear(1, inner) for _ in range(self.inputs.numbers)]))

    def front(self, tensors, x):
        x = x.flatten(1)
        at = x.shape[1] - len(self.inputs.codes)
        parts, first = [x[:, :at]], 0
        for number, module in enumerate(self.modules.get("categories", ())):
            weight = {"weight": tensors["categories.vectors"][first : first + module.num_embeddings]}
            parts.append(functional_call(module, weight, (x[:, at + number].long(),)))
            first += module.num_embeddings
        if self.made:
            parts += [self.number(number, tensors, x[:, number]) for number in range(self.inputs.numbers)]
        return torch.cat(parts, dim=1)

    def number(self, number, tensors, x):
        ours = {one: tensors[f"numbers.{one}"][number] for one in ("weight", "bias")}
        if self.spec.numbers.kind == "periodic":
            ours = {name: 0.1 * value for name, value in ours.items()}
            frequency = 2 * torch.pi * 0.1 * tensors["numbers.frequency"][number]
            waves = {"weight": frequency[:, None], "bias": 0.1 * tensors["numbers.phase"][number]}
            inner = torch.cos(functional_call(self.modules["numbers.waves"][number], waves, (x[:, None],)))
            return functional_call(self.modules["numbers"][number], ours, (inner,))
        bins = tensors["numbers.bins"][:, number].T
        inner = torch.stack([((x - edge) * slope).clamp(0, 1) for edge, slope in bins], dim=1)
        return functional_call(self.modules["numbers"][number], ours, (inner,)).relu()


class MLP(OnTables):
    def __init__(self, *args):
        super().__init__(*args)
        widths = [self.width, *[self.spec.width] * self.spec.layers, self.num_outputs]
        if self.spec.front_scale:
            self.add("front.scale", Tokens(self.width))
        for number, (width, outputs) in enumerate(pairwise(widths)):
            self.add(f"{number}", nn.Linear(width, outputs))
            if number == self.spec.layers:
                break
            if self.spec.batch_norm:
                self.add(f"{number}.norm", nn.BatchNorm1d(outputs))
            if self.spec.parametric:
                self.add(f"{number}.mix", Tokens(outputs))

    def __call__(self, tensors, x, training, lengths=None):
        h = self.front(tensors, x)
        if self.spec.front_scale:
            h = h * 6 * tensors["front.scale"]
        for number in range(self.spec.layers):
            before = h
            h = self.linear(number, tensors, h)
            if self.spec.batch_norm:
                h = self.norm(f"{number}.norm", tensors, h, training)
            active = ACTIVATIONS[self.spec.activation]()(h)
            if self.spec.parametric:
                mix = 0.1 * tensors[f"{number}.mix"]
                active = (1 - mix) * h + mix * active
            h = before + active if self.spec.residual and number else active
        return self.linear(self.spec.layers, tensors, h)

    def linear(self, number, tensors, h):
        if self.spec.parametrization == "standard":
            return self.through(f"{number}", tensors, h)
        ours = {
            "weight": tensors[f"{number}.weight"] / h.shape[1] ** 0.5,
            "bias": 0.1 * tensors[f"{number}.bias"],
        }
        return self.through(f"{number}", tensors, h, ours=ours)


class ResNet(OnTables):
    def __init__(self, *args):
        super().__init__(*args)
        width, inner = self.spec.width, self.spec.factor * self.spec.width
        self.add("first", nn.Linear(self.width, width))
        for block in range(self.spec.blocks):
            self.add(f"{block}.norm", nn.BatchNorm1d(width))
            self.add(f"{block}.wide", nn.Linear(width, inner))
            self.add(f"{block}.narrow", nn.Linear(inner, width))
        self.add("norm", nn.BatchNorm1d(width))
        self.add("output", nn.Linear(width, self.num_outputs))

    def __call__(self, tensors, x, training, lengths=None):
        activation = ACTIVATIONS[self.spec.activation]()
        h = self.through("first", tensors, self.front(tensors, x))
        for block in range(self.spec.blocks):
            inner = self.through(f"{block}.wide", tensors, self.norm(f"{block}.norm", tensors, h, training))
            h = h + self.through(f"{block}.narrow", tensors, activation(inner))
        return self.through("output", tensors, activation(self.norm("norm", tensors, h, training)))


class CNN(Reference):
    def __init__(self, *args):
        super().__init__(*args)
        spec, (height, width, channels) = self.spec, self.inputs.shape
        self.places = {}
        for block in range(spec.blocks):
            filters, into = spec.filters * 2**block, channels
            for number in range(spec.convolutions):
                padding = self.padding(min(height, width))
                stride = spec.stride if number == 0 else 1
                self.add(
                    f"{block}.{number}", nn.Conv2d(into, filters, spec.kernel, stride, 0, bias=not spec.batch_norm)
                )
                if spec.batch_norm:
                    self.add(f"{block}.{number}.norm", nn.BatchNorm2d(filters))
                self.places[block, number] = (stride, padding)
                height, width = ((side + sum(padding) - spec.kernel) // stride + 1 for side in (height, width))
                into = filters
            if spec.residual:
                self.add(f"{block}.shortcut", nn.Conv2d(channels, filters, 1, bias=False))
            if spec.pooling != "none":
                height, width = max(height // 2, 1), max(width // 2, 1)
            channels = filters
        features = channels if spec.head == "average" else channels * height * width
        self.add("output", nn.Linear(features, self.num_outputs))

    def padding(self, side):
        same = ((self.spec.kernel - 1) // 2, self.spec.kernel // 2)
        own = {"same": same, "valid": (0, 0)}.get(self.spec.padding, (self.spec.padding, self.spec.padding))
        return own if side + sum(own) >= self.spec.kernel else same

    def __call__(self, tensors, x, training, lengths=None):
        h = x.permute(0, 3, 1, 2)
        for block in range(self.spec.blocks):
            h = self.block(block, tensors, h, training)
        h = h.mean((2, 3)) if self.spec.head == "average" else h.flatten(1)
        return self.through("output", tensors, h)

    def block(self, block, tensors, h, training):
        spec, beside, activation = self.spec, h, ACTIVATIONS[self.spec.activation]()
        for number in range(spec.convolutions):
            name, (stride, padding) = f"{block}.{number}", self.places[block, number]
            ours = {"weight": tensors[f"{name}.weight"].permute(0, 3, 1, 2)}
            if not spec.batch_norm:
                ours["bias"] = tensors[f"{name}.bias"]
            h = self.through(name, tensors, functional.pad(h, (*padding, *padding)), ours=ours)
            if spec.batch_norm:
                h = self.norm(f"{name}.norm", tensors, h, training)
            beside = self.middle(beside, stride, padding)
            if number < spec.convolutions - 1:
                h = activation(h)
        if spec.residual:
            shortcut = {"weight": tensors[f"{block}.shortcut.weight"].permute(0, 3, 1, 2)}
            h = h + self.through(f"{block}.shortcut", tensors, beside, ours=shortcut)
        h = activation(h)
        window = tuple(min(2, side) for side in h.shape[2:])
        pools = {"max": nn.MaxPool2d(window), "average": nn.AvgPool2d(window), "none": nn.Identity()}
        return pools[spec.pooling](h)

    def middle(self, h, stride, padding):
        """The middle pixel of each window, by a convolution that picks it."""
        picks = torch.zeros(h.shape[1], 1, self.spec.kernel, self.spec.kernel, dtype=h.dtype)
        picks[:, 0, (self.spec.kernel - 1) // 2, (self.spec.kernel - 1) // 2] = 1
        return functional.conv2d(functional.pad(h, (*padding, *padding)), picks, stride=stride, groups=h.shape[1])


class Recurrent(Reference):
    kind = nn.RNN

    def __init__(self, *args):
        super().__init__(*args)
        spec, width = self.spec, self.inputs.size // self.inputs.shape[0]
        more = {"nonlinearity": spec.activation} if self.kind is nn.RNN else {}
        self.add(
            "cells",
            self.kind(width, spec.width, spec.layers, batch_first=True, bidirectional=spec.bidirectional, **more),
        )
        outputs = spec.width * (1 + spec.bidirectional)
        if spec.pooling == "attention":
            self.add("attention", nn.Linear(outputs, outputs))
            self.add("attention.query", nn.Linear(outputs, 1, bias=False))
        self.add("output", nn.Linear(outputs, self.num_outputs))

    def __call__(self, tensors, x, training, lengths=None):
        x = x.flatten(2)
        lengths = torch.full((len(x),), x.shape[1]) if lengths is None else lengths
        ours = {}
        for name, _ in self.modules["cells"].named_parameters():  # weight_ih_l0_reverse
            what, side, layer, *reverse = name.split("_")
            direction = "backward" if reverse else "forward"
            ours[name] = tensors[f"{layer[1:]}.{direction}.{'input' if side == 'ih' else 'state'}.{what}"]
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        told, last = functional_call(self.modules["cells"], ours, (packed,))
        told, _ = pad_packed_sequence(told, batch_first=True, total_length=x.shape[1])
        last = last[0] if isinstance(last, tuple) else last
        valid = torch.arange(x.shape[1]) < lengths[:, None]
        if self.spec.pooling == "last":
            seen = torch.cat(list(last[-(1 + self.spec.bidirectional) :]), dim=1)
        elif self.spec.pooling == "mean":
            seen = told.sum(1) / lengths[:, None]
        else:
            found = torch.tanh(self.through("attention", tensors, told))
            scores = self.through("attention.query", tensors, found)[..., 0]
            share = torch.softmax(scores.masked_fill(~valid, -torch.inf), dim=1)
            seen = (told * share[..., None]).sum(1)
        return self.through("output", tensors, seen)


class GRU(Recurrent):
    kind = nn.GRU


class LSTM(Recurrent):
    kind = nn.LSTM


class Tokens(nn.Module):
    """Learned vectors."""

    def __init__(self, *shape):
        super().__init__()
        self.values = nn.Parameter(torch.zeros(*shape))


class Transformer(Reference):
    def __init__(self, *args):
        super().__init__(*args)
        spec, shape = self.spec, self.inputs.shape
        if len(shape) == 3:
            steps, width = -(-shape[0] // spec.patch) * -(-shape[1] // spec.patch), spec.patch**2 * shape[2]
        else:
            steps, width = shape
        self.add("embedding", nn.Linear(width, spec.width))
        self.add("positions", Tokens(steps, spec.width))
        if spec.pooling == "class_token":
            self.add("class_token", Tokens(1, spec.width))
        for layer in range(spec.layers):
            self.add(
                f"{layer}",
                nn.TransformerEncoderLayer(
                    spec.width,
                    spec.heads,
                    spec.feed_forward * spec.width,
                    dropout=0.0,
                    activation=ACTIVATIONS[spec.activation](),
                    batch_first=True,
                    norm_first=spec.norm == "pre",
                ),
            )
        if spec.norm == "pre":
            self.add("norm", nn.LayerNorm(spec.width))
        self.add("output", nn.Linear(spec.width, self.num_outputs))

    def __call__(self, tensors, x, training, lengths=None):
        spec = self.spec
        if x.ndim == 4:
            down, right = (-side % spec.patch for side in x.shape[1:3])
            whole = functional.pad(x.permute(0, 3, 1, 2), (0, right, 0, down))
            parts = functional.unfold(whole, spec.patch, stride=spec.patch)  # [B, D * side * side, T]
            x = parts.transpose(1, 2).unflatten(2, (-1, spec.patch**2)).transpose(2, 3).flatten(2)
        h = self.through("embedding", tensors, x) + tensors["positions"]
        lengths = torch.full((len(x),), x.shape[1]) if lengths is None else lengths
        if spec.pooling == "class_token":
            h, lengths = torch.cat([tensors["class_token"].expand(len(h), 1, -1), h], dim=1), lengths + 1
        valid = torch.arange(h.shape[1]) < lengths[:, None]
        for layer in range(spec.layers):
            ours = self.layer(tensors, layer)
            mask = torch.zeros(valid.shape, dtype=h.dtype).masked_fill(~valid, -torch.inf)
            h = self.through(f"{layer}", tensors, h, ours=ours, src_key_padding_mask=mask)
        if spec.norm == "pre":
            h = self.through("norm", tensors, h, ours={"weight": tensors["norm.scale"], "bias": tensors["norm.shift"]})
        if spec.pooling == "class_token":
            return self.through("output", tensors, h[:, 0])
        return self.through("output", tensors, (h * valid[..., None]).sum(1) / lengths[:, None])

    def layer(self, tensors, layer):
        ours = {}
        for what in ("weight", "bias"):
            parts = [tensors[f"{layer}.{name}.{what}"] for name in ("query", "key", "value")]
            ours[f"self_attn.in_proj_{what}"] = torch.cat(parts)
            ours[f"self_attn.out_proj.{what}"] = tensors[f"{layer}.mixed.{what}"]
            ours[f"linear1.{what}"] = tensors[f"{layer}.wide.{what}"]
            ours[f"linear2.{what}"] = tensors[f"{layer}.narrow.{what}"]
            norm = {"weight": "scale", "bias": "shift"}[what]
            ours[f"norm1.{what}"] = tensors[f"{layer}.attention.norm.{norm}"]
            ours[f"norm2.{what}"] = tensors[f"{layer}.linear.norm.{norm}"]
        return ours


class TabM(OnTables):
    def __init__(self, *args):
        super().__init__(*args)
        spec, width = self.spec, self.width
        self.adapts = spec.variant == "tabm"
        for number in range(spec.layers):
            self.add(f"{number}", nn.Linear(width, spec.width, bias=False))
            self.add(f"{number}.bias", Tokens(spec.members if self.adapts else 1, spec.width))
            if self.adapts or number == 0:
                self.add(f"{number}.before", Tokens(spec.members, width))
            if self.adapts:
                self.add(f"{number}.behind", Tokens(spec.members, spec.width))
            width = spec.width
        for member in range(spec.members):
            self.add(f"output.{member}", nn.Linear(width, self.num_outputs))

    def __call__(self, tensors, x, training, lengths=None):
        answers = []
        for member, h in enumerate(self.hidden(tensors, x)):
            weight = tensors["output.weight"].chunk(self.spec.members)[member]
            ours = {"weight": weight, "bias": tensors["output.bias"][member]}
            answers.append(self.through(f"output.{member}", tensors, h, ours=ours))
        return torch.stack(answers, dim=1) if training else torch.stack(answers).softmax(2).mean(0).log()

    def hidden(self, tensors, x):
        """What the last layer of each member sees [m, B, O], one member after another."""
        found, seen = [], self.front(tensors, x)
        for member in range(self.spec.members):
            h = seen
            for number in range(self.spec.layers):
                if self.adapts or number == 0:
                    h = h * tensors[f"{number}.before"][member]
                h = self.through(f"{number}", tensors, h)
                if self.adapts:
                    h = h * tensors[f"{number}.behind"][member]
                h = ACTIVATIONS[self.spec.activation]()(h + tensors[f"{number}.bias"][member if self.adapts else 0])
            found.append(h)
        return torch.stack(found)


class FTTransformer(OnTables):
    def __init__(self, *args):
        super().__init__(*args)
        spec, width = self.spec, self.spec.width
        self.wide = -(-math.ceil(spec.feed_forward * width) // 16) * 16
        self.add("columns.slope", Tokens(self.inputs.size - len(self.inputs.codes), width))
        self.add("columns.bias", Tokens(self.inputs.size, width))
        self.add("class_token", Tokens(1, width))
        for layer in range(spec.layers):
            if layer:
                self.add(f"{layer}.attention.norm", nn.LayerNorm(width))
            self.add(f"{layer}.attention", nn.MultiheadAttention(width, spec.heads, batch_first=True))
            self.add(f"{layer}.linear.norm", nn.LayerNorm(width))
            self.add(f"{layer}.wide", nn.Linear(width, 2 * self.wide))
            self.add(f"{layer}.narrow", nn.Linear(self.wide, width))
        self.add("norm", nn.LayerNorm(width))
        self.add("output", nn.Linear(width, self.num_outputs))

    def __call__(self, tensors, x, training, lengths=None):
        h = torch.cat([tensors["class_token"].expand(len(x), 1, -1), self.columns(tensors, x)], dim=1)
        for layer in range(self.spec.layers):
            seen = self.normal(f"{layer}.attention.norm", tensors, h) if layer else h
            parts = {what: [tensors[f"{layer}.{one}.{what}"] for one in ASKING] for what in ("weight", "bias")}
            ours = {f"in_proj_{what}": torch.cat(values) for what, values in parts.items()}
            ours |= {f"out_proj.{what}": tensors[f"{layer}.mixed.{what}"] for what in ("weight", "bias")}
            h = h + self.through(f"{layer}.attention", tensors, seen, seen, seen, ours=ours)[0]
            wide = self.through(f"{layer}.wide", tensors, self.normal(f"{layer}.linear.norm", tensors, h))
            value, gate = wide[..., : self.wide], wide[..., self.wide :]
            h = h + self.through(f"{layer}.narrow", tensors, value * nn.ReLU()(gate))
        return self.through("output", tensors, nn.ReLU()(self.normal("norm", tensors, h[:, 0])))

    def columns(self, tensors, x):
        """The token of each column, made column by column."""
        numbers, first, found = self.inputs.size - len(self.inputs.codes), 0, []
        for column in range(numbers):
            found.append(x[:, column : column + 1] * tensors["columns.slope"][column])
        for number, codes in enumerate(self.inputs.codes):
            weight = {"weight": tensors["categories.vectors"][first : first + codes]}
            found.append(functional_call(self.modules["categories"][number], weight, (x[:, numbers + number].long(),)))
            first += codes
        return torch.stack(found, dim=1) + tensors["columns.bias"]

    def normal(self, name, tensors, h):
        return self.through(
            name, tensors, h, ours={"weight": tensors[f"{name}.scale"], "bias": tensors[f"{name}.shift"]}
        )


ASKING = ("query", "key", "value")
REFERENCES = {
    "ft_transformer": FTTransformer,
    "mlp": MLP,
    "tabm": TabM,
    "resnet": ResNet,
    "cnn": CNN,
    "rnn": Recurrent,
    "gru": GRU,
    "lstm": LSTM,
    "transformer": Transformer,
}
