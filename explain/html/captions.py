"""The caption of each map: the meaning of its colours, its evidence, and how far it can be trusted."""

import math

from markupsafe import Markup

from explain.drawing.curves import curve_charts
from explain.drawing.palette import OPPOSES, SUPPORTS, hex_colour
from explain.html.charts import charts_html
from explain.html.fragments import paragraph
from explain.html.regions import regions_table
from explain.html.rendering import macros
from explain.maps.attribution import Attribution, shown_regions, strongest, unsure
from explain.maps.lime import SAMPLES_PER_SUPERPIXEL
from explain.maps.lime_fit import RANK_CORRELATION, SAME_TOP, TOP, alike
from explain.maps.registry import MAIN_MAP, METHODS
from explain.result import Analysis, is_unmoved
from explain.trust.agreement import Agreement
from explain.trust.measure import Trust
from explain.wording.regions import fewer_regions, shown_name
from explain.wording.trust import details, short_answers, trust_sentence
from model.artifact.card import MASK, Card
from model.i18n.catalogue import number, translate

POOR_FIT = 0.3  # weighted R² below which LIME's linear model does not describe the network well


def title(method: str, target: str) -> Markup:
    """Heading of a map's picture, which names the class that it explains; the attention mask explains no class."""
    chosen = METHODS[method]
    why = translate("caption.why", target=_class(target), method=chosen.title)
    return heading(translate(f"method.{method}.heading") if chosen.in_verdict_pass else why, chosen.description)


def heading(name: str, line: str) -> Markup:
    """Heading of a picture with a line of help."""
    return macros("fragments").heading(name, line)


def caption(
    found: Attribution, card: Card, shown: int, trust: Trust | None = None, still: bool = False, note: str = ""
) -> Markup:
    """The meaning of a map's colours, its evidence, and one sentence on trust.

    Args:
        found: the map.
        card: of the model.
        shown: how many superpixels are drawn.
        trust: None until measured.
        still: whether the model's answer hardly depends on the picture, see ``explain.maps.unmoved``. The
            caption then says only that; the attention mask comes from the verdict's pass and keeps its numbers.
        note: a sentence on the regions, for the map that is fitted to them.
    """
    method = METHODS[found.method]
    if still:
        return _paragraph(unmoved(found)) + (mask(found, card) if method.in_verdict_pass else Markup())
    return _body(found, card, shown, note) + trust_paragraph(trust)


def short_caption(found: Attribution, trust: Trust | None = None, still: bool = False) -> Markup:
    """Under a picture on the page: the meaning of its colours, and whether it beats chance once that is measured."""
    method = METHODS[found.method]
    if method.drawn_as == "heat":
        colours = heat_scale(found)
    elif still:
        return _paragraph(translate("caption.unmoved"))
    else:
        colours = legend(found.target, outlined=found.weights is not None)
    if trust is None:
        return colours
    line = translate(f"trust.line.{'yes' if trust.better_than_chance else 'no'}")
    return colours + macros("captions").trust(line, trust.better_than_chance)


def heat_scale(found: Attribution) -> Markup:
    """The colours of a map on a fixed scale from 0 to 1."""
    return macros("captions").heat(translate(f"method.{found.method}.scale"))


def numbers(analysis: Analysis, card: Card, shown: int) -> Markup:
    """Everything measured, map by map, for readers who want the numbers."""
    still = is_unmoved(analysis)
    note = "" if analysis.subject is None else fewer_regions(analysis.subject)
    parts = [
        (METHODS[name].title, caption(found, card, shown, analysis.trusts.get(name), still, note))
        for name, found in analysis.attributions.items()
    ]
    tables = regions_table(analysis.attributions.get(MAIN_MAP)) + trust_details(analysis.trusts)
    return macros("captions").numbers(parts) + tables + agreement_table(analysis.agreement)


def _body(found: Attribution, card: Card, shown: int, note: str) -> Markup:
    method = METHODS[found.method]
    if method.drawn_as == "heat":
        return mask(found, card)
    return fitted(found, card, shown, note) if method.fitted else _other(found, card, shown)


def unmoved(found: Attribution) -> str:
    """The sentence that the model's answer hardly depends on the picture, with numbers if this map has them."""
    if not found.unmoved:
        return translate("caption.unmoved")
    low, high = float(found.evidence["lowest"]), float(found.evidence["highest"])
    samples = int(found.evidence["samples"])
    return translate("caption.unmoved_between", samples=samples, target=_class(found.target), low=low, high=high)


