"""What a browser says it would rather have, read from the headers that it sends."""

from model.i18n.catalogue import DEFAULT, LANGUAGES


def preferred_language(header: str) -> str:
    """The first language of an ``Accept-Language`` header that the catalogue holds, English if it holds none."""
    wanted = (tag.split("-")[0] for tag in by_preference(header))
    return next((tag for tag in wanted if tag in LANGUAGES), DEFAULT)


def by_preference(header: str) -> list[str]:
    """What a header of the Accept family names, in lower case, best first; what is refused by ``q=0`` is left out."""
    named: list[tuple[float, str]] = []
    for part in header.lower().split(","):
        value, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            named.append((float(weight), value))
        except ValueError:
            continue
    return [value for weight, value in sorted(named, key=lambda pair: -pair[0]) if value and weight > 0]
