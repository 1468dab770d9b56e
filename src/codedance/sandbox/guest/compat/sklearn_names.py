"""Names and arguments of scikit-learn that 0.20 to 1.6 removed. Applied when a session imports the subpackage."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from .removed import (
    Hint,
    Keywords,
    Own,
    Replacement,
    add_module,
    after_import,
    note,
    rename_keywords,
    replace_methods,
    replace_names,
    translate_arguments,
)

_LIBRARY = "scikit-learn"


def install() -> None:
    """Wait for each subpackage."""
    after_import("sklearn", _apply)
    after_import("sklearn.externals", lambda m: replace_names(m, _LIBRARY, m.__name__, {"joblib": "joblib"}))
    after_import("sklearn.metrics", _apply_metrics)
    after_import("sklearn.manifold", lambda m: rename_keywords(m.TSNE, "__init__", _LIBRARY, {"n_iter": "max_iter"}))
    after_import("sklearn.cluster", _apply_cluster)
    after_import("sklearn.linear_model", _apply_linear)
    after_import("sklearn.ensemble", _apply_ensemble)
    after_import("sklearn.mixture", lambda m: replace_names(m, _LIBRARY, m.__name__, {"GMM": f"{m.__name__}.GaussianMixture"}))
    after_import(
        "sklearn.neighbors",
        lambda m: replace_names(m, _LIBRARY, m.__name__, {"DistanceMetric": "sklearn.metrics.DistanceMetric"}),
    )
    after_import("sklearn.preprocessing", _apply_preprocessing)
    after_import("sklearn.feature_extraction.text", _apply_text)
    boston = Hint("the data set was withdrawn; sklearn.datasets.fetch_california_housing needs a network, load_diabetes does not")
    after_import("sklearn.datasets", lambda m: replace_names(m, _LIBRARY, "sklearn.datasets", {"load_boston": boston}))


def _apply(sklearn: ModuleType) -> None:
    selection = ["train_test_split", "cross_val_score", "KFold", "StratifiedKFold", "GridSearchCV", "RandomizedSearchCV"]
    assign = {"linear_assignment": Own(_assign, "scipy.optimize.linear_sum_assignment")}
    add_module("sklearn.utils.linear_assignment_", _LIBRARY, "sklearn.utils.linear_assignment_", assign)
    made = {each: f"sklearn.datasets.{each}" for each in ("make_blobs", "make_circles", "make_moons", "make_classification")}
    add_module("sklearn.datasets.samples_generator", _LIBRARY, "sklearn.datasets.samples_generator", made)
    for name in ("sklearn.cross_validation", "sklearn.grid_search"):
        add_module(name, _LIBRARY, name, {each: f"sklearn.model_selection.{each}" for each in selection})


def _old_values(kind: Any, values: dict[str, dict[Any, Any]]) -> None:
    """Let the constructor of `kind` take old values of parameters: {parameter: {old: new}}."""

    def translate(args: tuple[Any, ...], given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        for name in values.keys() & given.keys():
            old = given[name]
            if isinstance(old, str) and old in values[name]:
                given = {**given, name: values[name][old]}
                note(f"{kind.__name__}({name}={old!r}) was removed from {_LIBRARY}; {name}={given[name]!r} was used")
        return args, given

    translate_arguments(kind, "__init__", translate)


def _apply_ensemble(module: ModuleType) -> None:
    estimator: Keywords = {"base_estimator": "estimator"}
    for name in ("BaggingClassifier", "BaggingRegressor", "AdaBoostClassifier", "AdaBoostRegressor"):
        rename_keywords(getattr(module, name), "__init__", _LIBRARY, estimator)
    features = {"max_features": {"auto": "sqrt"}}
    for name in ("RandomForestClassifier", "ExtraTreesClassifier"):
        _old_values(getattr(module, name), features)
    criterion = {"mse": "squared_error", "mae": "absolute_error"}
    for name in ("RandomForestRegressor", "ExtraTreesRegressor"):
        _old_values(getattr(module, name), {"max_features": {"auto": 1.0}, "criterion": criterion})
    _old_values(module.GradientBoostingClassifier, {"loss": {"deviance": "log_loss"}})
    _old_values(module.GradientBoostingRegressor, {"loss": {"ls": "squared_error", "lad": "absolute_error"}})


def _assign(cost: Any) -> Any:
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    return np.array(linear_sum_assignment(cost)).T


def _apply_cluster(module: ModuleType) -> None:
    rename_keywords(module.AgglomerativeClustering, "__init__", _LIBRARY, {"affinity": "metric"})
    rename_keywords(module.KMeans, "__init__", _LIBRARY, {"n_jobs": None, "precompute_distances": None})
    _old_values(module.KMeans, {"algorithm": {"auto": "lloyd", "full": "lloyd"}})


def _apply_text(module: ModuleType) -> None:
    for kind in (module.CountVectorizer, module.TfidfVectorizer):
        replace_methods(kind, _LIBRARY, {"get_feature_names": "get_feature_names_out"})


def _apply_preprocessing(module: ModuleType) -> None:
    rename_keywords(module.OneHotEncoder, "__init__", _LIBRARY, {"sparse": "sparse_output"})
    for name in ("OneHotEncoder", "PolynomialFeatures"):
        replace_methods(getattr(module, name), _LIBRARY, {"get_feature_names": "get_feature_names_out"})
    replace_names(module, _LIBRARY, "sklearn.preprocessing", {"Imputer": "sklearn.impute.SimpleImputer"})


def _apply_linear(module: ModuleType) -> None:
    for kind in (module.LinearRegression, module.Ridge, module.Lasso, module.ElasticNet):
        rename_keywords(kind, "__init__", _LIBRARY, {"normalize": None})
    rename_keywords(module.RANSACRegressor, "__init__", _LIBRARY, {"base_estimator": "estimator"})
    _old_values(module.RANSACRegressor, {"loss": {"absolute_loss": "absolute_error", "squared_loss": "squared_error"}})
    _old_values(module.LogisticRegression, {"penalty": {"none": None}})
    for kind in (module.SGDClassifier, module.SGDRegressor):
        _old_values(kind, {"loss": {"log": "log_loss", "squared_loss": "squared_error"}, "penalty": {"none": None}})


def _apply_metrics(metrics: ModuleType) -> None:
    def shown(display: str) -> Replacement:
        return Own(lambda *args, **more: getattr(metrics, display).from_estimator(*args, **more), f"{display}.from_estimator")

    names = {
        "plot_confusion_matrix": shown("ConfusionMatrixDisplay"),
        "plot_roc_curve": shown("RocCurveDisplay"),
        "plot_precision_recall_curve": shown("PrecisionRecallDisplay"),
        "jaccard_similarity_score": "sklearn.metrics.accuracy_score",
        "calinski_harabaz_score": "sklearn.metrics.calinski_harabasz_score",
    }
    replace_names(metrics, _LIBRARY, "sklearn.metrics", names)
    _rooted(metrics)


def _rooted(metrics: Any) -> None:
    """`mean_squared_error(..., squared=False)`."""
    usual = metrics.mean_squared_error

    @functools.wraps(usual)
    def mean_squared_error(*args: Any, squared: bool = True, **more: Any) -> Any:
        return usual(*args, **more) if squared else metrics.root_mean_squared_error(*args, **more)

    metrics.mean_squared_error = mean_squared_error
