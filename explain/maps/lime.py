"""LIME whose map grows while one watches: lime's kernel and fit over a vectorised, paired neighbourhood."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from lime.lime_image import ImageExplanation, LimeImageExplainer
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances
from tqdm.auto import tqdm

from explain.cancel import never
from explain.maps.attribution import Attribution
from explain.maps.lime_fit import Fitted, Halves, batch_bounds, compare_halves, halves_of, intervals, paired_masks
from explain.maps.subject import Subject
from explain.regions.hiding import hidden_crop, perturb
from explain.regions.superpixels import count_superpixels

BUDGET = 1200  # samples at the most; many maps of 30 superpixels have converged before
FIRST_MAP = 64  # samples before the first picture, or two per superpixel if that is more
PATIENCE = 1.0  # seconds that the first picture may take; a slow network shows one of fewer samples
REFIT_SHARE = 0.1  # of the budget, between two pictures; a fit takes milliseconds
SAMPLES_PER_SUPERPIXEL = 10  # before a map may count as converged: the advice of lime's author

Predict = Callable[[NDArray[np.uint8]], np.ndarray]


class LimeExplainer(LimeImageExplainer):
    """LIME (arXiv 1602.04938) with paired masks (arXiv 2012.01536), in batches, live and reproducible.

    The neighbourhood is ours; the kernel, the ridge regression and ``ImageExplanation`` are those of the
    package ``lime``: given equal masks, the weights are equal too. Every call starts from the same seed and
    leaves nothing behind, so one explainer may serve many threads.

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
        of_masks: Predict | None = None,
        cancelled: Callable[[], bool] = never,
    ) -> Iterator[Attribution]:
        """Yield the map of ``target`` as it grows, until it has converged or the budget ends.

        The first map comes after two samples per superpixel (at least 64), or from a quarter of the first batch on
        where waiting for more would take longer than ``PATIENCE``. The next ones come whenever the samples have doubled
        or grown by ``REFIT_SHARE`` of the budget, and the last one as soon as the map has converged: once there are ten
        samples per superpixel (lime's author's advice) and fits to two halves of them agree, see
        ``explain.maps.lime_fit``, which is asked after every batch. When
        ``cancelled`` turns true, no further batch is predicted and the iterator ends: what it yielded last, if
        anything, stays valid, ``complete: False``.

        Args:
            crop: face crop, ``(S, S, 3) uint8`` RGB.
            segments: superpixel of each pixel, ``(S, S) int``, labels ``0..K-1``.
            predict: maps ``(N, S, S, 3) uint8`` to probabilities ``(N, C)``; resizes to the model's input.
            classes: the ``C`` class names, in the order of the columns that ``predict`` returns.
            target: the class to explain.
            samples: the budget, crops to predict at the most, the untouched one included, at least 2.
            hide: what a hidden superpixel looks like, see ``explain.regions.hiding.hidden_crop``.
            of_masks: maps masks ``(N, K) uint8`` to probabilities ``(N, C)``, for a model that need not be shown a
                picture of each; None to show ``predict`` the pictures.
            cancelled: asked before each batch.

        Raises:
            ValueError: at once, if an argument is none of the above; later, if ``predict`` answers in another
                shape.
        """
        if target not in classes:
            raise ValueError(f"target must be one of {', '.join(classes)}, got {target!r}")
        if samples < 2:
            raise ValueError(f"samples must be at least 2, got {samples}")
        masks = paired_masks(samples, count_superpixels(segments), self.seed)
        hidden = hidden_crop(crop, segments, hide)
        of_masks = of_masks or (lambda shown: predict(perturb(crop, hidden, segments, shown)))
        labels = segments.astype(np.int32)
        index = list(classes).index(target)

        def grow() -> Iterator[Attribution]:
            probabilities = np.empty((samples, len(classes)))
            next_map = max(FIRST_MAP, 2 * masks.shape[1])
            seconds, resumed = 0.0, time.perf_counter()
            for start, used in batch_bounds(samples, self.batch_size):
                if cancelled():
                    return
                answers = np.asarray(of_masks(masks[start:used]))
                expected = (used - start, len(classes))
                if answers.shape != expected:
                    raise ValueError(f"predict must return (images, classes) {expected}, got {answers.shape}")
                probabilities[start:used] = answers
                enough = used >= SAMPLES_PER_SUPERPIXEL * masks.shape[1]
                # Twice as many samples may take twice as long, which is too long for someone who has seen nothing yet.
                overdue = not seconds and 2 * (time.perf_counter() - resumed) > PATIENCE
                due = overdue or used >= min(next_map, samples)
                if not (due or enough):
                    continue
                fitted = self._describe(masks[:used], probabilities[:used], crop, segments, index)
                converged = enough and fitted.halves.agree
                complete = converged or used == samples
                if not (due or complete):
                    continue
                next_map = min(2 * used, used + round(REFIT_SHARE * samples))
                seconds += time.perf_counter() - resumed
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
                )
                if complete:
                    return
                resumed = time.perf_counter()  # the time that the caller spent on the picture is not ours

        return grow()

    def _describe(
        self,
        masks: NDArray[np.uint8],
        probabilities: NDArray[np.floating],
        crop: NDArray[np.uint8],
        segments: NDArray[np.integer],
        index: int,
    ) -> Fitted:
        """The fit to all samples, the interval of each weight, and what fits to half of the samples say."""

        def weights_of(rows: NDArray[np.intp] | slice) -> tuple[NDArray[np.float64], ImageExplanation]:
            explanation = self.fit(masks[rows], probabilities[rows], crop, segments, index)
            return np.array([weight for _, weight in sorted(explanation.local_exp[index])]), explanation

        weights, explanation = weights_of(slice(None))
        first, second = halves_of(len(masks))
        # Two samples are the least that can be fitted, and make one whole pair with the untouched crop at best.
        halves = compare_halves(weights_of(first)[0], weights_of(second)[0]) if len(second) > 1 else Halves(0.0, 0.0)
        intercept = float(explanation.intercept[index])
        kernel = self.base.kernel_fn(_distances(masks))
        numbers = {
            "r2": float(explanation.score),
            "intercept": intercept,
            "local_prediction": float(explanation.local_pred[0]),
            "model_prediction": float(probabilities[0, index]),
            "lowest": float(probabilities[:, index].min()),
            "highest": float(probabilities[:, index].max()),
        }
        bounds = intervals(masks, probabilities[:, index], kernel, weights, intercept)
        return Fitted(weights.astype(np.float32), bounds, halves, numbers)

    def fit(
        self,
        masks: NDArray[np.uint8],
        probabilities: NDArray[np.floating],
        crop: NDArray[np.uint8],
        segments: NDArray[np.integer],
        target_index: int,
    ) -> ImageExplanation:
        """Fit lime's weighted ridge regression to predictions that are already there.

        Args:
            masks: ``(N, K) uint8``, 1 where a superpixel is visible; row 0 is the untouched crop.
            probabilities: ``(N, C) float``, what the model said to each row.
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
            # Every superpixel gets a weight: lime's selection would fit twice to choose all of them.
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
        # Stock draws from self.random_state, which would run on from call to call: let it draw from a copy.
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
            fudged_image: like ``image``; shows through where a superpixel is hidden.
            segments: superpixel of each pixel, ``(H, W) int``, labels ``0..K-1``.
            classifier_fn: maps ``(N, H, W, 3)`` to class probabilities ``(N, C)``.
            num_samples: rows ``N`` of the neighbourhood, at least 1.
            batch_size: images per call of ``classifier_fn``.
            progress_bar: show tqdm's bar; None: as ``explain_instance`` was told.

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


def lime(subject: Subject, cancelled: Callable[[], bool] = never, samples: int = BUDGET) -> Iterator[Attribution]:
    """LIME's map of a subject as it grows, see ``LimeExplainer.explain``.

    Args:
        subject: what to explain.
        cancelled: asked before each batch.
        samples: the budget, at least 2.
    """
    maps = LimeExplainer(seed=subject.seed).explain(
        subject.crop,
        subject.segments,
        subject.detector.probabilities,
        subject.detector.card.labels,
        subject.target,
        samples=samples,
        hide=subject.hide,
        of_masks=subject.probabilities,
        cancelled=cancelled,
    )
    for found in maps:
        yield replace(found, names=subject.names)


def _distances(masks: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Cosine distance ``(N,)`` of each mask from the untouched crop, as lime's kernel takes it."""
    distances: NDArray[np.float64] = pairwise_distances(masks, np.ones_like(masks[:1]), metric="cosine").ravel()
    return distances
