"""The verdict as a validation report of ETSI TS 119 102-2 (V1.2.1, clause 4), for programs of other makers."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, QName, SubElement, indent, register_namespace, tostring

from signing.messages import sentence
from signing.report import printable
from signing.results import Integrity, Reason, SignatureReport, TimeSource, Verification

VR = "http://uri.etsi.org/19102/v1.2.1#"
DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XS = "http://www.w3.org/2001/XMLSchema"
_URN = "urn:etsi:019102"
_DIGESTS = {
    "SHA-1": "http://www.w3.org/2000/09/xmldsig#sha1",
    "SHA-224": "http://www.w3.org/2001/04/xmldsig-more#sha224",
    "SHA-256": "http://www.w3.org/2001/04/xmlenc#sha256",
    "SHA-384": "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "SHA-512": "http://www.w3.org/2001/04/xmlenc#sha512",
    "SHA3-256": "http://www.w3.org/2007/05/xmldsig-more#sha3-256",
    "SHA3-384": "http://www.w3.org/2007/05/xmldsig-more#sha3-384",
    "SHA3-512": "http://www.w3.org/2007/05/xmldsig-more#sha3-512",
}


def as_etsi(verification: Verification, *, file: str = "", locale: str = "en") -> bytes:
    """Write the report as XML in UTF-8.

    Certificates and signed data are told by their digests; the report does not repeat the document.

    Args:
        file: name to be shown for the file.
        locale: ``vi`` or ``en``: language of the plain sentences.
    """
    for prefix, uri in (("vr", VR), ("ds", DS), ("xades", XADES), ("xsi", XSI), ("xs", XS)):
        register_namespace(prefix, uri)
    root = Element(f"{{{VR}}}ValidationReport")
    objects: dict[str, Element] = {}
    for index, item in enumerate(verification.signatures, 1):
        _signature(root, verification, item, index, objects, locale)
    if not verification.signatures:
        _none(root, verification, file, locale)
    place = _add(root, "SignatureValidationObjects")
    whole = _object(objects, "file", "signedData")
    if verification.sha256:
        _digest(_representation(whole), "SHA-256", verification.sha256)
    else:
        _add(_representation(whole), "URI", "urn:eoffice:unread")
    place.extend(objects.values())
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _signature(
    root: Element, told: Verification, item: SignatureReport, index: int, objects: dict[str, Element], locale: str
) -> None:
    report = _add(root, "SignatureValidationReport")
    _identifier(report, item, index)
    _constraints(report, told, item)
    _times(report, told, item)
    _document(report, item, index, objects)
    attributes = _add(report, "SignatureAttributes")
    if item.claimed_time is not None:
        _add(_add(attributes, "SigningTime", Signed="true"), "Time", _time(item.claimed_time))
    if item.proven_time is not None and item.time_source is TimeSource.SIGNATURE_TIMESTAMP:
        _add(_add(attributes, "SignatureTimeStamp", Signed="false"), "TimeStampValue", _time(item.proven_time))
    if item.digest and item.integrity is Integrity.OK:
        digest = base64.b64encode(bytes.fromhex(item.digest)).decode("ascii")
        _add(_add(attributes, "MessageDigest", Signed="true"), "Digest", digest)
    if item.kind == "document_timestamp" and item.proven_time is not None:
        _add(_add(attributes, "DocTimeStamp", Signed="false"), "TimeStampValue", _time(item.proven_time))
    if item.byte_range:
        _add(attributes, "ByteRange", " ".join(str(number) for number in item.byte_range))
    if not len(attributes):
        report.remove(attributes)
    if item.certificate_sha256:
        name = f"certificate-{item.certificate_sha256[:32]}"
        if name not in objects:
            _digest(_representation(_object(objects, name, "certificate")), "SHA-256", item.certificate_sha256)
        signer = _add(report, "SignerInformation")
        _add(signer, "SignerCertificate", VOReference=name)
        _add(signer, "Signer", ", ".join(part for part in (item.signer, item.unit, item.organisation) if part))
    _add(_add(report, "SignatureQuality"), "SignatureQualityInformation", f"urn:eoffice:level:{item.level}")
    process = _add(report, "SignatureValidationProcess")
    _add(process, "SignatureValidationProcessID", f"{_URN}:validationprocess:{_process(item)}")
    status = _status(report, "SignatureValidationStatus", item.indication, item.sub_indication)
    _data(status, _facts(item), item.reasons, locale)


def _process(item: SignatureReport) -> str:
    """Which of the three processes of EN 319 102-1 led to the verdict."""
    if item.time_source is TimeSource.DOCUMENT_TIMESTAMP:
        return "LTA"
    return "LTVM" if item.time_source is TimeSource.SIGNATURE_TIMESTAMP else "Basic"


def _facts(item: SignatureReport) -> list[tuple[str, str]]:
    facts = [
        ("field", item.field),
        ("kind", item.kind),
        ("verdict", item.verdict.value),
        ("integrity", item.integrity.value),
        ("modification", item.modification.value),
        ("trust", item.trust.value),
        ("issuer", item.issuer),
        ("anchor", item.anchor),
        ("serial", item.certificate_serial),
        ("algorithm", item.algorithm),
        ("revocation", f"{item.revocation} {item.revocation_source}".strip()),
        ("revision", f"{item.revision}/{item.revisions}"),
        ("covers-all", str(item.covers_all).lower()),
        ("test", str(item.test).lower()),
    ]
    for change in item.changes:
        page = "" if change.page is None else f" page {change.page}"
        facts.append(("change", f"{change.level.value} {change.kind} {change.where}{page} {change.detail}".strip()))
    return [(name, value) for name, value in facts if value]


def _none(root: Element, told: Verification, file: str, locale: str) -> None:
    """A file without anything that could be judged: the schema wants one report all the same."""
    report = _add(root, "SignatureValidationReport")
    status = _status(report, "SignatureValidationStatus", "INDETERMINATE", "SIGNED_DATA_NOT_FOUND")
    facts = [("file", file), ("verdict", told.verdict.value)]
    _data(status, [fact for fact in facts if fact[1]], (Reason(told.verdict.value), *told.reasons), locale)


def _identifier(report: Element, item: SignatureReport, index: int) -> None:
    place = _add(report, "SignatureIdentifier", id=f"signature-{index}")
    if item.digest:
        _digest(place, _digest_name(item), item.digest)
    if item.value:
        SubElement(place, f"{{{DS}}}SignatureValue").text = base64.b64encode(bytes.fromhex(item.value)).decode("ascii")
    _add(place, "HashOnly", "false")
    _add(place, "DocHashOnly", "false")
    if item.field:
        _add(place, "DAIdentifier", item.field)


def _constraints(report: Element, told: Verification, item: SignatureReport) -> None:
    place = _add(report, "ValidationConstraintsEvaluationReport")
    policy = _add(place, "SignatureValidationPolicy")
    # The rules travel with the verifier whose name is told, so there is no document of theirs to be named by a hash.
    _add(_add(policy, "SignaturePolicyIdentifier"), "SignaturePolicyImplied", space=XADES)
    _add(policy, "PolicyName", f"{told.policy} ({told.engine})")
    for name, value in (("integrity", item.integrity), ("modification", item.modification), ("trust", item.trust)):
        constraint = _add(place, "ValidationConstraint")
        _add(constraint, "ValidationConstraintIdentifier", f"urn:eoffice:constraint:{name}:{value.value}")
        _add(_add(constraint, "ConstraintStatus"), "Status", f"{_URN}:constraintStatus:applied")


def _times(report: Element, told: Verification, item: SignatureReport) -> None:
    place = _add(report, "ValidationTimeInfo")
    _add(place, "ValidationTime", _time(told.checked_at))
    best = _add(place, "BestSignatureTime")
    _add(best, "POETime", _time(item.proven_time or told.checked_at))
    proof = "provided" if item.proven_time is not None else "validation"
    _add(best, "TypeOfProof", f"{_URN}:poetype:{proof}")


def _document(report: Element, item: SignatureReport, index: int, objects: dict[str, Element]) -> None:
    if not item.digest:
        return
    name = f"signed-{index}"
    _digest(_representation(_object(objects, name, "signedData")), _digest_name(item), item.digest)
    place = _add(report, "SignersDocument")
    _digest(place, _digest_name(item), item.digest)
    _add(place, "SignersDocumentRepresentation", VOReference=name)


def _status(place: Element, tag: str, main: str, sub: str) -> Element:
    status = _add(place, tag)
    _add(status, "MainIndication", f"{_URN}:mainindication:{main.lower()}")
    if sub:
        _add(status, "SubIndication", f"{_URN}:subindication:{sub}")
    return status


def _data(status: Element, facts: Iterable[tuple[str, str]], reasons: Iterable[Reason], locale: str) -> None:
    place = _add(_add(status, "AssociatedValidationReportData"), "AdditionalValidationReportData")
    told = [(f"urn:eoffice:fact:{name}", value) for name, value in facts]
    told += [
        (f"urn:eoffice:reason:{reason.code}", f"{sentence(reason.code, locale)} {reason.detail}".strip())
        for reason in reasons
    ]
    for name, value in told:
        data = _add(place, "ReportData")
        _add(data, "Type", name)
        # The schema leaves the value open, so it says itself that it is a text.
        _add(data, "Value", value).attrib[QName(XSI, "type")] = QName(XS, "string")  # type: ignore[index, assignment]


def _object(objects: dict[str, Element], name: str, kind: str) -> Element:
    made = objects[name] = Element(f"{{{VR}}}ValidationObject", {"id": name})
    _add(made, "ObjectType", f"{_URN}:validationObject:{kind}")
    return made


def _representation(place: Element) -> Element:
    return _add(place, "ValidationObjectRepresentation")


def _digest_name(item: SignatureReport) -> str:
    label = item.algorithm.rpartition(" ")[2]
    return label if label in _DIGESTS else "SHA-256"


def _digest(place: Element, name: str, value: str) -> None:
    place = _add(place, "DigestAlgAndValue")
    SubElement(place, f"{{{DS}}}DigestMethod", {"Algorithm": _DIGESTS[name]})
    digest = SubElement(place, f"{{{DS}}}DigestValue")
    digest.text = base64.b64encode(bytes.fromhex(value)).decode("ascii")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _add(place: Element, tag: str, text: str | None = None, *, space: str = VR, **attributes: str) -> Element:
    made = SubElement(place, f"{{{space}}}{tag}", attributes)
    if text is not None:
        made.text = _clean(text)
    return made


def _clean(text: str) -> str:
    """Text without what XML forbids and without marks that turn a line around (XML 1.0, 2.2)."""
    return "".join("\ufffd" if char in "\ufffe\uffff" else char for char in printable(text))
