"""Draw every display on Adult: who is predicted to earn more than 50,000 dollars a year.

    python docs/examples/displays.py --folder docs/images

A plain linear model, and the same one reweighted by sex.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # files only

import matplotlib.pyplot as plt
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair import Reweighter
from skfair.datasets import load_adult
from skfair.detection import BiasDetector, FeatureDistributionDisplay
from skfair.metrics import (
    CalibrationByGroupDisplay,
    CriterionThresholdDisplay,
    RatesByGroupDisplay,
    RocCurveByGroupDisplay,
    demographic_parity_difference,
    plot_model_comparison,
)

RICH = ">50K"


def linear_model() -> Pipeline:
    encode = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20),
            make_column_selector(dtype_include="category"),
        ),
    )
    return make_pipeline(encode, LogisticRegression(max_iter=500))


def save(figure: plt.Figure, path: Path) -> None:
    """Write a small PNG: few colours need no millions."""
    figure.savefig(path, dpi=80, pil_kwargs={"optimize": True})
    plt.close(figure)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def main(folder: Path) -> None:
    X, y = load_adult(return_X_y=True)
    X = X.drop(columns="fnlwgt")  # a census weight, not a property of the person
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=0
    )
    plain = linear_model().fit(X_train, y_train)
    fairer = Reweighter(linear_model(), sensitive_features="sex").fit(X_train, y_train)

    rates = RatesByGroupDisplay.from_estimator(
        plain, X_test, y_test, sensitive_features=["race", "sex"], pos_label=RICH
    )
    save(rates.figure_, folder / "rates_by_group.png")

    roc = RocCurveByGroupDisplay.from_estimator(
        plain, X_test, y_test, sensitive_features="race", pos_label=RICH
    )
    save(roc.figure_, folder / "roc_by_group.png")

    calibration = CalibrationByGroupDisplay.from_estimator(
        plain, X_test, y_test, sensitive_features="sex", pos_label=RICH, n_bins=10
    )
    save(calibration.figure_, folder / "calibration_by_group.png")

    thresholds = CriterionThresholdDisplay.from_estimator(
        plain,
        X_test,
        y_test,
        sensitive_features="sex",
        criterion="equalized_odds",
        pos_label=RICH,
        threshold=0.5,
    )
    save(thresholds.figure_, folder / "criterion_threshold.png")

    ax = plot_model_comparison(
        y_preds={
            "plain": plain.predict(X_test) == RICH,
            "reweighted by sex": fairer.predict(X_test) == RICH,
        },
        y_true=y_test == RICH,
        sensitive_features=X_test["sex"],
        x_axis_metric=demographic_parity_difference,
        y_axis_metric=accuracy_score,
        point_labels=True,
        point_labels_position=(0.003, 0.0003),
        s=60,
    )
    ax.margins(0.5)
    save(ax.figure, folder / "model_comparison.png")

    detector = BiasDetector(pos_label=RICH).fit(X, y)
    values = detector.plot(["relationship", "age", "sex", "race"])
    save(values.figure_, folder / "positive_rates.png")

    ages = FeatureDistributionDisplay.from_values(X["age"], by=y)
    save(ages.figure_, folder / "feature_distribution.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(), help="where the pictures go")
    main(parser.parse_args().folder)
