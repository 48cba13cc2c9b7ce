"""What stands under each map: what its colours mean, what it rests on, and how far it can be trusted."""

import math
from html import escape

from explain.drawing.palette import OPPOSES, SUPPORTS, hex_colour
from explain.maps.attribution import Attribution, strongest, unsure
from explain.maps.lime import SAMPLES_PER_SUPERPIXEL
from explain.maps.lime_fit import RANK_CORRELATION, TOP
from explain.maps.registry import METHODS
from explain.trust.agreement import Agreement
from explain.trust.measure import Trust
from explain.wording.regions import shown_name
from explain.wording.trust import details, trust_sentence
from model.artifact.card import Card
from model.i18n.catalogue import number, say

POOR_FIT = 0.3  # weighted R² below which LIME's linear picture tells little of what the model does


def title(method: str, target: str) -> str:
    """Heading of a map's picture, which names the class that it explains; the attention mask explains neither."""
    chosen = METHODS[method]
    why = say("caption.why", target=_class(target), method=chosen.title)
    return heading(say("caption.looked") if method == "attention" else why, chosen.line)


def heading(name: str, line: str) -> str:
    """Heading of a picture with a line of help."""
    return f'<div class="map-title"><h3>{escape(name)}</h3><p>{escape(line)}</p></div>'


def caption(found: Attribution, card: Card, shown: int, trust: Trust | None = None, is_unmoved: bool = False) -> str:
    """What the colours of a map mean, what it rests on, and one sentence on trust.

    Args:
        found: the map.
        card: the model's.
        shown: how many superpixels are drawn.
        trust: as far as it is measured.
        is_unmoved: whether the model's answer hardly depends on the picture, see ``explain.maps.unmoved``. That is then
            said instead; the attention mask, which is a part of the network's own pass, keeps its numbers.
    """
    if is_unmoved:
        return _paragraph(unmoved(found)) + (attention(found, card, shown) if found.method == "attention" else "")
    texts = {"lime": lime, "attention": attention}
    body = texts[found.method](found, card, shown) if found.method in texts else _other(found, card, shown)
    return body + trust_paragraph(trust)


def unmoved(found: Attribution) -> str:
    """That the model's answer hardly depends on the picture, with the numbers if this map has them."""
    if not found.unmoved:
        return say("caption.unmoved")
    low, high = float(found.evidence["lowest"]), float(found.evidence["highest"])
    told = {"samples": int(found.evidence["samples"]), "target": _class(found.target)}
    return say("caption.unmoved_between", **told, low=low, high=high)


def trust_paragraph(trust: Trust | None) -> str:
    """The sentence on trust, in the same place and size whatever it says; empty until it is measured."""
    if trust is None:
        return ""
    kind = "better" if trust.better_than_chance else "chance"
    sign = "✓" if trust.better_than_chance else "!"
    return f'<p class="trust {kind}"><span aria-hidden="true">{sign}</span>{escape(trust_sentence(trust))}</p>'


def lime(found: Attribution, card: Card, shown: int) -> str:
    """LIME: its samples, whether it converged, its fit and what it predicts."""
    evidence = found.evidence
    assert found.weights is not None
    fit, doubtful = float(evidence["r2"]), int(unsure(found)[strongest(found.weights, shown)].sum())
    first = [
        say("lime.summary", drawn=_drawn(found, shown), state=_lime_state(found), seed=evidence["seed"]),
        say("lime.faint", count=doubtful) if doubtful else "",
        _strongest(found),
    ]
    line = say(
        "lime.line",
        shown=float(evidence["local_prediction"]),
        model=float(evidence["model_prediction"]),
        hidden=float(evidence["intercept"]),
    )
    fitted = say("lime.poor_fit" if fit < POOR_FIT else "lime.fit", fit=max(fit, 0.0))
    return f"{legend(found.target, outlined=True)}{_paragraph(*first)}{_paragraph(line, fitted, _place('lime', card))}"


def _lime_state(found: Attribution) -> str:
    """Whether LIME's map has converged, and if its budget ended before, what is wanting."""
    evidence = found.evidence
    assert found.weights is not None
    count, used = len(found.weights), int(evidence["samples"])
    if evidence["converged"]:
        return say("lime.converged", samples=used)
    if not evidence["complete"]:
        # A run that was stopped leaves this caption behind: it must not say that more will come.
        return say("lime.so_far", samples=used)
    halves = say(
        "lime.halves",
        # Rounded down: 0.899 is not the 0.90 that is asked for.
        alike=math.floor(100 * float(evidence["halves_rank_correlation"]) + 1e-9) / 100,
        wanted=RANK_CORRELATION,
        share=float(evidence["halves_same_top"]),
        top=min(TOP, count),
    )
    least = SAMPLES_PER_SUPERPIXEL * count
    key = "lime.too_few" if used < least else "lime.not_converged"
    return say(key, samples=used, least=least, each=SAMPLES_PER_SUPERPIXEL, halves=halves)


