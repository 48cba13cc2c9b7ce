"""LIME that yields its map as it grows: lime's kernel and fit over a vectorised, paired neighbourhood."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from lime.lime_image import ImageExplanation, LimeImageExplainer
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances
from tqdm.auto import tqdm

from explain.cancel import not_cancelled
from explain.maps.attribution import Attribution
from explain.maps.lime_fit import (
    Fitted,
    Neighbourhood,
    PredictMasks,
    answers_in_batches,
    intervals,
    paired_masks,
)
from explain.maps.subject import Subject
from explain.regions.hiding import hidden_crop, perturb
from explain.regions.superpixels import count_superpixels
from explain.stopwatch import Stopwatch

BUDGET = 1200  # most samples; many maps of 30 superpixels converge before
FIRST_MAP = 64  # samples before the first map, or two per superpixel if that is more
PATIENCE = 1.0  # most seconds until the first map; a slow network shows one from fewer samples
REFIT_SHARE = 0.1  # of the budget, between two maps; a fit takes milliseconds
SAMPLES_PER_SUPERPIXEL = 10  # least number for a converged map: the advice of lime's author

Predict = Callable[[NDArray[np.uint8]], np.ndarray]


class LimeExplainer(LimeImageExplainer):
    """LIME (arXiv 1602.04938) with paired masks (arXiv 2012.01536), in batches, live and reproducible.

    The neighbourhood is ours; the kernel, the ridge regression and ``ImageExplanation`` come from the package
    ``lime``: equal masks give equal weights. Every call starts from the same seed and keeps no state, so threads may
    share one explainer.

    Args:
        kernel_width: width of lime's exponential kernel over cosine distances, above 0.
        seed: decides the masks, 0 to 2**32 - 1.
        batch_size: perturbed crops per call of ``predict`` in ``explain``, at least 1.

    Raises:
        ValueError: if ``kernel_width`` or ``batch_size`` is out of range.
    """

    def __init__(self, kernel_width: float = 0.25, seed: int = 0, batch_size: int = 64) -> None:
        if kernel_width <= 0 or batch_size < 1:
            got = f"kernel_width {kernel_width} and batch_size {batch_size}"
            raise ValueError(f"kernel_width must be above 0 and batch_size at least 1, got {got}")
        super().__init__(kernel_width=kernel_width, random_state=seed)
        self.kernel_width = float(kernel_width)
        self.seed = seed
        self.batch_size = batch_size
        self.progress_bar = False

    def explain(
        self,
        crop: NDArray[np.uint8],
        segments: NDArray[np.integer],
        predict: Predict,
        classes: Sequence[str],
        target: str,
        *,
        samples: int = BUDGET,
        hide: str = "mean",
        predict_masks: PredictMasks | None = None,
        cancelled: Callable[[], bool] = not_cancelled,
    ) -> Iterator[Attribution]:
        """Yield the map of ``target`` as it grows, until it has converged or the budget ends.

        The first map comes after two samples per superpixel (at least 64), or after a quarter of the first batch if
        more samples would take longer than ``PATIENCE``. A new map comes each time the samples have doubled or grown by
        ``REFIT_SHARE`` of the budget. The last one comes as soon as the map has converged: it has
        ``SAMPLES_PER_SUPERPIXEL`` and fits to halves of the samples agree. Once ``cancelled`` is true, no further batch
        is predicted and the iterator ends; the last map stays valid, with ``complete: False``.

        Args:
            crop: face crop, ``(S, S, 3) uint8`` RGB.
            segments: superpixel of each pixel, ``(S, S) int``, labels ``0..K-1``.
            predict: maps ``(N, S, S, 3) uint8`` to probabilities ``(N, C)``; resizes to the model's input.
            classes: the ``C`` class names, in the order of the columns that ``predict`` returns.
            target: the class to explain.
            samples: the budget: most crops to predict, including the untouched one; at least 2.
            hide: what a hidden superpixel looks like, see ``explain.regions.hiding.hidden_crop``.
            predict_masks: maps masks ``(N, K) uint8`` and the turn of each, ``(N,) int`` (see ``turns_of``), to
                probabilities ``(N, C)``, for a model with several views, or one that needs no picture of each mask;
                None: call ``predict`` with the pictures.
            cancelled: called before each batch.

        Raises:
            ValueError: immediately, if an argument is invalid; later, if ``predict`` returns another shape.
        """
        if target not in classes:
            raise ValueError(f"target must be one of {', '.join(classes)}, got {target!r}")
        if samples < 2:
            raise ValueError(f"samples must be at least 2, got {samples}")
        masks = paired_masks(samples, count_superpixels(segments), self.seed)
        hidden = hidden_crop(crop, segments, hide)
        ask = predict_masks or (lambda shown, _: predict(perturb(crop, hidden, segments, shown)))
        answers = answers_in_batches(ask, masks, len(classes), self.batch_size, cancelled)
        return self._grow(answers, masks, crop, segments, target, list(classes).index(target), hide)

    def _grow(
        self,
        answers: Iterator[NDArray[np.floating]],
        masks: NDArray[np.uint8],
        crop: NDArray[np.uint8],
        segments: NDArray[np.integer],
        target: str,
        index: int,
        hide: str,
    ) -> Iterator[Attribution]:
        """The maps of ``explain``; ``answers`` are the probabilities of the masks so far, after each batch."""
        samples, superpixels = masks.shape
        labels = segments.astype(np.int32)
        next_map = max(FIRST_MAP, 2 * superpixels)
        watch, seconds = Stopwatch(), 0.0
        for probabilities in answers:
            used = len(probabilities)
            enough = used >= SAMPLES_PER_SUPERPIXEL * superpixels
            # The next batch may take as long again: too long without a first map.
            overdue = not seconds and 2 * watch.elapsed > PATIENCE
            due = overdue or used >= min(next_map, samples)
            if not (due or enough):
                continue
            fitted = self._describe(masks[:used], probabilities, crop, segments, index)
            converged = enough and fitted.halves.agree
            complete = converged or used == samples
            if not (due or complete):
                continue
            next_map = min(2 * used, used + round(REFIT_SHARE * samples))
            seconds = watch.pause()  # the caller's time does not count
            evidence = {
                "samples": used,
                "budget": samples,
                "complete": complete,
                "converged": converged,
                "halves_rank_correlation": fitted.halves.rank_correlation,
                "halves_same_top": fitted.halves.same_top,
                "seed": self.seed,
                "kernel_width": self.kernel_width,
                "hide": hide,
                **fitted.numbers,
                "seconds": seconds,
            }
            yield Attribution(
                *("lime", target, fitted.weights[labels], crop.shape[:2], labels, fitted.weights, evidence),
                intervals=fitted.intervals,
                neighbourhood=fitted.neighbourhood,
            )
            if complete:
                return
            watch.resume()

    def _describe(
        self,
        masks: NDArray[np.uint8],
        probabilities: NDArray[np.floating],
        crop: NDArray[np.uint8],
        segments: NDArray[np.integer],
        index: int,
    ) -> Fitted:
        """The fit to all samples, the interval of each weight, and the agreement of fits to half of the samples."""
        explanation = self.fit(masks, probabilities, crop, segments, index)
        weights = np.array([weight for _, weight in sorted(explanation.local_exp[index])])
        intercept = float(explanation.intercept[index])
        kernel = self.base.kernel_fn(_distances(masks))
        neighbourhood = Neighbourhood(masks, probabilities[:, index], kernel)
        numbers = {
            "r2": float(explanation.score),
            "intercept": intercept,
            "local_prediction": float(explanation.local_pred[0]),
            "model_prediction": float(probabilities[0, index]),
            "lowest": float(probabilities[:, index].min()),
            "highest": float(probabilities[:, index].max()),
        }
        bounds = intervals(masks, probabilities[:, index], kernel, weights, intercept)
        return Fitted(weights.astype(np.float32), neighbourhood, bounds, neighbourhood.halves, numbers)

    def fit(
        self,
        masks: NDArray[np.uint8],
        probabilities: NDArray[np.floating],
        crop: NDArray[np.uint8],
        segments: NDArray[np.integer],
        target_index: int,
    ) -> ImageExplanation:
        """Fit lime's weighted ridge regression to existing predictions.

        Args:
            masks: ``(N, K) uint8``, 1 where a superpixel is visible; row 0 is the untouched crop.
            probabilities: ``(N, C) float``, the model's answer to each row.
            crop: face crop, ``(S, S, 3) uint8`` RGB.
            segments: superpixel of each pixel, ``(S, S) int``, labels ``0..K-1``.
            target_index: column of ``probabilities`` to explain.

        Returns:
            lime's explanation with the weights of all ``K`` superpixels, largest first.
        """
        explanation = ImageExplanation(crop, segments)
        (
            explanation.intercept[target_index],
            explanation.local_exp[target_index],
            explanation.score,
            explanation.local_pred,
        ) = self.base.explain_instance_with_data(
            masks,
            probabilities,
            _distances(masks),
            target_index,
            masks.shape[1],
            # Every superpixel gets a weight; lime's selection would need a second fit to choose all of them.
            feature_selection="none",
            model_regressor=Ridge(alpha=1, fit_intercept=True, random_state=self.seed),
        )
        return explanation

    def explain_instance(self, *args: Any, progress_bar: bool = False, **kwargs: Any) -> ImageExplanation:
        """Stock ``LimeImageExplainer.explain_instance`` over our neighbourhood, the same on every call.

        Args:
            args: as stock.
            progress_bar: show tqdm's bar on standard error.
            kwargs: as stock.
        """
        # Stock draws from self.random_state, which would change from call to call; so it draws from a copy.
        fresh = copy.deepcopy(self)
        fresh.progress_bar = progress_bar
        return super(LimeExplainer, fresh).explain_instance(*args, **kwargs)

    def data_labels(
        self,
        image: np.ndarray,
        fudged_image: np.ndarray,
        segments: NDArray[np.integer],
        classifier_fn: Callable[[np.ndarray], np.ndarray],
        num_samples: int,
        batch_size: int = 10,
        progress_bar: bool | None = None,
    ) -> tuple[NDArray[np.uint8], np.ndarray]:
        """Predict the neighbourhood of ``image``: stock's step, with paired masks and whole batches at once.

        Args:
            image: ``(H, W, 3)``, any dtype.
            fudged_image: like ``image``; replaces hidden superpixels.
            segments: superpixel of each pixel, ``(H, W) int``, labels ``0..K-1``.
            classifier_fn: maps ``(N, H, W, 3)`` to class probabilities ``(N, C)``.
            num_samples: rows ``N`` of the neighbourhood, at least 1.
            batch_size: images per call of ``classifier_fn``.
            progress_bar: show tqdm's bar; None: as given to ``explain_instance``.

        Returns:
            The masks, ``(N, K) uint8``, and the probabilities, ``(N, C)``.
        """
        masks = paired_masks(num_samples, count_superpixels(segments), self.seed)
        hide_bar = not (self.progress_bar if progress_bar is None else progress_bar)
        predictions = []
        with tqdm(total=num_samples, disable=hide_bar) as bar:
            for start in range(0, num_samples, batch_size):
                images = perturb(image, fudged_image, segments, masks[start : start + batch_size])
                predictions.append(np.asarray(classifier_fn(images)))
                bar.update(len(images))
        return masks, np.concatenate(predictions)


def lime(
    subject: Subject, cancelled: Callable[[], bool] = not_cancelled, samples: int = BUDGET
) -> Iterator[Attribution]:
    """LIME's map of a subject as it grows; for the arguments see ``LimeExplainer.explain``."""
    maps = LimeExplainer(seed=subject.seed).explain(
        subject.crop,
        subject.segments,
        subject.detector.probabilities,
        subject.detector.card.labels,
        subject.target,
        samples=samples,
        hide=subject.hide,
        predict_masks=subject.probabilities,
        cancelled=cancelled,
    )
    for found in maps:
        yield replace(found, names=subject.names)


def _distances(masks: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Cosine distance ``(N,)`` of each mask from the untouched crop, as lime's kernel takes it."""
    distances: NDArray[np.float64] = pairwise_distances(masks, np.ones_like(masks[:1]), metric="cosine").ravel()
    return distances
