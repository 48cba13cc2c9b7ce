"""What was measured of a model, as pictures inside HTML."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import lru_cache
from html import escape

from PIL import Image

from explain.drawing.model_card import CORRUPTED, TEST, ModelPicture, reliability_pictures, robustness_pictures
from explain.drawing.palette import data_url
from model.artifact.card import Card
from model.i18n.catalogue import language, say
from model.photos.corruptions import CLEAN

COLOURS = 64  # of a picture on its way to a browser, at a sixth of the size


def model_pictures(card: Card) -> str:
    """All pictures with what they mean, as HTML; where something was not measured, a sentence says so."""
    measured = {key: card.metrics[key] for key in (TEST, CORRUPTED) if key in card.metrics}
    return _html(json.dumps(measured, sort_keys=True), language())


@lru_cache(maxsize=8)  # drawing takes seconds, and every visitor who looks at a model sees the same
def _html(measured: str, spoken: str) -> str:
    metrics = json.loads(measured)
    clean = [of[CLEAN] for of in metrics.get(CORRUPTED, {}).values() if CLEAN in of]
    most = max((of.get(key, 0) for of in clean for key in ("real", "fake")), default=0)
    return _section(
        say("model_pictures.reliability"),
        say("model_pictures.reliability_help", fake=say("class.Fake")),
        reliability_pictures(metrics),
        say("model_pictures.no_reliability"),
    ) + _section(
        say("model_pictures.robustness"),
        say("model_pictures.robustness_help", most=most),
        robustness_pictures(metrics),
        say("card.robustness.unmeasured"),
    )


def _section(title: str, meaning: str, drawn: Sequence[ModelPicture], missing: str) -> str:
    images = "".join(_image(one) for one in drawn)
    content = f'<p>{escape(meaning)}</p><div class="figures">{images}</div>' if drawn else f"<p>{escape(missing)}</p>"
    return f'<section class="fact"><h3>{escape(title)}</h3>{content}</section>'


def _image(drawn: ModelPicture) -> str:
    buffer = io.BytesIO()
    Image.fromarray(drawn.picture).quantize(COLOURS, Image.Quantize.FASTOCTREE).save(buffer, "PNG")
    return f'<img class="curves" alt="{escape(drawn.told)}" src="{data_url(buffer.getvalue())}">'
