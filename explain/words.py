"""Sentences and small HTML fragments built from the numbers that they speak of."""

from html import escape

from explain.analysis import Analysis
from explain.gallery import Example
from explain.methods import METHODS
from model.artifact import Card
from model.card_parts import Section, Table, readable
from model.detector import Prediction
from model.model_card import facts

HEADLINES = {"Fake": "Looks fake", "Real": "Looks real", "Inconclusive": "Inconclusive"}


def notice(sentence: str, kind: str = "note") -> str:
    """A boxed sentence; ``kind`` is ``note`` or ``error``, the latter read aloud by screen readers at once."""
    role = "alert" if kind == "error" else "status"
    return f'<div class="notice {kind}" role="{role}">{escape(sentence)}</div>'


def verdict_card(prediction: Prediction, card: Card, is_face: bool = True) -> str:
    """The verdict in words, with P(Fake) on a bar that shows the inconclusive band.

    ``is_face`` is false where the whole picture was judged: calibration says nothing of that.
    """
    p_fake = prediction.probabilities["Fake"]
    low, high = card.inconclusive_band
    name = prediction.verdict
    return (
        f'<section class="verdict {name.lower()}" aria-label="Verdict">'
        f'<h2>{HEADLINES[name]}</h2><p class="lead">{_verdict_sentence(prediction, card)}</p>'
        f'<div class="scale" role="img" aria-label="P(Fake) is {p_fake:.2f}; '
        f'between {low:.2f} and {high:.2f} it is inconclusive">'
        f'<span class="band" style="left:{low:.0%};width:{high - low:.0%}"></span>'
        f'<span class="marker" style="left:{p_fake:.1%}"></span></div>'
        f'<div class="ends"><span>Real</span><span>inconclusive {low:.2f} to {high:.2f}</span><span>Fake</span></div>'
        f"<p>{_calibration_sentence(prediction, is_face)}</p></section>"
    )


def _verdict_sentence(prediction: Prediction, card: Card) -> str:
    p_fake = prediction.probabilities["Fake"]
    low, high = card.inconclusive_band
    if prediction.verdict == "Inconclusive" and card.temperature is None:
        return (
            f"P(Fake) is {p_fake:.2f}: too close to call. The band {low:.2f} to {high:.2f} is a default, not measured."
        )
    if prediction.verdict == "Inconclusive":
        return f"P(Fake) is {p_fake:.2f}: between {low:.2f} and {high:.2f} the model is wrong too often to say."
    return f"P(Fake) is {p_fake:.2f}. An aid for looking closer, not a judgement."


def _calibration_sentence(prediction: Prediction, is_face: bool) -> str:
    if not is_face:
        return "The model was made for faces: what it says of another picture is a bare score."
    if not prediction.calibrated:
        return "This probability is uncalibrated: read it as a score, not as a frequency."
    share = round(100 * prediction.probabilities["Fake"])
    return (
        f"Calibrated on validation faces: of 100 of them with this score, about {share} were fake. It holds for "
        "pictures like those; where fakes are rarer, fewer are."
    )


def first_sentences(analysis: Analysis, example: Example | None) -> list[str]:
    """What a visitor should know of the photo before the verdict."""
    sentences = [str(note) for note in analysis.photo.notes]
    if analysis.chosen is None:
        sentences.append("No face was found, so there is no score. A larger or sharper face may help.")
    elif not analysis.faces:
        sentences.append("No face was found; as you asked, the picture's central square is judged as if it were one.")
    elif len(analysis.faces) > 1:
        sentences.append(f"{len(analysis.faces)} faces were found; click another box to analyse that one.")
    if example is not None and example.mask is not None:
        sentences.append("We made this fake: the white line on the maps shows where it was changed. Do they find it?")
    elif example is not None and example.has_face:
        sentences.append("This portrait is untouched. If the model calls it fake, you see one of its mistakes.")
    return sentences


def looking() -> str:
    """Shown until the faces are found."""
    return '<p class="progress" role="status">Looking for faces …</p>'


def progress(analysis: Analysis) -> str:
    """A labelled progress bar while maps and measures come, and how long everything took once they have."""
    if analysis.chosen is None:
        return ""
    if analysis.complete:
        seconds = sum(analysis.seconds.values())
        return f'<p class="progress" role="status">Done in {seconds:.1f} s.</p>'
    share = "" if analysis.progress is None else f' value="{analysis.progress:.2f}"'
    bar = f'<progress{share} max="1"></progress>'
    return f'<p class="progress" role="status"><label>{escape(_doing(analysis))} {bar}</label></p>'


def _doing(analysis: Analysis) -> str:
    """What is being worked on, in words."""
    if analysis.prediction is None:
        return "Looking at the face"
    lime = analysis.attributions.get("lime")
    if analysis.stage == "lime":
        done = int(lime.evidence["samples"]) if lime else 0
        return f"LIME: {done:,} of at most {analysis.settings.samples:,} samples"
    if analysis.stage == "trust":
        return "Measuring how far the maps can be trusted"
    if analysis.stage == "what_if":
        return "Asking about the face without the hidden regions"
    if analysis.stage == "flip":
        return "Looking for the smallest set that flips the verdict"
    if analysis.stage in METHODS:
        method = METHODS[analysis.stage]
        slow = " (the first time, TensorFlow is loaded)" if method.gradients else ""
        return f"{method.title}{slow}"
    return "Working on the maps"


