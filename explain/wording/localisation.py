"""Whether the maps found a known change, in words."""

from explain.trust.localisation import Localisation
from model.i18n.catalogue import translate


def localisation_sentence(located: Localisation) -> str:
    """How many of the main map's top regions, and whether the attention peak, lie inside the change."""
    share = translate("localisation.share", share=located.share)
    if located.inside and located.peak_inside:
        return f"{_regions('both', located)} {share}"
    first = _regions("no_region" if not located.top else "regions" if located.inside else "none", located)
    if located.peak_inside is None:
        return f"{first} {share}"
    peak = translate("localisation.peak_inside" if located.peak_inside else "localisation.peak_outside")
    return f"{first} {peak} {share}"


def _regions(key: str, located: Localisation) -> str:
    return translate(f"localisation.{key}", fake=translate("class.Fake"), top=located.top, count=located.inside)