def trust_paragraph(trust: Trust | None) -> Markup:
    """The sentence on trust, always in the same place and size; empty until measured."""
    if trust is None:
        return Markup()
    return macros("captions").trust(trust_sentence(trust), trust.better_than_chance)


def fitted(found: Attribution, card: Card, shown: int, note: str = "") -> Markup:
    """Caption of a map fitted to samples, such as LIME: samples, convergence, fit and local prediction."""
    evidence, name = found.evidence, found.method
    assert found.weights is not None
    fit, doubtful = float(evidence["r2"]), int(unsure(found)[shown_regions(found, shown)].sum())
    first = [
        translate(f"method.{name}.summary", drawn=_drawn(found, shown), state=_fit_state(found), seed=evidence["seed"]),
        translate(f"method.{name}.faint", count=doubtful) if doubtful else "",
        _strongest(found),
        note,
    ]
    line = translate(
        f"method.{name}.line",
        shown=float(evidence["local_prediction"]),
        model=float(evidence["model_prediction"]),
        hidden=float(evidence["intercept"]),
    )
    fits = translate(f"method.{name}.{'poor_fit' if fit < POOR_FIT else 'fit'}", fit=max(fit, 0.0))
    colours = legend(found.target, outlined=True)
    return colours + _paragraph(*first) + _paragraph(line, fits, _place(name, card))


def _fit_state(found: Attribution) -> str:
    """Whether a fitted map has converged; if its budget ended before, which criterion it missed."""
    evidence = found.evidence
    assert found.weights is not None
    count, used = len(found.weights), int(evidence["samples"])
    if evidence["converged"]:
        return translate(f"method.{found.method}.converged", samples=used)
    if not evidence["complete"]:
        # This caption stays after a stopped run, so it must not promise more.
        return translate(f"method.{found.method}.so_far", samples=used)
    least = SAMPLES_PER_SUPERPIXEL * count
    if used < least:
        return translate(f"method.{found.method}.too_few", samples=used, least=least, each=SAMPLES_PER_SUPERPIXEL)
    return translate(f"method.{found.method}.not_converged", samples=used, reasons=_missed(found))


def _missed(found: Attribution) -> str:
    """The criteria of convergence that a fitted map missed, with the number required."""
    name, evidence = found.method, found.evidence
    assert found.weights is not None
    # Rounded down, so that 0.899 is not shown as the required 0.90.
    order, top = (
        math.floor(100 * value + 1e-9) / 100
        for value in (alike(float(evidence["halves_rank_correlation"])), float(evidence["halves_same_top"]))
    )
    reasons = []
    if order < RANK_CORRELATION:
        reasons.append(translate(f"method.{name}.other_order", alike=order, wanted=RANK_CORRELATION))
    if top < SAME_TOP:
        strongest_ones = min(TOP, len(found.weights))
        reasons.append(translate(f"method.{name}.other_top", share=top, wanted=SAME_TOP, top=strongest_ones))
    return "; ".join(reasons)


def _drawn(found: Attribution, shown: int) -> str:
    """The number of superpixels that the picture shows, without those of weight 0."""
    assert found.weights is not None
    total, drawn = len(found.weights), len(strongest(found.weights, shown))
    return translate("caption.drawn" if drawn else "caption.none_drawn", drawn=drawn, total=total)


def _strongest(found: Attribution) -> str:
    assert found.weights is not None
    if not found.weights.any():
        return ""
    region = int(abs(found.weights).argmax())
    named = interval = ""
    values: dict[str, str | float] = {"weight": float(found.weights[region]), "target": _class(found.target)}
    if found.names is not None:
        named, values["region"] = "_named", shown_name(found.names[region])
    if found.intervals is not None:
        interval = "_interval"
        values["low"], values["high"] = map(float, found.intervals[region])
    return translate(f"caption.strongest{named}{interval}", **values)


def mask(found: Attribution, card: Card) -> Markup:
    """The attention mask in numbers, and how often its peak is at the right place."""
    evidence = found.evidence
    rows, columns = found.native_shape
    numbers = translate(
        f"method.{found.method}.{'rollout' if evidence.get('rollout') else 'numbers'}",
        rows=rows,
        columns=columns,
        low=float(evidence["minimum"]),
        high=float(evidence["maximum"]),
        contrast=float(evidence["contrast"]),
    )
    flat = translate(f"method.{found.method}.flat") if evidence["flat"] else ""
    partial = translate(f"method.{found.method}.of_a_part") if card.parts else ""
    return heat_scale(found) + _paragraph(partial, flat, numbers, _mask_peak(found.method, card))


