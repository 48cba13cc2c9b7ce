"""Tests of the fit: a known temperature is recovered, sources have equal weight, unseen sources widen the band."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.facts import FEW
from model.detector.detector import scale_by_temperature
from model.evaluation.band import ACCUSED, ACCUSED_AT_MOST
from model.evaluation.fit_calibration import (
    accusations,
    balanced_weights,
    calibrate_scores,
    count,
    fit_scaling,
    is_few,
    two_columns,
)
from model.evaluation.metrics import auc, expected_calibration_error

Floats = NDArray[np.float64]


def sample(
    temperature: float, bias: float = 0.0, count: int = 20_000, seed: int = 0
) -> tuple[Floats, NDArray[np.int_]]:
    """Softmax outputs ``(N, 2)`` and true columns ``(N,)`` of a model that is calibrated after that scaling."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, 2))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    odds = np.exp((logits[:, 0] - logits[:, 1]) / temperature + bias)
    return softmax, (rng.random(count) > odds / (1 + odds)).astype(int)


def log_loss(probabilities: Floats, truth: NDArray[np.int_], weights: Floats) -> float:
    return float(-np.average(np.log(probabilities[np.arange(len(truth)), truth]), weights=weights))


def scaled_by_fit(softmax: Floats, truth: NDArray[np.int_], weights: Floats) -> Floats:
    temperature, bias = fit_scaling(softmax, truth, weights)
    return scale_by_temperature(softmax, temperature, (bias, 0.0))


# fit_scaling


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 4.0])
@pytest.mark.parametrize("bias", [-0.8, 0.0, 1.2])
def test_known_temperature_and_bias_are_recovered(temperature: float, bias: float) -> None:
    softmax, truth = sample(temperature, bias)
    fitted = fit_scaling(softmax, truth, np.ones(len(truth)))
    assert fitted[0] == pytest.approx(temperature, rel=0.07)
    assert fitted[1] == pytest.approx(bias, abs=0.07)


@pytest.mark.slow
def test_fit_follows_the_weights() -> None:
    (sharp, truth_sharp), (flat, truth_flat) = sample(0.6), sample(3.0, seed=1)
    softmax, truth = np.concatenate([sharp, flat]), np.concatenate([truth_sharp, truth_flat])
    ones, zeros = np.ones(len(truth_sharp)), np.zeros(len(truth_sharp))
    first, second, both = (
        fit_scaling(softmax, truth, np.concatenate(weights))[0]
        for weights in ((ones, zeros), (zeros, ones), (ones, ones))
    )
    assert first == pytest.approx(0.6, rel=0.07) and second == pytest.approx(3, rel=0.07)
    assert first < both < second


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("temperature", [0.4, 2.5])
def test_fit_minimises_the_log_loss_and_does_not_change_the_auc(seed: int, temperature: float) -> None:
    softmax, truth = sample(temperature, 0.5, count=300, seed=seed)
    weights = np.random.default_rng(seed).uniform(0.5, 2, len(truth))
    scaled = scaled_by_fit(softmax, truth, weights)
    assert log_loss(scaled, truth, weights) < log_loss(softmax, truth, weights)
    for change in ((0.9, 0.0), (1.1, 0.0), (1.0, 0.1), (1.0, -0.1)):
        worse = scale_by_temperature(scaled, change[0], (change[1], 0.0))
        assert log_loss(worse, truth, weights) > log_loss(scaled, truth, weights)
    assert auc(scaled[:, 1], truth == 1) == pytest.approx(auc(softmax[:, 1], truth == 1), abs=1e-12)


def test_fit_lowers_the_calibration_error_of_an_overconfident_model() -> None:
    softmax, truth = sample(3.0, -0.6)
    scaled = scaled_by_fit(softmax, truth, np.ones(len(truth)))
    before, after = (expected_calibration_error(p[:, 1], truth == 1) for p in (softmax, scaled))
    assert after < 0.02 < before


def test_fit_is_finite_with_certain_mistakes() -> None:
    softmax = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], np.float32)
    temperature, bias = fit_scaling(softmax, np.array([1, 1, 1]), np.ones(3))
    assert 0 < temperature < np.inf and np.isfinite(bias)


def test_shrinkage_matters_only_with_few_pictures() -> None:
    softmax, truth = sample(4.0, 1.2)
    plain, shrunk = (fit_scaling(softmax, truth, np.ones(len(truth)), shrink) for shrink in (False, True))
    assert shrunk == pytest.approx(plain, rel=0.01)
    wrong_half = np.tile([[0.95, 0.05], [0.05, 0.95]], (6, 1))
    truth = np.repeat([0, 1], 6)  # right half of the time: the probabilities carry no information
    assert fit_scaling(wrong_half, truth, np.ones(12))[0] == pytest.approx(np.exp(2.5)), "the upper limit of the fit"
    for weight in (1, 100):  # the scale of the weights does not change the number of pictures
        assert 1 < fit_scaling(wrong_half, truth, np.full(12, weight), shrink=True)[0] < 5


