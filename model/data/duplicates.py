"""Finds pictures that show the same, byte for byte or nearly, and takes them out of where they would leak."""

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from model.data.layout import SPLITS, Example
from model.data.reading import map_in_threads, read_rgb

# A perceptual hash of 16 x 16 bits. With the usual 8 x 8, portraits of different people in one pose differ in as few
# bits (4 to 6 of 64) as a picture and its copy. With 16 x 16, copies of 400 face crops that were saved at JPEG quality
# 30 to 50, shrunk to a quarter, brightened by 20 or made noisy differed in at most 20 of 256 bits, 99 % of them in at
# most 16; the closest of 0.9 million pairs of different people in 38, frames of one video in 20 or more. A copy that
# was cropped by 2 % on each side differs in 40 and is not found.
HASH_SIDE = 16
THRESHOLD = 20
PIXEL_DIGEST_BYTES = 16
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fingerprint:
    """What two copies of a picture have in common.

    Attributes:
        pixels: digest of the decoded pixels and their shape, as hexadecimal digits.
        perceptual: the pHash of ``HASH_SIDE ** 2`` bits, as hexadecimal digits.
    """

    pixels: str
    perceptual: str


@dataclass(frozen=True)
class Group:
    """Pictures that show the same.

    Attributes:
        paths: at least two, sorted.
        exact: whether all have the same pixels.
    """

    paths: tuple[str, ...]
    exact: bool


def fingerprint(pixels: NDArray[np.uint8]) -> Fingerprint:
    """Fingerprint of a picture ``(H, W, 3) uint8`` RGB."""
    import imagehash  # of requirements-train.txt: who only evaluates the shipped model need not have it

    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=PIXEL_DIGEST_BYTES)
    digest.update(np.ascontiguousarray(pixels).data)
    return Fingerprint(digest.hexdigest(), str(imagehash.phash(Image.fromarray(pixels), HASH_SIDE)))


def find_duplicates(
    root: Path, examples: Sequence[Example], known: Mapping[str, Fingerprint] | None = None, workers: int = 2
) -> list[Group]:
    """Groups of exact and near duplicates, across splits, classes and data sets, the largest first.

    A fake and the real picture that it was made from are alike by design: what ``Example.twin`` names, and the fakes
    that share a twin, are not linked with each other.

    Args:
        root: the data folder.
        examples: readable pictures.
        known: fingerprints by path; those of other pictures are computed.
        workers: threads that read.
    """
    prints = dict(known or {})
    missing = [example.path for example in examples if example.path not in prints]
    found = map_in_threads(lambda path: fingerprint(read_rgb(path)), [root / path for path in missing], workers)
    prints.update(zip(missing, tqdm(found, "duplicates", total=len(missing), disable=not missing), strict=True))
    return group_alike(examples, [prints[example.path] for example in examples])


