"""What stands under each map: what its colours mean, what it rests on, and how far it can be trusted."""

import math
from html import escape

from explain.agreement import Agreement
from explain.attribution import Attribution
from explain.draw import OPPOSES, SUPPORTS, hex_colour, strongest, unsure
from explain.lime_fit import RANK_CORRELATION, TOP
from explain.lime_map import SAMPLES_PER_SUPERPIXEL
from explain.methods import METHODS
from explain.trust import Trust
from explain.trust_words import details
from model.artifact import Card

POOR_FIT = 0.3  # weighted R² below which LIME's linear picture tells little of what the model does


def title(method: str, target: str) -> str:
    """Heading of a map's picture, which names the class that it explains; the attention mask explains neither."""
    chosen = METHODS[method]
    name = f"Where it looked: {chosen.title.lower()}" if method == "attention" else f"Why {target}: {chosen.title}"
    return heading(name, chosen.line)


def heading(name: str, line: str) -> str:
    """Heading of a picture with a line of help."""
    return f'<div class="map-title"><h3>{escape(name)}</h3><p>{escape(line)}</p></div>'


def caption(found: Attribution, card: Card, shown: int, trust: Trust | None = None) -> str:
    """What the colours of a map mean, what it rests on, and one sentence on trust.

    Args:
        found: the map.
        card: the model's.
        shown: how many superpixels are drawn.
        trust: as far as it is measured.
    """
    texts = {"lime": lime, "attention": attention}
    body = texts[found.method](found, card, shown) if found.method in texts else _other(found, shown)
    return body + trust_paragraph(trust)


def trust_paragraph(trust: Trust | None) -> str:
    """The sentence on trust, in the same place and size whatever it says; empty until it is measured."""
    if trust is None:
        return ""
    kind = "better" if trust.better_than_chance else "chance"
    sign = "✓" if trust.better_than_chance else "!"
    return f'<p class="trust {kind}"><span aria-hidden="true">{sign}</span>{escape(trust.sentence)}</p>'


def lime(found: Attribution, card: Card, shown: int) -> str:
    """LIME: its samples, whether it converged, its fit and what it predicts."""
    evidence = found.evidence
    assert found.weights is not None
    fit, doubtful = float(evidence["r2"]), int(unsure(found)[strongest(found.weights, shown)].sum())
    line = (
        f"With everything shown LIME's line says {float(evidence['local_prediction']):.2f}, the model "
        f"{float(evidence['model_prediction']):.2f}; with everything hidden the line says "
        f"{float(evidence['intercept']):.2f}."
    )
    fitted = f"It explains {max(fit, 0):.0%} of how the model's answers vary (weighted R²)" + (
        ": the linear picture does not fit this model here, read it with care." if fit < POOR_FIT else "."
    )
    faint = f" {doubtful} of these are faint: their 95 % intervals hold zero." if doubtful else ""
    if doubtful == 1:
        faint = " 1 of these is faint: its 95 % interval holds zero."
    return (
        f"{legend(found.target, outlined=True)}<p>{_drawn(found, shown)}, {_lime_state(found)} (seed "
        f"{evidence['seed']}).{faint} {_strongest(found)}</p><p>{line} {fitted}</p>"
    )


def _lime_state(found: Attribution) -> str:
    """Whether LIME's map has converged, and if its budget ended before, what is wanting."""
    evidence = found.evidence
    assert found.weights is not None
    count, used = len(found.weights), int(evidence["samples"])
    samples = f"{used:,} pictures with regions hidden"
    if evidence["converged"]:
        return f"converged after {samples}: two halves of them tell the same story"
    if not evidence["complete"]:
        # A run that was stopped leaves this caption behind: it must not say that more will come.
        return f"so far from {samples}, not yet converged"
    least = SAMPLES_PER_SUPERPIXEL * count
    few = f"{least:,} are the least, {SAMPLES_PER_SUPERPIXEL} for each superpixel; " if used < least else ""
    # Rounded down: 0.899 is not the 0.90 that is asked for.
    alike = math.floor(100 * float(evidence["halves_rank_correlation"]) + 1e-9) / 100
    return (
        f"not converged after {samples}, where its budget ends: {few}two halves of them rank the regions alike to "
        f"{alike:.2f} (asked: {RANK_CORRELATION:.2f}) and share {float(evidence['halves_same_top']):.0%} of their "
        f"{min(TOP, count)} strongest"
    )


def _drawn(found: Attribution, shown: int) -> str:
    """How many superpixels the picture shows: those that weigh nothing are left out."""
    assert found.weights is not None
    count, drawn = len(found.weights), len(strongest(found.weights, shown))
    return f"The {drawn} strongest of {count} superpixels" if drawn else f"None of {count} superpixels has a weight"


