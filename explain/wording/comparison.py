"""Two models side by side, in a sentence."""

from __future__ import annotations

from explain.comparison import Comparison
from explain.wording.regions import shown_name
from model.i18n.catalogue import translate


def comparison_sentence(found: Comparison) -> str:
    """Whether the verdicts agree, and how similarly the main maps rank the regions."""
    verdicts = translate("second.same" if found.same_verdict else "second.other")
    maps = translate("second.maps", correlation=found.correlation, regions=len(found.regions))
    if not found.shared:
        return f"{verdicts} {maps} {translate('second.none')}"
    subject = found.first.subject
    names = subject.names if subject is not None else None
    shown = (str(region) if names is None else shown_name(names[region]) for region in found.shared)
    return f"{verdicts} {maps} {translate('second.shared', regions=', '.join(dict.fromkeys(shown)))}"
