"""The table technique -> key of params.yaml -> file that holds it: `espalier list` prints it, the README shows it.

A test holds the three together: every key is found among the settings, every file is there, and the README's table has
these lines.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Technique:
    """One line of the table."""

    name: str
    key: str  # empty: nothing is set, it is always done
    written: str  # what stands behind the key
    place: str  # its file, below components/

    @property
    def file(self) -> str:
        """The file that holds it, from the top of the repository."""
        return f"components/{self.place}"


TECHNIQUES = (
    Technique("CSV, Parquet, globs, examples", "ingest.source", "customers.csv", "data/ingest.py"),
    Technique("pictures: class folders, .npz", "ingest.source", "photos", "data/images/ingest.py"),
    Technique("size and colours of pictures", "ingest.size", "64", "data/images/reading.py"),
    Technique("findings about pictures", "validate.duplicates", "drop", "data/images/validation.py"),
    Technique("leakage and other findings", "validate.on_error", "stop", "data/findings.py"),
    Technique("types of columns", "validate.columns", "{zip: categorical}", "data/schema_inference.py"),
    Technique("train and test; k-fold; stratified, grouped", "split.by", "stratified", "data/splits.py"),
    Technique("splits by time, expanding window", "split.by", "time", "data/time_order.py"),
    Technique("groups and time that folds would tear", "", "", "data/split_checks.py"),
    Technique("gaussian noise", "augment.noise", "0.1", "augmentation/noise.py"),
    Technique("SMOTE", "augment.smote", "true", "augmentation/smote.py"),
    Technique("rotation of pictures", "augment.rotation", "15", "augmentation/geometry.py"),
    Technique("scaling of pictures", "augment.scaling", "0.1", "augmentation/geometry.py"),
    Technique("flipping of pictures", "augment.flip", "horizontal", "augmentation/geometry.py"),
    Technique("translation of pictures", "augment.translation", "0.1", "augmentation/geometry.py"),
    Technique("shear of pictures", "augment.shear", "0.1", "augmentation/geometry.py"),
    Technique("crop of pictures", "augment.crop", "0.1", "augmentation/geometry.py"),
    Technique("brightness, contrast", "augment.brightness", "0.3", "augmentation/colour.py"),
    Technique("colour: saturation, hue", "augment.hue", "0.1", "augmentation/colour.py"),
    Technique("cutout", "augment.cutout", "0.25", "augmentation/cutout.py"),
    Technique("mixup, cutmix", "augment.mixup", "0.2", "augmentation/mixing.py"),
    Technique("missing values", "search.preprocess.impute", "median", "data/preprocessing/impute.py"),
    Technique(
        "scaling, robust with smooth clipping",
        "search.preprocess.scale",
        "robust_smooth",
        "data/preprocessing/scale.py",
    ),
    Technique("outlier clipping", "search.preprocess.outliers", "clip", "data/preprocessing/outliers.py"),
    Technique("pixels in [0, 1], in [-1, 1]", "search.preprocess.scale", "unit", "data/preprocessing/images.py"),
    Technique("pixels for trees and lines", "boosting.features", "pixels", "data/preprocessing/images.py"),
    Technique("a network's embedding for trees and lines", "bagging.features", "embedding", "training/embedding.py"),
    Technique("one-hot, ordinal, embedding", "search.preprocess.encode", "one_hot", "data/preprocessing/encode.py"),
    Technique(
        "out-of-fold target encoding", "search.preprocess.encode", "target", "data/preprocessing/target_encoding.py"
    ),
    Technique("rare levels", "search.preprocess.rare", "5", "data/preprocessing/rare.py"),
    Technique("dates: parts, sine and cosine", "search.preprocess.dates", "cyclic", "data/preprocessing/dates.py"),
    Technique("texts: TF-IDF, truncated SVD", "search.preprocess.text", "32", "data/preprocessing/text.py"),
    Technique(
        "numbers learned as logarithms, ranks", "search.preprocess.target", "log", "data/preprocessing/target.py"
    ),
    Technique("grid, random, Bayesian search", "search.sampler", "tpe", "search/samplers.py"),
    Technique("CMA-ES", "search.sampler", "cmaes", "search/cma_es.py"),
    Technique("quasi-random search (Sobol)", "search.sampler", "qmc", "search/qmc.py"),
    Technique("pruning of trials", "search.pruner", "halving", "search/pruners.py"),
    Technique("racing over folds", "search.pruner", "racing", "search/racing.py"),
    Technique("score against cost: a Pareto front", "search.objectives", "[score, parameters]", "search/objectives.py"),
    Technique("known strong configurations first", "search.start", "portfolio", "training/portfolio.py"),
    Technique("fully connected networks", "search.network", "{kind: mlp}", "networks/mlp.py"),
    Technique("TabM: perceptrons that share matrices", "search.network", "{kind: tabm}", "networks/tabm.py"),
    Technique("adapters of members, heads", "search.network.tabm.members", "16", "networks/members.py"),
    Technique(
        "FT-Transformer: columns as tokens", "search.network", "{kind: ft_transformer}", "networks/ft_transformer.py"
    ),
    Technique("convolutional networks", "search.network", "{kind: cnn}", "networks/cnn.py"),
    Technique("filters, kernel, stride", "search.network.cnn.filters", "32", "networks/convolution.py"),
    Technique("padding", "search.network.cnn.padding", "same", "networks/sides.py"),
    Technique("max and average pooling", "search.network.cnn.pooling", "max", "networks/pooling.py"),
    Technique("residual connections", "search.network.cnn.residual", "true", "networks/cnn.py"),
    Technique("recurrent networks", "search.network", "{kind: rnn}", "networks/rnn.py"),
    Technique("LSTM", "search.network", "{kind: lstm}", "networks/lstm.py"),
    Technique("GRU", "search.network", "{kind: gru}", "networks/gru.py"),
    Technique("both directions of a sequence", "search.network.gru.bidirectional", "true", "networks/recurrent.py"),
    Technique(
        "last state, mean or attention over steps",
        "search.network.gru.pooling",
        "attention",
        "networks/sequence_pooling.py",
    ),
    Technique("Transformer encoders", "search.network", "{kind: transformer}", "networks/transformer.py"),
    Technique("self-attention", "search.network.transformer.heads", "4", "networks/attention.py"),
    Technique("layer normalization", "search.network.transformer.norm", "pre", "networks/layer_norm.py"),
    Technique("ReLU, sigmoid, tanh, ...", "search.network.activation", "relu", "networks/activations.py"),
    Technique(
        "He, Xavier, LeCun, orthogonal first weights",
        "search.network.initialization",
        "he",
        "networks/initialization.py",
    ),
    Technique("zero head", "search.network.zero_head", "true", "networks/plan.py"),
    Technique("residual networks for tables", "search.network", "{kind: resnet}", "networks/resnet.py"),
    Technique("numbers as waves: PBLD", "search.network.numbers", "periodic", "networks/numbers.py"),
    Technique(
        "piecewise linear encoding of numbers",
        "search.network.numbers",
        "{kind: piecewise, bins: 48}",
        "networks/number_maps.py",
    ),
    Technique("embeddings of categories", "search.network.embedding", "8", "networks/embedding.py"),
    Technique("scaling layer", "search.network.front_scale", "true", "networks/scaled.py"),
    Technique("NTK parametrization", "search.network.parametrization", "ntk", "networks/scaled.py"),
    Technique("parametric activations", "search.network.parametric", "true", "networks/parametric.py"),
    Technique("residual perceptrons", "search.network.residual", "true", "networks/mlp.py"),
    Technique("batch normalization", "search.network.batch_norm", "true", "networks/batch_norm.py"),
    Technique("dropout", "search.network.dropout", "0.2", "networks/dropout.py"),
    Technique(
        "cross-entropy, binary and categorical; focal loss",
        "search.training.loss",
        "{kind: focal, gamma: 2.0}",
        "training/losses/classes.py",
    ),
    Technique(
        "MSE, MAE, Huber, quantile",
        "search.training.loss",
        "{kind: quantile, level: 0.9}",
        "training/losses/numbers.py",
    ),
    Technique("label smoothing", "search.training.label_smoothing", "0.1", "training/losses/classes.py"),
    Technique("class weights", "search.training.class_weights", "balanced", "training/losses/weighting.py"),
    Technique("batch, mini-batch, stochastic", "search.training.batch_size", "full", "training/batches.py"),
    Technique(
        "SGD, momentum, Nesterov",
        "search.training.optimizer",
        "{kind: sgd, momentum: 0.9, nesterov: true}",
        "training/optimizers/sgd.py",
    ),
    Technique(
        "Adam, AdamW, AMSGrad", "search.training.optimizer", "{kind: adamw, beta2: 0.95}", "training/optimizers/adam.py"
    ),
    Technique(
        "RMSprop", "search.training.optimizer", "{kind: rmsprop, centered: true}", "training/optimizers/rmsprop.py"
    ),
    Technique("Adagrad", "search.training.optimizer", "{kind: adagrad}", "training/optimizers/adagrad.py"),
    Technique("L2 in the gradient", "search.training.optimizer.sgd.l2", "5.0e-4", "training/optimizers/common.py"),
    Technique(
        "weight decay beside the gradient",
        "search.training.optimizer.adamw.weight_decay",
        "0.01",
        "training/optimizers/adam.py",
    ),
    Technique("step, exponential rates", "search.training.schedule", "step", "training/schedules/falling.py"),
    Technique(
        "cyclical rates; one-cycle",
        "search.training.schedule",
        "{kind: cyclical, mode: triangular2}",
        "training/schedules/cycles.py",
    ),
    Technique(
        "cosine, coslog4, flat, then cosine", "search.training.schedule", "coslog4", "training/schedules/cosines.py"
    ),
    Technique("warm-up", "search.training.warmup", "5", "training/schedules/warm_up.py"),
    Technique("gradient clipping by norm", "search.training.clip_norm", "1.0", "training/clipping.py"),
    Technique(
        "averaged weights: EMA, SWA", "search.training.averaging", "{kind: ema, decay: 0.99}", "training/averaging.py"
    ),
    Technique("L1", "search.training.l1", "1.0e-4", "training/population.py"),
    Technique("products in TF32 or bfloat16", "search.training.precision", "bfloat16", "networks/products.py"),
    Technique("early stopping", "search.training.early_stopping", "{patience: 16}", "training/early_stopping.py"),
    Technique("networks trained again on all rows", "search.refit", "auto", "training/refit.py"),
    Technique("boosting", "boosting.trees", "{max_depth: 6}", "ensembles/boosting.py"),
    Technique("XGBoost", "boosting.library", "[lightgbm, xgboost]", "ensembles/boosting_xgboost.py"),
    Technique("LightGBM", "boosting.library", "lightgbm", "ensembles/boosting_lightgbm.py"),
    Technique("CatBoost", "boosting.library", "[xgboost, catboost]", "ensembles/boosting_catboost.py"),
    Technique("monotone columns", "boosting.monotone", "{tenure: falling}", "ensembles/boosting_fit.py"),
    Technique("early stopping of trees", "boosting.early_stopping", "{patience: 100}", "ensembles/boosting_fit.py"),
    Technique("trees grown again on all rows", "boosting.refit", "auto", "ensembles/refit.py"),
    Technique("bagging: random forest, extra trees", "bagging.members", "[extra_trees]", "ensembles/forests.py"),
    Technique("regularised linear models", "bagging.members", "[linear]", "ensembles/linear.py"),
    Technique("nearest neighbours", "bagging.members", "[nearest_neighbours]", "ensembles/nearest_neighbours.py"),
    Technique("repeated bags", "bagging.repeats", "3", "ensembles/bagging.py"),
    Technique("stacking, the way by nested folds", "stacking.method", "auto", "ensembles/stacking.py"),
    Technique("greedy ensemble selection", "stacking.method", "greedy", "ensembles/greedy.py"),
    Technique("convex weights", "stacking.method", "convex", "ensembles/convex.py"),
    Technique("logistic and ridge meta-learner", "stacking.method", "linear", "ensembles/meta_learner.py"),
    Technique("a second layer", "stacking.method", "two_layers", "ensembles/second_layer.py"),
    Technique("temperature scaling", "stacking.calibrate", "true", "ensembles/temperature.py"),
    Technique("decision threshold", "metric", "balanced_accuracy", "ensembles/decision_threshold.py"),
    Technique("a limit of speed", "stacking.max_ms_per_row", "0.5", "ensembles/speed.py"),
    Technique("distillation", "stacking.distill", "boosting", "ensembles/soft_labels.py"),
    Technique("metrics to be optimised", "metric", "f1", "metrics/registry.py"),
    Technique("bootstrap intervals", "evaluate.interval", "0.95", "evaluation/bootstrap.py"),
    Technique("threshold of a yes, set by hand", "evaluate.threshold", "0.3", "evaluation/spec.py"),
    Technique("optimism of the search: nested selection", "", "", "evaluation/honesty.py"),
    Technique("gain over the untuned default, paired", "", "", "search/first_point.py"),
    Technique("target encoding that leaks", "", "", "data/encoded_target.py"),
    Technique("over- and underfitting, in words", "", "", "evaluation/diagnosis.py"),
    Technique("permutation importance", "", "", "evaluation/importance.py"),
    Technique("model card", "export.card", "true", "serving/bundle.py"),
)


def markdown() -> str:
    """Return the table as the README has it."""
    lines = ["| technique | key | written | file |", "|---|---|---|---|"]
    for one in TECHNIQUES:
        key = f"`{one.key}`" if one.key else ""
        written = f"`{one.written}`" if one.written else "always"
        lines.append(f"| {one.name} | {key} | {written} | [{one.place}]({one.file}) |")
    return "\n".join(lines) + "\n"


def text() -> str:
    """Return the table for the terminal."""
    names = max(len(one.name) for one in TECHNIQUES) + 2
    keys = max(len(one.key) for one in TECHNIQUES) + 2
    return "\n".join(f"{one.name:{names}}{one.key:{keys}}{one.file}" for one in TECHNIQUES)