def _drawn(found: Attribution, shown: int) -> str:
    """How many superpixels the picture shows: those that weigh nothing are left out."""
    assert found.weights is not None
    total, drawn = len(found.weights), len(strongest(found.weights, shown))
    return say("caption.drawn" if drawn else "caption.none_drawn", drawn=drawn, total=total)


def _strongest(found: Attribution) -> str:
    assert found.weights is not None
    if not found.weights.any():
        return ""
    region = int(abs(found.weights).argmax())
    named = interval = ""
    told: dict[str, str | float] = {"weight": float(found.weights[region]), "target": _class(found.target)}
    if found.names is not None:
        named, told["region"] = "_named", shown_name(found.names[region])
    if found.intervals is not None:
        interval = "_interval"
        told["low"], told["high"] = map(float, found.intervals[region])
    return say(f"caption.strongest{named}{interval}", **told)


def attention(found: Attribution, card: Card, shown: int) -> str:
    """Where the network looked, in numbers, and how often that was the right place."""
    evidence = found.evidence
    rows, columns = found.native_shape
    numbers = say(
        "attention.numbers",
        rows=rows,
        columns=columns,
        low=float(evidence["minimum"]),
        high=float(evidence["maximum"]),
        contrast=float(evidence["contrast"]),
    )
    scale = escape(say("attention.scale"))
    return f'<div class="heat" role="img" aria-label="{scale}"><span>0</span><i></i><span>1</span></div>' + _paragraph(
        say("attention.flat") if evidence["flat"] else "", numbers, _attention_peak(card)
    )


def _attention_peak(card: Card) -> str:
    figures = card.metrics.get("test", {}).get("dfdc", {}).get("attention_peak_inside", {})
    if "attention" not in figures:
        return say("attention.unmeasured")
    share, centre = float(figures["attention"]), float(figures["centre"])
    return say("attention.peak", fakes=int(figures["fakes"]), share=share, centre=centre)


def _place(method: str, card: Card) -> str:
    """How often a kind of map found what was changed; empty where nobody has measured it for this model."""
    figures = card.metrics.get("localisation", {}).get("dfdc", {}).get(method)
    if figures is None:
        return ""
    share, centre = float(figures["inside"]), float(figures["centre"])
    key = "caption.place" if share > centre else "caption.no_place"
    return say(key, fakes=int(figures["fakes"]), share=share, centre=centre)


def _other(found: Attribution, card: Card, shown: int) -> str:
    target, evidence = _class(found.target), found.evidence
    if not found.map.any():
        return _paragraph(say("caption.zero", target=target))
    if found.weights is not None:
        said = [say("caption.each_alone", drawn=_drawn(found, shown)), _strongest(found)]
    elif "completeness_gap" in evidence:
        change, total, gap = (float(evidence[name]) for name in ("change", "sum", "completeness_gap"))
        steps = int(evidence["steps"])
        said = [say("caption.path", target=target, change=change, sum=total, gap=gap, steps=steps)]
    else:
        rows, columns = found.native_shape
        said = [say("caption.grid", rows=rows, columns=columns)]
        if "samples" in evidence:
            largest = float(found.map.flat[abs(found.map).argmax()])
            said.append(say("caption.sampled", samples=int(evidence["samples"]), largest=largest, target=target))
    place = _paragraph(_place(found.method, card))
    return legend(found.target, outlined=found.weights is not None) + _paragraph(*said) + place


def _paragraph(*sentences: str) -> str:
    """One paragraph; nothing where there is nothing to say."""
    said = escape(" ".join(filter(None, sentences)))
    return f"<p>{said}</p>" if said else ""


def _class(name: str) -> str:
    """A class as people read it."""
    return say(f"class.{name}")


def legend(target: str, outlined: bool) -> str:
    """One meaning for each colour, the same for every signed map; ``outlined`` where regions have outlines."""
    style, outlines = (' class="dashed"', "_outlined") if outlined else ("", "")
    supports, opposes = (escape(say(f"legend.{side}{outlines}", target=_class(target))) for side in ("for", "against"))
    return (
        f'<ul class="legend"><li><i style="background:{hex_colour(SUPPORTS)}"></i>{supports}</li>'
        f'<li><i{style} style="background:{hex_colour(OPPOSES)}"></i>{opposes}</li></ul>'
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
            f'<td data-label="{other}"><span>{number(float(value))}</span></td>'
            for other, value in zip(titles, row, strict=True)
        )
        + "</tr>"
        for name, row in zip(titles, agreement.matrix, strict=True)
    )
    unsigned = say("agreement.unsigned") if "attention" in agreement.names else ""
    return (
        f'<div class="table" tabindex="0"><h4>{escape(say("agreement.title"))}</h4>'
        f"{_paragraph(say('agreement.help'), unsigned)}"
        f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