def stopped(analysis: Analysis | None) -> str:
    """What a cancelled run leaves behind."""
    lime = analysis.attributions.get("lime") if analysis else None
    done = f" after {int(lime.evidence['samples']):,} LIME samples" if lime else ""
    return f'<p class="progress" role="status">Stopped{done}. What is shown stays valid as far as it goes.</p>'


def scope(card: Card) -> str:
    """What the model is for, with its worst measured failures."""
    figures = card.metrics.get("test", {})
    failures = []
    if "utkface" in figures:
        rate = figures["utkface"]["false_accusation_rate"]["value"]
        failures.append(f"called {rate:.0%} of {int(figures['utkface']['real'])} real faces from an unseen source fake")
    if "ciplab" in figures:
        rate = figures["ciplab"]["miss_rate"]["value"]
        failures.append(f"missed {rate:.0%} of {int(figures['ciplab']['fake'])} expert composites")
    measured = f" Measured: it {' and '.join(failures)}." if failures else ""
    return f'<p class="scope"><strong>An aid, not a judgement.</strong> {_knows(card)}{measured}</p>'


def _knows(card: Card) -> str:
    learnt = [escape(readable(name)) for name in card.training.get("data", ())]
    if learnt:
        return (
            f"It knows pictures like those it was trained on: {', '.join(learnt)}. How it does on other forgeries was "
            "not measured."
        )
    if card.metrics.get("test"):
        return "What it was trained on is not known here; its measured mistakes are in the model card below."
    return "What this model was trained on and how often it is wrong are not known here: only its owner can tell."


def model_card(card: Card) -> str:
    """The facts of the model's card, matter by matter, with its tables."""
    return "".join(_section(section) for section in facts(card))


def _section(section: Section) -> str:
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in section.sentences)
    table = "" if section.table is None else _table(section.table)
    return f'<section class="fact"><h3>{escape(section.title)}</h3><ul>{sentences}</ul>{table}</section>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in table.head)
    rows = ""
    for name, *values in table.rows:
        cells = "".join(
            f'<td data-label="{escape(title)}"><span>{escape(value)}</span></td>'
            for title, value in zip(table.head[1:], values, strict=True)
        )
        rows += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


FAILED = "The analysis failed inside WhyFake; the server's log says how. Another photo or model may work."
HEADER = (
    '<div class="wordmark"><h1>Why<em>Fake</em></h1>'
    "<p>Is this face real or fake, and what makes the model think so?</p></div>"
)
WHAT_IF_HELP = "<p>Click a patch on the LIME picture to hide it, or use the controls: the network answers at once.</p>"
NO_FLIP = "<p>No set of regions was found whose hiding turns this verdict: even with all of them hidden it stands.</p>"
PLACEHOLDER = (
    '<div class="placeholder"><h2>Drop a photo with a face, or try an example</h2><ol>'
    "<li>The faces are found; the largest is judged.</li>"
    "<li>You see how likely it is Real or Fake, and where the model would rather not say.</li>"
    "<li>You see why: the regions that moved the verdict, and where the model looked.</li></ol></div>"
)
READING = """
**Superpixel** – a patch of similar pixels, the unit that LIME hides or shows.

**LIME** – hides random patches hundreds of times, asks the model each time, and fits a straight-line model to the
answers: a patch with a large weight moves the verdict when it is hidden. It describes the model, not the photo: a
blue patch is what the *model* reacts to, right or wrong ([Ribeiro et al. 2016](https://arxiv.org/abs/1602.04938)). It
stops when two halves of its samples tell the same story (*converged*), or when its budget ends. A *faint* patch is one
whose weight may as well be zero.

**Attention mask** – a number from 0 to 1 for each cell of a coarse grid, computed on the way to the verdict. The
features of each cell count in proportion to it. A flat mask means that no part was preferred; the colours are never
stretched to hide that.

**Trust** – the patches are hidden in the order that a map gives them, and in 50 random orders. A map that knows what
matters makes the probability fall faster than nearly all of these (*deletion*) and rise faster when the patches come
back (*insertion*, both after [RISE](https://arxiv.org/abs/1806.07421)). A map that does not is no better than chance,
and says so. *µ-fidelity* asks how well the map's numbers foretell what hiding a random set of patches costs.
*Stability* asks whether the map says the same again.

**What if** – the network is really asked about the face with these patches hidden. Faces with hidden patches are rarer
than any photo it learnt from: read the answer as a test of the model, not of the person.

**Calibrated** – probabilities were scaled on validation pictures so that they match how often the model was right
there. **Inconclusive** – a band around 0.5 where it was wrong too often to say.
"""
