"""What image generators leave in a file: prompts, settings, workflows, and the sizes in which they make pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from PIL import ExifTags

from explain.provenance.container import MOST_TEXT_BYTES, Container
from explain.provenance.finding import HINT, STATES, Finding, quoted
from model.i18n.catalogue import Message

USER_COMMENT = "UserComment"
# Pixel sizes in which generators usually make pictures.
SQUARES = {512, 768, 1024}  # Stable Diffusion 1 and 2, SDXL and StyleGAN, DALL·E
# Shorter and longer side.
OTHERS = {
    # SDXL's training buckets (Podell et al., arXiv 2307.01952, appendix I) around its area of 1024 × 1024
    *((832, 1152), (832, 1216), (896, 1152), (768, 1344), (640, 1536)),
    *((1024, 1792), (1024, 1536)),  # DALL·E 3, GPT Image
    *((816, 1456), (928, 1232), (896, 1344)),  # Midjourney 5 and 6
    *((832, 1248), (864, 1184)),  # Gemini 2.5 Flash Image
    (512, 768),  # Stable Diffusion 1, a common choice for portraits
}


@dataclass(frozen=True)
class Mark:
    """How to recognise a generator by a text that it leaves in its files.

    Attributes:
        program: name of the generator, as a sentence says it.
        keys: where the text may be: keys of PNG texts, names of EXIF tags, or ``comment`` for that of JPEG and GIF.
        pattern: what the text must hold, because other programs also write texts with these keys.
    """

    program: str
    keys: tuple[str, ...]
    pattern: re.Pattern[str]


MARKS = (
    # AUTOMATIC1111, Forge and others write the same lines: a prompt, then "Steps: 20, Sampler: Euler a, …".
    Mark("Stable Diffusion", ("parameters", USER_COMMENT, "comment"), re.compile(r"\bSteps: \d+")),
    # A PNG has two texts of JSON; a WebP has them in EXIF, each after its key and a colon.
    Mark(
        "ComfyUI",
        ("prompt", "workflow", "Make", "Model", "ImageDescription"),
        re.compile(r'^(?:(?:prompt|workflow): ?)?\{(?s:.*)"(?:class_type|last_node_id|nodes)"'),
    ),
    Mark("NovelAI", ("Software", "Title"), re.compile("NovelAI")),
    Mark("InvokeAI", ("invokeai_metadata", "invokeai_graph", "invokeai_workflow", "sd-metadata"), re.compile(r"^\{")),
    Mark("Midjourney", ("Description", "ImageDescription"), re.compile(r"\bJob ID: [0-9a-f]{8}-")),
)


MOST_PROGRAMS = 3  # that a sentence names
# Programs that generate pictures, as files name them; some also edit photos.
PROGRAMS = re.compile(
    r"chatgpt|comfyui|\bdall[\W_]?e(?![a-z])|firefly|ideogram|invokeai|midjourney|novelai|openai|stable ?diffusion",
    re.IGNORECASE,
)


def programs_in(values: Iterable[object]) -> list[str]:
    """Names of programs among values of a file, as a sentence says them: the first ``MOST_PROGRAMS`` different ones."""
    return list(dict.fromkeys(filter(None, (quoted(value, 60) for value in values))))[:MOST_PROGRAMS]


def generators_among(programs: Iterable[str]) -> Iterator[Finding]:
    """A finding for the first of these names of programs that is one of an image generator."""
    for program in programs:
        if PROGRAMS.search(program):
            yield Finding("generator_program", HINT, Message("provenance.program_generator", program=program))
            return


def generator_texts(container: Container) -> Iterator[Finding]:
    """What generators of ``MARKS`` wrote into the file: one finding for each, of the first of its keys that fits."""
    texts = {**_exif_texts(container), **container.texts}
    for mark in MARKS:
        key = next((key for key in mark.keys if mark.pattern.search(texts.get(key, "")[:MOST_TEXT_BYTES])), None)
        if key is not None:
            excerpt = quoted(texts[key], 80)
            message = Message("provenance.generator", program=mark.program, key=key, excerpt=excerpt)
            yield Finding("generator_text", STATES, message)


def typical_size(container: Container) -> Iterator[Finding]:
    """Whether the picture has such a size; many ordinary pictures were cut to the square ones."""
    width, height = container.size
    shorter, longer = min(width, height), max(width, height)
    if (shorter == longer and shorter in SQUARES) or (shorter, longer) in OTHERS:
        yield Finding("pixel_size", HINT, Message("provenance.size", width=width, height=height))


def _exif_texts(container: Container) -> dict[str, str]:
    tags = (ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.ImageDescription)
    values = {tag.name: container.exif.get(tag) for tag in tags}
    values[USER_COMMENT] = _user_comment(container.exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment))
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _user_comment(value: object) -> str | None:
    """The text of EXIF's comment; its first 8 bytes name its encoding, and writers disagree on the order of bytes."""
    if not isinstance(value, bytes):
        return value if isinstance(value, str) else None
    code, text = value[:8], value[8:MOST_TEXT_BYTES]
    if code != b"UNICODE\0":
        return text.decode("utf-8", "replace")
    return text.decode("utf-16-be" if text[:1] == b"\0" else "utf-16-le", "replace")