def _strongest(found: Attribution) -> str:
    assert found.weights is not None
    if not found.weights.any():
        return ""
    region = int(abs(found.weights).argmax())
    name = "The strongest" if found.names is None else f"The strongest ({escape(found.names[region])})"
    interval = ""
    if found.intervals is not None:
        low, high = found.intervals[region]
        interval = f" (95 % interval {low:.3f} to {high:.3f})"
    return f"{name} counts for {found.weights[region]:.3f} of P({found.target}){interval}."


def attention(found: Attribution, card: Card, shown: int) -> str:
    """Where the network looked, in numbers, and how often that was the right place."""
    evidence = found.evidence
    rows, columns = found.native_shape
    flat = "The mask is flat: the model preferred no part of the face. " if evidence["flat"] else ""
    return (
        '<div class="heat" role="img" aria-label="Colour scale from 0 to 1"><span>0</span><i></i><span>1</span></div>'
        f"<p>{flat}Native grid {rows} × {columns}; values {evidence['minimum']:.2f} to {evidence['maximum']:.2f}, "
        f"contrast {evidence['contrast']:.2f}. Where the model took its features from, for whichever verdict. "
        f"{_attention_peak(card)}</p>"
    )


def _attention_peak(card: Card) -> str:
    figures = card.metrics.get("test", {}).get("dfdc", {}).get("attention_peak_inside", {})
    if "attention" not in figures:
        return "How often it looks at the right place was not measured for this model."
    return (
        f"In {int(figures['fakes'])} test face swaps that the model called fake, the mask's peak lay inside the "
        f"changed region {figures['attention']:.0%} of the time (the centre of the face: {figures['centre']:.0%})."
    )


def _other(found: Attribution, shown: int) -> str:
    rows, columns = found.native_shape
    if not found.map.any():
        return f"<p>This map is zero everywhere: by this method nothing on this face speaks for {found.target}.</p>"
    if found.weights is not None:
        text = f"{_drawn(found, shown)}, each hidden alone. {_strongest(found)}"
    elif "completeness_gap" in found.evidence:
        evidence = found.evidence
        text = (
            f"From the hidden face to this one P({found.target}) changes by {float(evidence['change']):.3f}; the map's "
            f"pixels add up to {float(evidence['sum']):.3f}, a gap of {float(evidence['completeness_gap']):.3f} "
            f"({int(evidence['steps'])} steps)."
        )
    else:
        text = f"Native grid {rows} × {columns}."
        if "samples" in found.evidence:
            largest = float(found.map.flat[abs(found.map).argmax()])
            text += (
                f" From {int(found.evidence['samples']):,} pictures; the strongest place counts for {largest:.3f} of "
                f"P({found.target})."
            )
    return f"{legend(found.target, outlined=found.weights is not None)}<p>{text}</p>"


def legend(target: str, outlined: bool) -> str:
    """One meaning for each colour, the same for every signed map; ``outlined`` where regions have outlines."""
    solid, dashed, style = (", solid", ", dashed", ' class="dashed"') if outlined else ("", "", "")
    return (
        f'<ul class="legend"><li><i style="background:{hex_colour(SUPPORTS)}"></i>blue{solid}: speaks for {target}</li>'
        f'<li><i{style} style="background:{hex_colour(OPPOSES)}"></i>orange{dashed}: speaks against {target}</li></ul>'
    )


def trust_details(trusts: dict[str, Trust]) -> str:
    """The numbers behind each map's sentence."""
    parts = "".join(
        f"<section><h4>{escape(METHODS[name].title)}</h4><p>{escape(details(trust))}</p></section>"
        for name, trust in trusts.items()
    )
    return f'<div class="details">{parts}</div>' if parts else ""


def agreement_table(agreement: Agreement | None) -> str:
    """Rank correlation between the maps, as a small table; empty for fewer than two maps."""
    if agreement is None or len(agreement.names) < 2:
        return ""
    titles = [escape(METHODS[name].title) for name in agreement.names]
    head = "".join(f'<th scope="col">{name}</th>' for name in titles)
    rows = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(
            f'<td data-label="{other}"><span>{_correlation(value)}</span></td>'
            for other, value in zip(titles, row, strict=True)
        )
        + "</tr>"
        for name, row in zip(titles, agreement.matrix, strict=True)
    )
    unsigned = (
        " The attention mask has no sign, so it is compared with how strong the others are."
        if "attention" in agreement.names
        else ""
    )
    return (
        '<div class="table"><h4>Do the maps agree?</h4><p>Rank correlation over the same regions: 1 the same order, 0 '
        f"unrelated, −1 the reverse.{unsigned}</p><table><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody>"
        "</table></div>"
    )


def _correlation(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
