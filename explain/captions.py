"""What stands under each map: what its colours mean, what it rests on, and how far it can be trusted."""

from html import escape

from explain.agreement import Agreement
from explain.attribution import Attribution
from explain.draw import OPPOSES, SUPPORTS, hex_colour, strongest, unsure
from explain.methods import METHODS
from explain.trust import Trust
from explain.trust_words import details
from model.artifact import Card

POOR_FIT = 0.3  # weighted R² below which LIME's linear picture tells little of what the model does
POINTS_NOWHERE = 1e-6  # a map whose values stay below this says nothing


def title(method: str, target: str) -> str:
    """Heading of a map's picture, which always names the class that it explains."""
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
    evidence, target = found.evidence, found.target
    assert found.weights is not None
    count, fit = len(found.weights), float(evidence["r2"])
    doubtful = int(unsure(found)[strongest(found.weights, shown)].sum())
    samples = f"{int(evidence['samples']):,} pictures with regions hidden"
    if evidence["converged"]:
        state = f"converged after {samples}: two halves of them tell the same story"
    elif evidence["complete"]:
        state = (
            f"not converged after {samples}, where its budget ends: two halves of them rank the regions alike to "
            f"{float(evidence['halves_rank_correlation']):.2f} (asked: 0.90) and share "
            f"{float(evidence['halves_same_top']):.0%} of the top five"
        )
    else:
        state = f"still growing, from {samples}"
    line = (
        f"With everything shown LIME's line says {float(evidence['local_prediction']):.2f}, the model "
        f"{float(evidence['model_prediction']):.2f}; with everything hidden the line says "
        f"{float(evidence['intercept']):.2f}."
    )
    fitted = f"It explains {max(fit, 0):.0%} of how the model's answers vary (weighted R²)" + (
        ": the linear picture does not fit this model here, read it with care." if fit < POOR_FIT else "."
    )
    faint = f" {doubtful} of these are faint: the 95 % interval holds zero." if doubtful else ""
    return (
        f"{legend(target)}<p>The {min(shown, count)} strongest of {count} superpixels, {state} (seed "
        f"{evidence['seed']}).{faint} {_strongest(found)}</p><p>{line} {fitted}</p>"
    )


def _strongest(found: Attribution) -> str:
    assert found.weights is not None
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
    largest = float(abs(found.map).max())
    if largest < POINTS_NOWHERE:
        return f"<p>This map is zero everywhere: by this method nothing on this face speaks for {found.target}.</p>"
    if found.weights is not None:
        count = len(found.weights)
        text = f"The {min(shown, count)} strongest of {count} superpixels, each hidden alone. {_strongest(found)}"
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
            text += (
                f" From {int(found.evidence['samples']):,} pictures, largest value {largest:.3f} of P({found.target})."
            )
    return f"{legend(found.target)}<p>{text}</p>"


def legend(target: str) -> str:
    """One meaning for each colour, the same for every signed map."""
    return (
        f'<ul class="legend"><li><i style="background:{hex_colour(SUPPORTS)}"></i>blue, solid: speaks for {target}</li>'
        f'<li><i class="dashed" style="background:{hex_colour(OPPOSES)}"></i>orange, dashed: speaks against {target}'
        "</li></ul>"
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
    return (
        '<div class="table"><h4>Do the maps agree?</h4><p>Rank correlation over the same regions: 1 the same order, 0 '
        "unrelated, −1 the reverse. The attention mask has no sign, so it is compared with how strong the others are."
        f"</p><table><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _correlation(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