@pytest.mark.parametrize("count", [2, 4, 30])
def test_few_pictures_of_one_class_give_the_bias_that_the_prior_allows(count: int) -> None:
    """All pictures are fake and the network says 0.5 of each: the best bias b solves b = n / (1 + exp(b))."""
    undecided, truth = np.full((count, 2), 0.5), np.zeros(count, int)
    bias = fit_scaling(undecided, truth, np.ones(count), shrink=True)[1]
    assert bias == pytest.approx(count / (1 + np.exp(bias)), rel=1e-3)
    assert fit_scaling(undecided, truth, np.ones(count))[1] == pytest.approx(3), "the bound of a fit without a prior"


def test_pictures_without_weight_do_not_weaken_the_prior() -> None:
    softmax, truth = sample(1.3, 0.5, count=40)
    weights = np.repeat([1.0, 0.0], [8, 32])
    few = fit_scaling(softmax[:8], truth[:8], np.ones(8), shrink=True)
    assert fit_scaling(softmax, truth, weights, shrink=True) == pytest.approx(few, rel=1e-3)


@pytest.mark.slow
def test_shrinkage_lowers_the_log_loss_on_new_pictures() -> None:
    """A typical model (temperature 1.3): each fit to twelve pictures is evaluated on 20,000 others."""
    others, truths = sample(1.3, 0.2, seed=99)
    losses: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(40):
        softmax, truth = sample(1.3, 0.2, count=12, seed=seed)
        for shrink, found in losses.items():
            temperature, bias = fit_scaling(softmax, truth, np.ones(12), shrink)
            found.append(log_loss(scale_by_temperature(others, temperature, (bias, 0.0)), truths, np.ones(len(truths))))
    assert np.mean(losses[True]) < np.mean(losses[False]) - 0.05
    assert max(losses[True]) < max(losses[False])


# balanced_weights


def test_classes_have_equal_weight_and_so_do_sources_within_a_class() -> None:
    is_fake = {
        "both": np.array([True, False, False, False]),
        "reals": np.zeros(10, bool),
        "fakes": np.ones(2, bool),
        "more_fakes": np.ones(50, bool),
    }
    weights = balanced_weights(is_fake)
    assert weights["both"] == pytest.approx([1 / 6, 1 / 12, 1 / 12, 1 / 12])
    assert weights["reals"] == pytest.approx(np.full(10, 1 / 40))
    assert weights["fakes"].sum() == pytest.approx(1 / 6) == weights["more_fakes"].sum()
    assert sum(values.sum() for values in weights.values()) == pytest.approx(1)
    assert count(is_fake) == (13, 53) and is_few(is_fake)
    assert not is_few({"one": np.repeat([True, False], FEW)})


# calibrate_scores


def of_source(mean: float, number: int, seed: int) -> Floats:
    """P(Fake) ``(N,)`` with normally distributed logits around a mean."""
    return 1 / (1 + np.exp(-np.random.default_rng(seed).normal(mean, 1.5, number)))


def scores_of_sources(sources: int = 6, number: int = 500) -> tuple[dict[str, Floats], dict[str, NDArray[np.bool_]]]:
    """A training set with low scores of reals, and unseen sources of reals with increasingly high scores."""
    raw = {"known": np.concatenate([of_source(-4, 400, 0), of_source(4, 400, 1)])}
    is_fake = {"known": np.repeat([False, True], 400)}
    for source in range(sources):
        raw[f"real_{source}"] = of_source(-2.5 + 0.4 * source, number, 2 + source)
        is_fake[f"real_{source}"] = np.zeros(number, bool)
    return raw, is_fake


def test_sets_of_one_class_are_used() -> None:
    raw, is_fake = scores_of_sources()
    alone = calibrate_scores({"known": raw["known"]}, {"known": is_fake["known"]})
    together = calibrate_scores(raw, is_fake)
    assert together.fake_bias < alone.fake_bias - 0.3, "reals that score high pull P(Fake) down"
    fakes = {"known": raw["known"][:400], "fake_only": raw["known"][400:]}
    split = calibrate_scores(fakes, {"known": np.zeros(400, bool), "fake_only": np.ones(400, bool)})
    assert split == alone, "the set of a picture does not matter"


def test_easy_sources_of_one_class_do_not_lower_the_temperature() -> None:
    """P(Fake) of the set with both classes is right at temperature 2; the other two sources are far apart."""
    logits = np.random.default_rng(0).normal(0, 1.5, 4000)
    is_fake = {"both": np.random.default_rng(1).random(4000) < 1 / (1 + np.exp(-logits))}
    raw = {"both": 1 / (1 + np.exp(-2 * logits))}
    for name, mean in (("real_only", -6), ("fake_only", 6)):
        raw[name], is_fake[name] = of_source(mean, 500, 2), np.full(500, mean > 0)
    chosen = calibrate_scores(raw, is_fake)
    assert chosen.temperature == pytest.approx(2, abs=0.15) and chosen.fake_bias == pytest.approx(0, abs=0.1)
    weights = np.concatenate(list(balanced_weights(is_fake).values()))
    pooled, truth = (np.concatenate(list(each.values())) for each in (raw, is_fake))
    assert fit_scaling(two_columns(pooled), np.where(truth, 0, 1), weights)[0] < 1.7


