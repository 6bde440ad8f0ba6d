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
    file: str


TECHNIQUES = (
    Technique("CSV, Parquet, globs, examples", "ingest.source", "customers.csv", "components/data/ingest.py"),
    Technique("pictures: class folders, .npz", "ingest.source", "photos", "components/data/images/ingest.py"),
    Technique("size and colours of pictures", "ingest.size", "64", "components/data/images/reading.py"),
    Technique("findings about pictures", "validate.duplicates", "drop", "components/data/images/validation.py"),
    Technique("leakage and other findings", "validate.on_error", "stop", "components/data/findings.py"),
    Technique("types of columns", "validate.columns", "{zip: categorical}", "components/data/schema_inference.py"),
    Technique("train and test; k-fold; stratified, grouped", "split.by", "stratified", "components/data/splits.py"),
    Technique("splits by time, expanding window", "split.by", "time", "components/data/time_order.py"),
    Technique("groups and time that folds would tear", "", "", "components/data/split_checks.py"),
    Technique("gaussian noise", "augment.noise", "0.1", "components/augmentation/noise.py"),
    Technique("SMOTE", "augment.smote", "true", "components/augmentation/smote.py"),
    Technique("rotation of pictures", "augment.rotation", "15", "components/augmentation/geometry.py"),
    Technique("scaling of pictures", "augment.scaling", "0.1", "components/augmentation/geometry.py"),
    Technique("flipping of pictures", "augment.flip", "horizontal", "components/augmentation/geometry.py"),
    Technique("translation of pictures", "augment.translation", "0.1", "components/augmentation/geometry.py"),
    Technique("shear of pictures", "augment.shear", "0.1", "components/augmentation/geometry.py"),
    Technique("crop of pictures", "augment.crop", "0.1", "components/augmentation/geometry.py"),
    Technique("brightness, contrast", "augment.brightness", "0.3", "components/augmentation/colour.py"),
    Technique("colour: saturation, hue", "augment.hue", "0.1", "components/augmentation/colour.py"),
    Technique("cutout", "augment.cutout", "0.25", "components/augmentation/cutout.py"),
    Technique("mixup, cutmix", "augment.mixup", "0.2", "components/augmentation/mixing.py"),
    Technique("missing values", "search.preprocess.impute", "median", "components/data/preprocessing/impute.py"),
    Technique(
        "scaling, robust with smooth clipping",
        "search.preprocess.scale",
        "robust_smooth",
        "components/data/preprocessing/scale.py",
    ),
    Technique("outlier clipping", "search.preprocess.outliers", "clip", "components/data/preprocessing/outliers.py"),
    Technique(
        "pixels in [0, 1], in [-1, 1]", "search.preprocess.scale", "unit", "components/data/preprocessing/images.py"
    ),
    Technique("pixels for trees and lines", "boosting.features", "pixels", "components/data/preprocessing/images.py"),
    Technique(
        "a network's embedding for trees and lines", "bagging.features", "embedding", "components/training/embedding.py"
    ),
    Technique(
        "one-hot, ordinal, embedding", "search.preprocess.encode", "one_hot", "components/data/preprocessing/encode.py"
    ),
    Technique(
        "out-of-fold target encoding",
        "search.preprocess.encode",
        "target",
        "components/data/preprocessing/target_encoding.py",
    ),
    Technique("rare levels", "search.preprocess.rare", "5", "components/data/preprocessing/rare.py"),
    Technique(
        "dates: parts, sine and cosine", "search.preprocess.dates", "cyclic", "components/data/preprocessing/dates.py"
    ),
    Technique("texts: TF-IDF, truncated SVD", "search.preprocess.text", "32", "components/data/preprocessing/text.py"),
    Technique(
        "numbers learned as logarithms, ranks",
        "search.preprocess.target",
        "log",
        "components/data/preprocessing/target.py",
    ),
    Technique("grid, random, Bayesian search", "search.sampler", "tpe", "components/search/samplers.py"),
    Technique("CMA-ES", "search.sampler", "cmaes", "components/search/cma_es.py"),
    Technique("quasi-random search (Sobol)", "search.sampler", "qmc", "components/search/qmc.py"),
    Technique("pruning of trials", "search.pruner", "halving", "components/search/pruners.py"),
    Technique("racing over folds", "search.pruner", "racing", "components/search/racing.py"),
    Technique(
        "score against cost: a Pareto front",
        "search.objectives",
        "[score, parameters]",
        "components/search/objectives.py",
    ),
    Technique("known strong configurations first", "search.start", "portfolio", "components/training/portfolio.py"),
    Technique("fully connected networks", "search.network", "{kind: mlp}", "components/networks/mlp.py"),
    Technique("TabM: perceptrons that share matrices", "search.network", "{kind: tabm}", "components/networks/tabm.py"),
    Technique("adapters of members, heads", "search.network.tabm.members", "16", "components/networks/members.py"),
    Technique(
        "FT-Transformer: columns as tokens",
        "search.network",
        "{kind: ft_transformer}",
        "components/networks/ft_transformer.py",
    ),
    Technique("convolutional networks", "search.network", "{kind: cnn}", "components/networks/cnn.py"),
    Technique("filters, kernel, stride", "search.network.cnn.filters", "32", "components/networks/convolution.py"),
    Technique("padding", "search.network.cnn.padding", "same", "components/networks/sides.py"),
    Technique("max and average pooling", "search.network.cnn.pooling", "max", "components/networks/pooling.py"),
    Technique("residual connections", "search.network.cnn.residual", "true", "components/networks/cnn.py"),
    Technique("recurrent networks", "search.network", "{kind: rnn}", "components/networks/rnn.py"),
    Technique("LSTM", "search.network", "{kind: lstm}", "components/networks/lstm.py"),
    Technique("GRU", "search.network", "{kind: gru}", "components/networks/gru.py"),
    Technique(
        "both directions of a sequence", "search.network.gru.bidirectional", "true", "components/networks/recurrent.py"
    ),
    Technique(
        "last state, mean or attention over steps",
        "search.network.gru.pooling",
        "attention",
        "components/networks/sequence_pooling.py",
    ),
    Technique("Transformer encoders", "search.network", "{kind: transformer}", "components/networks/transformer.py"),
    Technique("self-attention", "search.network.transformer.heads", "4", "components/networks/attention.py"),
    Technique("layer normalization", "search.network.transformer.norm", "pre", "components/networks/layer_norm.py"),
    Technique("ReLU, sigmoid, tanh, ...", "search.network.activation", "relu", "components/networks/activations.py"),
    Technique(
        "He, Xavier, LeCun, orthogonal first weights",
        "search.network.initialization",
        "he",
        "components/networks/initialization.py",
    ),
    Technique("zero head", "search.network.zero_head", "true", "components/networks/plan.py"),
    Technique("residual networks for tables", "search.network", "{kind: resnet}", "components/networks/resnet.py"),
    Technique("numbers as waves: PBLD", "search.network.numbers", "periodic", "components/networks/numbers.py"),
    Technique(
        "piecewise linear encoding of numbers",
        "search.network.numbers",
        "{kind: piecewise, bins: 48}",
        "components/networks/number_maps.py",
    ),
    Technique("embeddings of categories", "search.network.embedding", "8", "components/networks/embedding.py"),
    Technique("scaling layer", "search.network.front_scale", "true", "components/networks/scaled.py"),
    Technique("NTK parametrization", "search.network.parametrization", "ntk", "components/networks/scaled.py"),
    Technique("parametric activations", "search.network.parametric", "true", "components/networks/parametric.py"),
    Technique("residual perceptrons", "search.network.residual", "true", "components/networks/mlp.py"),
    Technique("batch normalization", "search.network.batch_norm", "true", "components/networks/mlp.py"),
    Technique("dropout", "search.network.dropout", "0.2", "components/networks/mlp.py"),
    Technique(
        "cross-entropy, binary and categorical; focal loss",
        "search.training.loss",
        "{kind: focal, gamma: 2.0}",
        "components/training/losses/classes.py",
    ),
    Technique(
        "MSE, MAE, Huber, quantile",
        "search.training.loss",
        "{kind: quantile, level: 0.9}",
        "components/training/losses/numbers.py",
    ),
    Technique("label smoothing", "search.training.label_smoothing", "0.1", "components/training/losses/classes.py"),
    Technique("class weights", "search.training.class_weights", "balanced", "components/training/losses/weighting.py"),
    Technique("batch, mini-batch, stochastic", "search.training.batch_size", "full", "components/training/batches.py"),
    Technique(
        "SGD, momentum, Nesterov",
        "search.training.optimizer",
        "{kind: sgd, momentum: 0.9, nesterov: true}",
        "components/training/optimizers/sgd.py",
    ),
    Technique(
        "Adam, AdamW, AMSGrad",
        "search.training.optimizer",
        "{kind: adamw, beta2: 0.95}",
        "components/training/optimizers/adam.py",
    ),
    Technique(
        "RMSprop",
        "search.training.optimizer",
        "{kind: rmsprop, centered: true}",
        "components/training/optimizers/rmsprop.py",
    ),
    Technique("Adagrad", "search.training.optimizer", "{kind: adagrad}", "components/training/optimizers/adagrad.py"),
    Technique(
        "L2 in the gradient", "search.training.optimizer.sgd.l2", "5.0e-4", "components/training/optimizers/common.py"
    ),
    Technique(
        "weight decay beside the gradient",
        "search.training.optimizer.adamw.weight_decay",
        "0.01",
        "components/training/optimizers/adam.py",
    ),
    Technique(
        "step, exponential rates", "search.training.schedule", "step", "components/training/schedules/falling.py"
    ),
    Technique(
        "cyclical rates; one-cycle",
        "search.training.schedule",
        "{kind: cyclical, mode: triangular2}",
        "components/training/schedules/cycles.py",
    ),
    Technique(
        "cosine, coslog4, flat, then cosine",
        "search.training.schedule",
        "coslog4",
        "components/training/schedules/cosines.py",
    ),
    Technique("warm-up", "search.training.warmup", "5", "components/training/schedules/warm_up.py"),
    Technique("gradient clipping by norm", "search.training.clip_norm", "1.0", "components/training/clipping.py"),
    Technique(
        "averaged weights: EMA, SWA",
        "search.training.averaging",
        "{kind: ema, decay: 0.99}",
        "components/training/averaging.py",
    ),
    Technique("L1", "search.training.l1", "1.0e-4", "components/training/population.py"),
    Technique(
        "early stopping", "search.training.early_stopping", "{patience: 16}", "components/training/early_stopping.py"
    ),
    Technique("boosting", "boosting.trees", "{max_depth: 6}", "components/ensembles/boosting.py"),
    Technique("XGBoost", "boosting.library", "[xgboost, lightgbm]", "components/ensembles/boosting_xgboost.py"),
    Technique("LightGBM", "boosting.library", "lightgbm", "components/ensembles/boosting_lightgbm.py"),
    Technique("CatBoost", "boosting.library", "[xgboost, catboost]", "components/ensembles/boosting_catboost.py"),
    Technique("monotone columns", "boosting.monotone", "{tenure: falling}", "components/ensembles/boosting_fit.py"),
    Technique(
        "early stopping of trees", "boosting.early_stopping", "{patience: 100}", "components/ensembles/boosting_fit.py"
    ),
    Technique(
        "bagging: random forest, extra trees", "bagging.members", "[extra_trees]", "components/ensembles/forests.py"
    ),
    Technique("regularised linear models", "bagging.members", "[linear]", "components/ensembles/linear.py"),
    Technique(
        "nearest neighbours", "bagging.members", "[nearest_neighbours]", "components/ensembles/nearest_neighbours.py"
    ),
    Technique("repeated bags", "bagging.repeats", "3", "components/ensembles/bagging.py"),
    Technique("stacking, the way by nested folds", "stacking.method", "auto", "components/ensembles/stacking.py"),
    Technique("greedy ensemble selection", "stacking.method", "greedy", "components/ensembles/greedy.py"),
    Technique("convex weights", "stacking.method", "convex", "components/ensembles/convex.py"),
    Technique("logistic and ridge meta-learner", "stacking.method", "linear", "components/ensembles/meta_learner.py"),
    Technique("a second layer", "stacking.method", "two_layers", "components/ensembles/second_layer.py"),
    Technique("temperature scaling", "stacking.calibrate", "true", "components/ensembles/temperature.py"),
    Technique("decision threshold", "metric", "balanced_accuracy", "components/ensembles/decision_threshold.py"),
    Technique("a limit of speed", "stacking.max_ms_per_row", "0.5", "components/ensembles/speed.py"),
    Technique("distillation", "stacking.distill", "boosting", "components/ensembles/soft_labels.py"),
    Technique("metrics to be optimised", "metric", "f1", "components/metrics/registry.py"),
    Technique("bootstrap intervals", "evaluate.interval", "0.95", "components/evaluation/bootstrap.py"),
    Technique("threshold of a yes, set by hand", "evaluate.threshold", "0.3", "components/evaluation/spec.py"),
    Technique("optimism of the search: nested selection", "", "", "components/evaluation/honesty.py"),
    Technique("gain over the untuned default, paired", "", "", "components/search/first_point.py"),
    Technique("target encoding that leaks", "", "", "components/data/encoded_target.py"),
    Technique("over- and underfitting, in words", "", "", "components/evaluation/diagnosis.py"),
    Technique("permutation importance", "", "", "components/evaluation/importance.py"),
    Technique("model card", "export.card", "true", "components/serving/bundle.py"),
)


def markdown() -> str:
    """Return the table as the README has it."""
    lines = ["| technique | key | written | file |", "|---|---|---|---|"]
    for one in TECHNIQUES:
        key = f"`{one.key}`" if one.key else ""
        written = f"`{one.written}`" if one.written else "always"
        lines.append(f"| {one.name} | {key} | {written} | [{one.file.removeprefix('components/')}]({one.file}) |")
    return "\n".join(lines) + "\n"


def text() -> str:
    """Return the table for the terminal."""
    names = max(len(one.name) for one in TECHNIQUES) + 2
    keys = max(len(one.key) for one in TECHNIQUES) + 2
    return "\n".join(f"{one.name:{names}}{one.key:{keys}}{one.file}" for one in TECHNIQUES)
