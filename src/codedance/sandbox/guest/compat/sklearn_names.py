"""Names and arguments of scikit-learn that 0.20 to 1.6 removed. Applied when a session imports the subpackage."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from .removed import Hint, Own, Replacement, add_module, after_import, rename_keywords, replace_methods, replace_names

_LIBRARY = "scikit-learn"


def install() -> None:
    """Wait for each subpackage."""
    after_import("sklearn", _apply)
    after_import("sklearn.externals", lambda m: replace_names(m, _LIBRARY, m.__name__, {"joblib": "joblib"}))
    after_import("sklearn.metrics", _apply_metrics)
    after_import("sklearn.manifold", lambda m: rename_keywords(m.TSNE, "__init__", _LIBRARY, {"n_iter": "max_iter"}))
    after_import("sklearn.cluster", _apply_cluster)
    after_import("sklearn.linear_model", _apply_linear)
    after_import("sklearn.preprocessing", _apply_preprocessing)
    after_import("sklearn.feature_extraction.text", _apply_text)
    boston = Hint("the data set was withdrawn; sklearn.datasets.fetch_california_housing needs a network, load_diabetes does not")
    after_import("sklearn.datasets", lambda m: replace_names(m, _LIBRARY, "sklearn.datasets", {"load_boston": boston}))


def _apply(sklearn: ModuleType) -> None:
    selection = ["train_test_split", "cross_val_score", "KFold", "StratifiedKFold", "GridSearchCV", "RandomizedSearchCV"]
    for name in ("sklearn.cross_validation", "sklearn.grid_search"):
        add_module(name, _LIBRARY, name, {each: f"sklearn.model_selection.{each}" for each in selection})


def _apply_cluster(module: ModuleType) -> None:
    rename_keywords(module.AgglomerativeClustering, "__init__", _LIBRARY, {"affinity": "metric"})


def _apply_text(module: ModuleType) -> None:
    for kind in (module.CountVectorizer, module.TfidfVectorizer):
        replace_methods(kind, _LIBRARY, {"get_feature_names": "get_feature_names_out"})


def _apply_preprocessing(module: ModuleType) -> None:
    rename_keywords(module.OneHotEncoder, "__init__", _LIBRARY, {"sparse": "sparse_output"})


def _apply_linear(module: ModuleType) -> None:
    for kind in (module.LinearRegression, module.Ridge, module.Lasso, module.ElasticNet):
        rename_keywords(kind, "__init__", _LIBRARY, {"normalize": None})


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