@pytest.mark.slow
def test_few_reals_of_every_unseen_source_are_accused() -> None:
    raw, is_fake = scores_of_sources()
    unseen = [name for name in raw if name != "known"]
    seen_rule, chosen = calibrate_scores(raw, is_fake), calibrate_scores(raw, is_fake, unseen)
    assert (chosen.temperature, chosen.fake_bias) == (seen_rule.temperature, seen_rule.fake_bias)
    found = accusations(raw, is_fake, chosen, unseen)
    assert list(found) == unseen
    for name, source in found.items():
        scaled = chosen.scale(raw[name])
        assert (
            source["accused"] == pytest.approx(np.mean(scaled >= chosen.band[1]), abs=1e-4)
            and source["accused"] <= ACCUSED
        )
        assert source["accused"] < source["accused_at_most"] <= ACCUSED_AT_MOST and source["real"] == 500
        inside = (scaled > chosen.band[0]) & (scaled < chosen.band[1])
        assert source["inconclusive"] == pytest.approx(np.mean(inside), abs=1e-4)
    worst = accusations(raw, is_fake, seen_rule, unseen)["real_5"]
    assert worst["accused"] > 2 * ACCUSED, "without the unseen sources the band would accuse this one"


def test_accusations_of_a_known_source_count_with_an_easy_unseen_one() -> None:
    raw, is_fake = scores_of_sources(sources=0)
    raw |= {"known_reals": of_source(0, 400, 3), "unseen": of_source(-4, 400, 2)}
    is_fake |= {"known_reals": np.zeros(400, bool), "unseen": np.zeros(400, bool)}
    chosen = calibrate_scores(raw, is_fake, ["unseen"])
    accused = [np.mean(chosen.scale(raw[name][~is_fake[name]]) >= chosen.band[1]) for name in raw]
    assert np.mean(accused) <= ACCUSED and chosen.band[1] < 1


@pytest.mark.slow
def test_source_is_also_judged_by_a_fit_without_it() -> None:
    """The source that sets the band is accused more if it is left out; another one hardly changes."""
    raw, is_fake = scores_of_sources()
    raw["real_5"] = of_source(0.5, 500, 7)
    unseen = [name for name in raw if name != "known"]
    found = accusations(raw, is_fake, calibrate_scores(raw, is_fake, unseen), unseen)
    assert found["real_5"]["left_out_accused"] > found["real_5"]["accused"]
    assert found["real_0"]["left_out_accused"] == pytest.approx(found["real_0"]["accused"], abs=0.01)
    without = {name: p_fake for name, p_fake in raw.items() if name != "real_5"}
    chosen = calibrate_scores(without, {name: is_fake[name] for name in without}, unseen)
    expected = np.mean(chosen.scale(raw["real_5"]) >= chosen.band[1])
    assert found["real_5"]["left_out_accused"] == pytest.approx(expected, abs=1e-4)


def test_single_unseen_source_is_not_left_out() -> None:
    raw, is_fake = scores_of_sources(sources=1)
    (found,) = accusations(raw, is_fake, calibrate_scores(raw, is_fake, ["real_0"]), ["real_0"]).values()
    assert set(found) == {"real", "accused", "accused_at_most", "inconclusive"}


def test_unseen_fakes_do_not_change_the_band() -> None:
    raw, is_fake = scores_of_sources(sources=0)
    raw["fake_only"], is_fake["fake_only"] = of_source(1, 200, 9), np.ones(200, bool)
    chosen = calibrate_scores(raw, is_fake, ["fake_only"])
    assert chosen == calibrate_scores(raw, is_fake) and sum(chosen.band) == pytest.approx(1)
    assert accusations(raw, is_fake, chosen, ["fake_only"]) == {}


def test_few_pictures_give_a_cautious_fit_and_a_wide_band() -> None:
    """Six of each class, perfectly separated: they contain no wrong verdict."""
    raw, is_fake = {"set": np.repeat([0.2, 0.8], 6)}, {"set": np.repeat([False, True], 6)}
    few = calibrate_scores(raw, is_fake)
    many = calibrate_scores({"set": np.repeat([0.2, 0.8], FEW)}, {"set": np.repeat([False, True], FEW)})
    assert many.band == (0.45, 0.55) and few.band == (0.15, 0.85)
    assert many.temperature < few.temperature < 1
    for name, scores in (("real_only", np.linspace(0, 0.3, 200)), ("fake_only", np.linspace(0.7, 1, 200))):
        raw[name], is_fake[name] = scores, np.full(200, name == "fake_only")
    beside_many = calibrate_scores(raw, is_fake)
    assert beside_many.temperature > 0.5, "sets of one class do not make the fit more certain"
