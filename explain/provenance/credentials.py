"""Content Credentials (C2PA): who signed what about the picture, and whether it still fits the file."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from explain.provenance.container import Container
from explain.provenance.finding import HINT, NEUTRAL, Finding, quoted
from explain.provenance.generators import generators_among, programs_in
from explain.provenance.source_type import part_of, source_finding, strongest
from explain.provenance.xmp import remote_credentials
from model.i18n.catalogue import Message

# Nothing is fetched: neither a remote manifest nor the state of a certificate.
OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
KIND = "content_credentials"
NOT_HERE = ("ManifestNotFound", "Remote")  # how an error begins if there are none, or none in the file
MARKERS = (b"jumb", b"c2pa")  # the box that holds credentials and its label, in every format
UNTRUSTED = "signingCredential.untrusted"  # always so without a list of trusted signers
MOST_JSON = 5_000_000  # characters
MOST_MANIFESTS = 20
Manifest = dict[str, Any]


def content_credentials(container: Container) -> Iterator[Finding]:
    """The state of the signature, the signer, the program and the source type that the credentials claim."""
    found = list(_embedded(container)) if all(marker in container.data for marker in MARKERS) else []
    yield from found
    if not found and (address := remote_credentials(container)):
        yield Finding(KIND, NEUTRAL, Message("provenance.credentials.remote", address=address))


def _embedded(container: Container) -> Iterator[Finding]:
    try:
        import c2pa  # loads a library of 50 MB
    except (ImportError, OSError, RuntimeError):
        yield Finding(KIND, NEUTRAL, Message("provenance.credentials.unavailable"))
        return
    kind = "heic" if container.kind == "HEIF" else container.kind.lower()
    try:
        with (
            c2pa.Context.from_dict(OFFLINE) as context,
            c2pa.Reader(f"image/{kind}", BytesIO(container.data), context=context) as reader,
        ):
            text = reader.json()
    except c2pa.C2paError as error:
        if not str(error).startswith(NOT_HERE):
            yield Finding(KIND, HINT, Message("provenance.credentials.unreadable"))
        return
    if len(text) > MOST_JSON:
        yield Finding(KIND, HINT, Message("provenance.credentials.unreadable"))
        return
    store = _object(json.loads(text))
    manifests = _object(store.get("manifests"))
    active = _object(manifests.get(str(store.get("active_manifest"))))
    if store.get("validation_state") in ("Valid", "Trusted"):
        yield Finding(KIND, NEUTRAL, Message("provenance.credentials.intact", signer=_signer(active)))
    else:
        codes = (quoted(status.get("code")) for status in _objects(store.get("validation_status")))
        code = next((code for code in codes if code != UNTRUSTED), "?")
        yield Finding(KIND, HINT, Message("provenance.credentials.broken", signer=_signer(active), code=code))
    if programs := _programs(active):
        message = Message("provenance.credentials.program", programs=", ".join(programs))
        yield Finding("credentials_program", NEUTRAL, message)
        yield from generators_among(programs)
    if (source_type := strongest(_source_types(active, manifests))) is not None:
        yield source_finding("credentials_source", "credentials", source_type)


def _signer(manifest: Manifest) -> str:
    """The name in the signer's certificate, which anyone can choose, and who issued it."""
    signature = _object(manifest.get("signature_info"))
    names = (quoted(signature.get(name), 60) for name in ("common_name", "issuer"))
    return ", ".join(dict.fromkeys(filter(None, names))) or "?"


def _programs(manifest: Manifest) -> list[str]:
    """What made the claim and carried out its actions, without duplicates."""
    found = [info.get("name") for info in _objects(manifest.get("claim_generator_info"))]
    for action in _actions(manifest):
        agent = action.get("softwareAgent")  # an object in version 2, a text before
        found.append(agent.get("name") if isinstance(agent, dict) else agent)
    return programs_in(found)


def _source_types(active: Manifest, manifests: Manifest) -> list[str]:
    """Source types of the active manifest and of those of its ingredients that are in the file."""
    found, seen, waiting = list[str](), set[int](), deque([(active, True)])
    while waiting and len(seen) < MOST_MANIFESTS:
        manifest, is_whole = waiting.popleft()
        if id(manifest) in seen:
            continue
        seen.add(id(manifest))
        types = [name for action in _actions(manifest) if isinstance(name := action.get("digitalSourceType"), str)]
        found += types if is_whole else map(part_of, types)
        for ingredient in _objects(manifest.get("ingredients")):
            becomes_whole = is_whole and ingredient.get("relationship") == "parentOf"
            waiting.append((_object(manifests.get(str(ingredient.get("active_manifest")))), becomes_whole))
    return found


def _actions(manifest: Manifest) -> list[Manifest]:
    assertions = _objects(manifest.get("assertions"))
    lists = [_object(claim.get("data")) for claim in assertions if str(claim.get("label")).startswith("c2pa.actions")]
    return [action for data in lists for action in _objects(data.get("actions"))]


def _object(value: Any) -> Manifest:
    """The value, if it is an object of JSON; else an empty one."""
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Manifest]:
    """The objects of a list of JSON; a signed claim may hold anything."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