def _mask_peak(method: str, card: Card) -> str:
    figures = card.metrics.get("test", {}).get("dfdc", {}).get("attention_peak_inside", {})
    if MASK not in figures:
        return translate(f"method.{method}.unmeasured")
    share, centre = float(figures[MASK]), float(figures["centre"])
    return translate(f"method.{method}.peak", fakes=int(figures["fakes"]), share=share, centre=centre)


def _place(method: str, card: Card) -> str:
    """How often this method found the change; empty if that was not measured for this model."""
    figures = card.metrics.get("localisation", {}).get("dfdc", {}).get(method)
    if figures is None:
        return ""
    share, centre = float(figures["inside"]), float(figures["centre"])
    key = "caption.place" if share > centre else "caption.no_place"
    return translate(key, fakes=int(figures["fakes"]), share=share, centre=centre)


def _other(found: Attribution, card: Card, shown: int) -> Markup:
    target, evidence = _class(found.target), found.evidence
    if not found.map.any():
        return _paragraph(translate("caption.zero", target=target))
    if found.weights is not None:
        state = "" if evidence.get("exact", True) else "_shared" if evidence["complete"] else "_so_far"
        key = f"method.{found.method}.summary{state}"
        sentences = [translate(key, drawn=_drawn(found, shown), target=target, **evidence), _strongest(found)]
    elif "completeness_gap" in evidence:
        change, total, gap = (float(evidence[name]) for name in ("change", "sum", "completeness_gap"))
        steps = int(evidence["steps"])
        sentences = [translate("caption.path", target=target, change=change, sum=total, gap=gap, steps=steps)]
    else:
        rows, columns = found.native_shape
        sentences = [translate("caption.grid", rows=rows, columns=columns)]
        if "samples" in evidence:
            largest = float(found.map.flat[abs(found.map).argmax()])
            samples = int(evidence["samples"])
            sentences.append(translate("caption.sampled", samples=samples, largest=largest, target=target))
    place = _paragraph(_place(found.method, card))
    return legend(found.target, outlined=found.weights is not None) + _paragraph(*sentences) + place


def _paragraph(*sentences: str) -> Markup:
    """One paragraph; empty without sentences."""
    text = " ".join(filter(None, sentences))
    return paragraph(text) if text else Markup()


def _class(name: str) -> str:
    """A class in the current language."""
    return translate(f"class.{name}")


def legend(target: str, outlined: bool) -> Markup:
    """The meaning of each colour, the same for every signed map; ``outlined`` if regions have outlines."""
    outlines = "_outlined" if outlined else ""
    supports, opposes = (translate(f"legend.{side}{outlines}", target=_class(target)) for side in ("for", "against"))
    colours = (hex_colour(SUPPORTS), supports), (hex_colour(OPPOSES), opposes)
    return macros("captions").legend(*colours, outlined, translate("legend.strength"))


def trust_table(trusts: dict[str, Trust]) -> Markup:
    """One row for each map, and its curves; empty until measured."""
    if not trusts:
        return Markup()
    titles = [translate(f"page.trust_{name}") for name in ("map", "chance", "repeated")]
    rows = [(METHODS[name].title, *short_answers(trust)) for name, trust in trusts.items()]
    curves = [(METHODS[name].title, charts_html(curve_charts(trust))) for name, trust in trusts.items()]
    return macros("captions").trust_table(titles, rows, curves)


def trust_details(trusts: dict[str, Trust]) -> Markup:
    """The numbers behind each map's sentence."""
    parts = [(METHODS[name].title, details(trust)) for name, trust in trusts.items()]
    return macros("captions").details(parts) if parts else Markup()


def agreement_table(agreement: Agreement | None) -> Markup:
    """Rank correlation between the maps, as a small table; empty for fewer than two maps."""
    if agreement is None or len(agreement.names) < 2:
        return Markup()
    titles = [METHODS[name].title for name in agreement.names]
    rows = [
        (title, *(number(float(value)) for value in row)) for title, row in zip(titles, agreement.matrix, strict=True)
    ]
    unsigned = [translate(f"method.{name}.unsigned") for name in agreement.names if not METHODS[name].signed]
    return macros("captions").agreement(["", *titles], rows, " ".join([translate("agreement.help"), *unsigned]))
