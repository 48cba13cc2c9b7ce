"""Finds exact and near duplicates, and removes training pictures that would leak into a measurement."""

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

# A perceptual hash has 16 x 16 bits here. With the usual 8 x 8, portraits of different people in the same pose differ
# in as few bits (4 to 6 of 64) as a picture and its copy. Measured with 16 x 16 on 400 face crops: copies saved at JPEG
# quality 30 to 50, shrunk to a quarter, brightened by 20 or with added noise differed in at most 20 of 256 bits, 99%
# of them in at most 16. The closest of 0.9 million pairs of different people differed in 38, frames of one video in 20
# or more. A copy cropped by 2 % on each side differs in 40 bits and is not found.
HASH_SIDE = 16
THRESHOLD = 20
PIXEL_DIGEST_BYTES = 16
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of a picture that copies of it share.

    Attributes:
        pixels: digest of the decoded pixels and their shape, as hexadecimal digits.
        perceptual: the pHash of ``HASH_SIDE ** 2`` bits, as hexadecimal digits.
    """

    pixels: str
    perceptual: str


@dataclass(frozen=True)
class Group:
    """Pictures that are exact or near duplicates of each other.

    Attributes:
        paths: at least two, sorted.
        exact: whether all have the same pixels.
    """

    paths: tuple[str, ...]
    exact: bool


def fingerprint(pixels: NDArray[np.uint8]) -> Fingerprint:
    """Fingerprint of a picture ``(H, W, 3) uint8`` RGB."""
    import imagehash  # only in requirements-train.txt: an evaluation of the shipped model does not need it

    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=PIXEL_DIGEST_BYTES)
    digest.update(np.ascontiguousarray(pixels).data)
    return Fingerprint(digest.hexdigest(), str(imagehash.phash(Image.fromarray(pixels), HASH_SIDE)))


def find_duplicates(
    root: Path, examples: Sequence[Example], known: Mapping[str, Fingerprint] | None = None, workers: int = 2
) -> list[Group]:
    """Groups of exact and near duplicates, across splits, classes and data sets, the largest first.

    A fake resembles the real picture that it was made from by design. A fake, its ``Example.twin`` and other fakes
    with that twin therefore do not count as duplicates of each other if they are in the same split.

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
    """The groups of ``find_duplicates``, computed from the fingerprint of each example."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not examples:
        return []
    hashes, hash_of = np.unique([found.perceptual for found in prints], return_inverse=True)
    families, family_of = np.unique([_family(example) for example in examples], return_inverse=True)
    near = _near_pairs(np.frombuffer(bytes.fromhex("".join(hashes.tolist())), np.uint8).reshape(len(hashes), -1))
    # Link the families of one hash to the first of them, and link the first families of near hashes to each other.
    first, last = np.full(len(hashes), len(families)), np.full(len(hashes), -1)
    np.minimum.at(first, hash_of, family_of)
    np.maximum.at(last, hash_of, family_of)
    links = np.concatenate([np.stack([family_of, first[hash_of]]), first[near]], axis=1)
    graph = coo_array((np.ones(links.shape[1]), tuple(links)), shape=(len(families), len(families)))
    bundle_of = connected_components(graph, directed=False)[1][family_of]
    # Pictures of one family are not duplicates: a picture counts if another family has the same hash or a near one.
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
    """A key that a real picture and the fakes made from it share if they are in the same split."""
    return f"{example.split}:{example.twin or example.path}"


def _near_pairs(hashes: NDArray[np.uint8]) -> NDArray[np.int_]:
    """Row numbers ``(2, P) int`` of all pairs of ``hashes (N, 32) uint8`` that differ in at most ``THRESHOLD`` bits.

    The bits are divided into ``THRESHOLD + 1`` bands. Two hashes that differ in at most ``THRESHOLD`` bits are equal in
    at least one band (pigeonhole principle), so only hashes with an equal band are compared, not all pairs. A pair is
    listed once per equal band.
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
            # Keys are sorted: a key that differs from the one `step` places later differs from all after that one.
            left = left[left + step < len(keys)]
            left = left[keys[left] == keys[left + step]]
            if not len(left):
                break
            ends = np.stack([order[left], order[left + step]])
            distance = np.bitwise_count(words[ends[0]] ^ words[ends[1]]).sum(axis=1)
            pairs.append(ends[:, distance <= THRESHOLD])
    return np.concatenate(pairs, axis=1)


def leaks(examples: Sequence[Example], groups: Sequence[Group]) -> list[Example]:
    """Training pictures with a duplicate in val or test, and validation pictures with a duplicate in test.

    Pictures of the same split that were made from the same original as a leaked picture count as leaks too.
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
    """The examples without their ``leaks``; one warning gives the number of removed pictures."""
    found = {example.path for example in leaks(examples, groups)}
    if found:
        logger.warning("%d of %d pictures left out: they show again in val or test.", len(found), len(examples))
    return [example for example in examples if example.path not in found]


def describe(examples: Sequence[Example], groups: Sequence[Group]) -> list[str]:
    """The findings as sentences for a report."""
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
            f"LEAK: {_count(number, 'group')} with pictures in {splits_named}: test figures would be too good."
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
