"""Reads a browser's preferences from the HTTP headers that it sends."""

from babel import negotiate_locale

from model.i18n.catalogue import DEFAULT, languages


def preferred_language(header: str) -> str:
    """The preferred language of an ``Accept-Language`` header among those of the catalogue; English if none matches."""
    return negotiate_locale(by_preference(header), languages(), sep="-") or DEFAULT


def by_preference(header: str) -> list[str]:
    """The values of an ``Accept`` header, in lower case, best first, without those that ``q=0`` refuses."""
    named: list[tuple[float, str]] = []
    for part in header.lower().split(","):
        value, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            named.append((float(weight), value))
        except ValueError:
            continue
    return [value for weight, value in sorted(named, key=lambda pair: -pair[0]) if value and weight > 0]


def prefers_html(accepted: str) -> bool:
    """Whether a client prefers HTML to JSON, by its ``Accept``; one that accepts anything gets JSON."""
    kinds = by_preference(accepted)
    return next((kind for kind in kinds if kind in ("text/html", "application/json", "*/*")), "") == "text/html"