def group_alike(examples: Sequence[Example], prints: Sequence[Fingerprint]) -> list[Group]:
    """The groups of ``find_duplicates`` from the fingerprint of each example."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not examples:
        return []
    hashes, hash_of = np.unique([found.perceptual for found in prints], return_inverse=True)
    families, family_of = np.unique([_family(example) for example in examples], return_inverse=True)
    near = _near_pairs(np.frombuffer(bytes.fromhex("".join(hashes.tolist())), np.uint8).reshape(len(hashes), -1))
    # Every row of a hash is linked to the hash's first family, and the first families of near hashes to each other.
    first, last = np.full(len(hashes), len(families)), np.full(len(hashes), -1)
    np.minimum.at(first, hash_of, family_of)
    np.maximum.at(last, hash_of, family_of)
    links = np.concatenate([np.stack([family_of, first[hash_of]]), first[near]], axis=1)
    graph = coo_array((np.ones(links.shape[1]), tuple(links)), shape=(len(families), len(families)))
    bundle_of = connected_components(graph, directed=False)[1][family_of]
    # A family alone is no finding: a picture counts if another family has its hash or one near it.
    shared = first != last
    for here, there in (near, near[::-1]):
        shared[here[(first[there] != first[here]) | (last[there] != first[here])]] = True
    bundles: dict[int, list[int]] = {}
    for row in np.flatnonzero(shared[hash_of]):
        bundles.setdefault(int(bundle_of[row]), []).append(int(row))
    groups = [
        Group(tuple(sorted(examples[row].path for row in rows)), len({prints[row].pixels for row in rows}) == 1)
        for rows in bundles.values()
    ]
    return sorted(groups, key=lambda group: (-len(group.paths), group.paths))


def _family(example: Example) -> str:
    """What a real picture and the fakes made from it share, as long as they lie in the same split."""
    return f"{example.split}:{example.twin or example.path}"


def _near_pairs(hashes: NDArray[np.uint8]) -> NDArray[np.int_]:
    """Row numbers ``(2, P)`` of all pairs of ``hashes (N, 32) uint8`` that differ in at most ``THRESHOLD`` bits.

    Cut into one band more than bits may differ, two near hashes agree in a whole band: only those that do are
    compared, so the time grows with the number of such meetings and not with all pairs.
    """
    pairs = [np.zeros((2, 0), int)]
    bits = np.unpackbits(hashes, axis=1)
    words = hashes.view(np.uint64)
    for band in np.array_split(bits, THRESHOLD + 1, axis=1):
        keys = band.astype(np.int64) @ (1 << np.arange(band.shape[1]))
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        left = np.arange(len(keys))
        for step in count(1):
            # Equal keys stand side by side: who differs from the one `step` further differs from all beyond it.
            left = left[left + step < len(keys)]
            left = left[keys[left] == keys[left + step]]
            if not len(left):
                break
            ends = np.stack([order[left], order[left + step]])
            distance = np.bitwise_count(words[ends[0]] ^ words[ends[1]]).sum(axis=1)
            pairs.append(ends[:, distance <= THRESHOLD])
    return np.concatenate(pairs, axis=1)


def leaks(examples: Sequence[Example], groups: Sequence[Group]) -> list[Example]:
    """Training pictures that show again in val or test, and validation pictures that show again in test.

    With a picture go the others of its split that were made from the same original.
    """
    example_of = {example.path: example for example in examples}
    leaked = set()
    for group in groups:
        members = [example_of[path] for path in group.paths if path in example_of]
        members = [member for member in members if member.split in SPLITS]
        highest = max((SPLITS.index(member.split) for member in members), default=0)
        leaked |= {_family(member) for member in members if SPLITS.index(member.split) < highest}
    return [example for example in examples if _family(example) in leaked]


def without_leaks(examples: Sequence[Example], groups: Sequence[Group]) -> list[Example]:
    """The examples without their ``leaks``; what is left out is counted in one warning."""
    found = {example.path for example in leaks(examples, groups)}
    if found:
        logger.warning("%d of %d pictures left out: they show again in val or test.", len(found), len(examples))
    return [example for example in examples if example.path not in found]


def describe(examples: Sequence[Example], groups: Sequence[Group]) -> list[str]:
    """What was found, in sentences fit for a report."""
    example_of = {example.path: example for example in examples}
    if not groups:
        return [f"No picture shows the same as another, exactly or nearly, among {_count(len(examples), 'picture')}."]
    exact = [group for group in groups if group.exact]
    near = [group for group in groups if not group.exact]
    sizes = [_count(sum(len(group.paths) for group in some), "picture") for some in (exact, near)]
    sentences = [
        f"{_count(len(exact), 'group')} of exact duplicates ({sizes[0]}) and {_count(len(near), 'group')} of near "
        f"duplicates ({sizes[1]}) among {_count(len(examples), 'picture')}."
    ]
    across: Counter[str] = Counter()
    mixed = 0
    for group in groups:
        members = [example_of[path] for path in group.paths]
        splits = [split for split in SPLITS if split in {member.split for member in members}]
        across.update(" and ".join(splits) for _ in [group] if len(splits) > 1)
        mixed += len({member.label for member in members}) > 1
    for splits_named, number in across.most_common():
        sentences.append(
            f"LEAK: {_count(number, 'group')} with pictures in {splits_named}: test figures would flatter."
        )
    if across:
        sentences.append(f"--remove-leaks would leave out {_count(len(leaks(examples, groups)), 'picture')}.")
    if mixed:
        sentences.append(
            f"LABELS: {_count(mixed, 'group')} with both real and fake pictures that look alike: check them."
        )
    return sentences


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
