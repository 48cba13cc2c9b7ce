"""Small photo files with metadata of every kind, and a signer for Content Credentials."""

from __future__ import annotations

import io
import json
import struct
import zlib
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import c2pa
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from explain.provenance.finding import Finding
from explain.provenance.findings import findings
from model.paths import EXAMPLES

SIDE = 96
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SCRIPT = "<script>alert(1)</script>\x1b[31m\u202e"  # harmful in a browser, a terminal and right-to-left text


def picture(seed: int = 0) -> Image.Image:
    """A picture of soft patches with two different halves."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def shrunk_astronaut() -> Image.Image:
    """A picture without marks of the JPEG that it comes from."""
    with Image.open(EXAMPLES / "astronaut.jpg") as image:
        return image.convert("RGB").resize((340, 340), Image.Resampling.LANCZOS)


def saved(image: Image.Image | None = None, kind: str = "jpeg", **options: Any) -> bytes:
    buffer = io.BytesIO()
    (image or picture()).save(buffer, kind, **options)
    return buffer.getvalue()


def texts_of_png(texts: dict[str, str]) -> PngInfo:
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    return info


def png(**texts: str) -> bytes:
    """A PNG with these texts."""
    return saved(kind="png", pnginfo=texts_of_png(texts))


def with_chunk(kind: bytes, body: bytes, times: int = 1, place: int = 33) -> bytes:
    """A PNG with a chunk: after its header, or at another place."""
    plain = saved(kind="png")
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return plain[:place] + chunk * times + plain[place:]


def exif(**tags: Any) -> Image.Exif:
    """EXIF with these tags of its first part."""
    found = Image.Exif()
    for name, value in tags.items():
        found[ExifTags.Base[name]] = value
    return found


def xmp(body: str = "", attributes: str = "") -> bytes:
    """An XMP packet."""
    namespaces = {
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "photoshop": "http://ns.adobe.com/photoshop/1.0/",
        "dcterms": "http://purl.org/dc/terms/",
        "exif": "http://ns.adobe.com/exif/1.0/",
    }
    declared = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in namespaces.items())
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {declared}><rdf:Description {attributes}>{body}'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def found_in(data: bytes) -> dict[str, Finding]:
    """The findings by kind."""
    return {finding.kind: finding for finding in findings(data).findings}


# Content Credentials


def claim(source_type: str = "digitalCreation", tool: str = "Test Tool") -> dict[str, Any]:
    """A claim by a tool that made the picture."""
    action = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPES + source_type}
    actions = {"label": "c2pa.actions", "data": {"actions": [action]}}
    return {"claim_generator_info": [{"name": tool, "version": "1"}], "assertions": [actions]}


def signed(
    data: bytes,
    manifest: dict[str, Any],
    kind: str = "image/jpeg",
    ingredient: tuple[str, bytes] | None = None,
    remote: str | None = None,
    embed: bool = True,
) -> bytes:
    """The file with a signed claim.

    Args:
        data: the file.
        manifest: the claim; without assertions it is the claim of an edit.
        kind: MIME type of the file.
        ingredient: the relationship and the JPEG of a picture that was used.
        remote: address of a copy of the claim.
        embed: whether the claim is in the file.
    """
    chain, key = _certificates()
    builder = c2pa.Builder(json.dumps(manifest))
    if ingredient is not None:
        relationship, used = ingredient
        builder.add_ingredient_from_stream(
            json.dumps({"title": "used", "relationship": relationship}), "image/jpeg", io.BytesIO(used)
        )
    if "assertions" not in manifest:
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
    if remote is not None:
        builder.set_remote_url(remote)
    if not embed:
        builder.set_no_embed()
    target = io.BytesIO()
    builder.sign(c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, key, None)), kind, io.BytesIO(data), target)
    return target.getvalue()


def nested_boxes(depth: int) -> bytes:
    """A JPEG with credentials that are only nested boxes (JUMBF, ISO/IEC 19566-5)."""
    kind = bytes.fromhex("63327061 0011 0010 8000 00AA00389B71")  # of a store of manifests
    described = struct.pack(">I4s", 30, b"jumd") + kind + b"\x03c2pa\0"
    unit = len(described) + 8
    boxes = b"".join(struct.pack(">I4s", unit * left, b"jumb") + described for left in range(depth, 0, -1))
    head, body, piece = boxes[:8], boxes[8:], 60_000  # each segment repeats the head of the box
    segments = b""
    for number, start in enumerate(range(0, len(body), piece), 1):
        part = b"JP" + struct.pack(">HI", 1, number) + head + body[start : start + piece]
        segments += b"\xff\xeb" + struct.pack(">H", len(part) + 2) + part
    plain = saved()
    return plain[:2] + segments + plain[2:]


@cache
def _certificates() -> tuple[bytes, bytes]:
    """A signer's certificate with that of its issuer, and the signer's key, as PEM."""
    issuer, signer = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    chain = _certificate("Test Signer", signer, issuer) + _certificate("Test Root", issuer, issuer)
    return chain, signer.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _certificate(name: str, key: ec.EllipticCurvePrivateKey, issuer: ec.EllipticCurvePrivateKey) -> bytes:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(oid, text) for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)])

    public, now, is_root = key.public_key(), datetime.now(UTC), key is issuer
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    builder = (
        x509.CertificateBuilder(named("Test Root"), named(name), public, x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.BasicConstraints(is_root, None), critical=True)
        .add_extension(
            x509.KeyUsage(
                not is_root, **usage, key_cert_sign=is_root, crl_sign=is_root, encipher_only=False, decipher_only=False
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
    )
    if not is_root:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(issuer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
