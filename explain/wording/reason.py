"""Why the model says so, in one sentence."""

from __future__ import annotations

from explain.maps.attribution import reasons
from explain.maps.registry import MAIN_MAP
from explain.probes.reason import LITTLE
from explain.result import Analysis, is_unmoved
from explain.wording.what_if import fake_shares, regions_in_words
from model.i18n.catalogue import translate


def reason_sentence(analysis: Analysis) -> str:
    """What happens to P(Fake) without the strongest regions; empty until the network has predicted it."""
    main, reason, target = analysis.attributions.get(MAIN_MAP), analysis.reason, analysis.settings.target
    if main is None or target is None or not main.evidence.get("complete", True):
        return ""
    if is_unmoved(analysis):
        return translate("caption.unmoved")
    if reason is None:
        return "" if reasons(main) else translate("reason.none", target=translate(f"class.{target}"))
    before, now = fake_shares(reason, target)
    key = "falls" if now < before else "rises"
    if reason.probability - reason.before >= LITTLE:
        key = "opposite"
    elif reason.before - reason.probability < LITTLE:
        key = "little"
    return translate(
        f"reason.{key}",
        regions=regions_in_words(reason),
        count=len(reason.hidden),
        fake=translate("class.Fake"),
        before=before,
        now=now,
    )
