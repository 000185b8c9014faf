import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from pruner_gui import wording
from pruner_gui.evaluation import METRICS, Targets, default_metrics, tell_different_stories, wilson
from pruner_gui.network import FloatArray

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 50)
LOGITS = RNG.normal(size=(50, 3))


def value(metric: str, targets: Targets, scores: FloatArray) -> float:
    row = METRICS[metric]
    return row.total(np.array([row.losses(targets, scores).sum()]), len(scores)).item()


def softmax(x: FloatArray) -> FloatArray:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_classification_metrics_agree_with_scikit_learn() -> None:
    targets = Targets(np.eye(3)[LABELS], LABELS, "softmax")
    probabilities = softmax(LOGITS)
    assert value("cross-entropy", targets, LOGITS) == pytest.approx(sk.log_loss(LABELS, probabilities))
    assert value("error-rate", targets, LOGITS) == pytest.approx(
        1 - sk.accuracy_score(LABELS, probabilities.argmax(axis=1))
    )
    assert value("mse", targets, LOGITS) == pytest.approx(
        sk.mean_squared_error(np.eye(3)[LABELS], probabilities)
    )


def test_regression_metrics_agree_with_scikit_learn() -> None:
    wanted, found = RNG.normal(size=(20, 2)), RNG.normal(size=(20, 2))
    targets = Targets(wanted, None, "linear")
    assert value("mse", targets, found) == pytest.approx(sk.mean_squared_error(wanted, found))
    assert value("rmse", targets, found) == pytest.approx(sk.mean_squared_error(wanted, found) ** 0.5)
    assert value("mae", targets, found) == pytest.approx(sk.mean_absolute_error(wanted, found))
    assert value("half-sse", targets, found) == pytest.approx(0.5 * ((wanted - found) ** 2).sum())


def test_binary_cross_entropy_agrees_with_scikit_learn() -> None:
    labels, logits = RNG.integers(0, 2, 50), RNG.normal(size=(50, 1))
    for head in ("sigmoid", "linear"):
        targets = Targets(labels[:, None].astype(float), labels, head)
        assert value("cross-entropy", targets, logits) == pytest.approx(
            sk.log_loss(labels, 1 / (1 + np.exp(-logits)))
        )


def test_cross_entropy_is_exact_where_a_probability_would_round_to_zero() -> None:
    targets = Targets(np.array([[1.0, 0.0]]), np.array([0]), "softmax")
    assert value("cross-entropy", targets, np.array([[0.0, 5000.0]])) == pytest.approx(5000)
    single = Targets(np.array([[1.0]]), np.array([1]), "sigmoid")
    assert value("cross-entropy", single, np.array([[-5000.0]])) == pytest.approx(5000)


def test_cross_entropy_of_log_probabilities_is_that_of_probabilities() -> None:
    targets = Targets(np.eye(3)[LABELS], LABELS, "log_softmax")
    assert value("cross-entropy", targets, LOGITS) == pytest.approx(sk.log_loss(LABELS, softmax(LOGITS)))


def test_cross_entropy_against_soft_targets() -> None:
    soft = softmax(RNG.normal(size=(50, 3)))
    expected = -(soft * np.log(softmax(LOGITS))).sum(axis=1).mean()
    assert value("cross-entropy", Targets(soft, None, "softmax"), LOGITS) == pytest.approx(expected)
    logs = Targets(np.log(soft), None, "log_softmax")
    assert value("cross-entropy", logs, LOGITS) == pytest.approx(expected)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0)])
def test_a_single_output_is_cut_half_way(low: float, high: float) -> None:
    labels = np.array([0, 1, 1])
    targets = Targets(np.where(labels, high, low)[:, None], labels, "linear", (low + high) / 2)
    middle = (low + high) / 2
    assert value("error-rate", targets, np.array([[middle - 0.1], [middle + 0.1], [middle - 0.1]])) == 1 / 3


def test_outputs_that_differ_by_rounding_only_are_a_tie_and_the_first_wins() -> None:
    targets = Targets(np.eye(3)[[0]], np.array([0]), "linear")
    assert value("error-rate", targets, np.array([[0.3, 0.1 + 0.2, -1.0]])) == 0
    assert value("error-rate", targets, np.array([[0.3, 0.3001, -1.0]])) == 1


def test_wilson_interval() -> None:
    # 10 of 100: Newcombe, Two-sided confidence intervals for the single proportion, 1998, method 3
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == 1


@given(st.integers(1, 500), st.floats(0, 1))
def test_wilson_interval_holds_the_rate(rows: int, share: float) -> None:
    mistakes = round(share * rows)
    low, high = wilson(mistakes, rows)
    assert 0 <= low <= mistakes / rows <= high <= 1


def one_hot(noise: float) -> FloatArray:
    return np.eye(3)[LABELS] + noise * RNG.normal(size=(50, 3))


@pytest.mark.parametrize(
    ("head", "scores", "metrics", "reason"),
    [
        ("softmax", 6 * one_hot(0.1), ("cross-entropy",), "softmax"),
        ("log_softmax", 6 * one_hot(0.1), ("cross-entropy",), "softmax"),
        ("linear", 6 * one_hot(0.1), ("cross-entropy",), "logits"),
        ("linear", one_hot(0.05), ("mse",), "one-hot"),
        ("sigmoid", 6 * one_hot(0.1), ("mse",), "one-hot"),
    ],
)
def test_default_metric_follows_what_the_outputs_are(
    head: str, scores: FloatArray, metrics: tuple[str, ...], reason: str
) -> None:
    choice = default_metrics(Targets(np.eye(3)[LABELS], LABELS, head), scores)
    assert (choice.metrics, choice.reason) == (metrics, reason)


def test_default_metrics_hold_the_error_rate_too_where_the_cross_entropy_tells_another_story() -> None:
    scores = 200 * np.eye(3)[LABELS]
    scores[:3] = np.roll(scores[:3], 1, axis=1)  # three mistakes, each very sure
    choice = default_metrics(Targets(np.eye(3)[LABELS], LABELS, "softmax"), scores)
    assert (choice.metrics, choice.reason) == (("cross-entropy", "error-rate"), "softmax-unsure")


def test_default_metric_of_one_output() -> None:
    labels = np.array([0, 1] * 10)
    values = labels[:, None].astype(float)
    sure = 4 * (2 * values - 1)
    assert default_metrics(Targets(values, labels, "sigmoid"), sure).reason == "sigmoid"
    assert default_metrics(Targets(values, labels, "tanh"), values).metrics == ("mse",)
    assert default_metrics(Targets(values, None, "linear"), values).metrics == ("mse",)


def test_the_loss_and_the_error_rate_tell_different_stories() -> None:
    assert tell_different_stories(1.48, 0.017, 10)
    assert not tell_different_stories(0.12, 0.017, 10)


@pytest.mark.parametrize(
    ("head", "own", "reason"),
    [
        ("softmax", True, "softmax-fidelity"),
        ("softmax", False, "softmax-values"),
        ("linear", True, "fidelity"),
        ("linear", False, "values"),
    ],
)
def test_the_reason_says_whether_the_data_has_targets(head: str, own: bool, reason: str) -> None:
    targets = Targets(np.full((3, 2), 0.5), None, head)
    assert default_metrics(targets, np.zeros((3, 2)), own).reason == reason
    assert ("no targets" in wording.reason(reason)) == own
