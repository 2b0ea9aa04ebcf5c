"""The one tree of errors of signing, each with a code and a sentence in Vietnamese and English.

SigningError
├── DocumentError            the document cannot be used
│   ├── NotAPdf              no PDF header, or another kind of file
│   ├── Damaged              the structure cannot be read
│   ├── PasswordNeeded       encrypted
│   └── OverLimit            bytes, pages, objects, depth or seconds
├── NotPermitted             the document forbids this signature (locked, field taken, unsigned by the leader ...)
├── KeyUnavailable           no such key, agent gone, not unlocked for this document
│   └── WrongPassword        the key's password does not open it
│       └── WrongPin         a token's PIN: how many tries are left, if it tells
├── CertificateUnfit         expired, not yet valid, revoked, wrong usage, wrong holder
├── TsaDown                  the time-stamp authority does not answer, or answers rubbish
├── RevocationDown           the status of a certificate cannot be told
├── ValueRejected            a signature value that does not fit the document and the certificate
└── Expired                  an unlock or a prepared signature is too old
"""

from __future__ import annotations


class SigningError(Exception):
    """Root of all errors of signing.

    Args:
        code: machine word such as ``tsa_down``; a key of ``signing.messages``.
        detail: facts for the log and the technical part of a page; never shown alone.
    """

    code = "signing_error"

    def __init__(self, code: str | None = None, detail: str = "") -> None:
        self.code = code or type(self).code
        self.detail = detail
        super().__init__(f"{self.code}: {detail}" if detail else self.code)

    def __reduce__(self) -> tuple[object, ...]:
        """So that an error comes back from another process as what it was."""
        return type(self), (self.code, self.detail), vars(self)

    def sentence(self, locale: str = "vi") -> str:
        """Tell in plain words what happened and what to do (``vi`` or ``en``)."""
        from signing.messages import sentence

        return sentence(self.code, locale)


class DocumentError(SigningError):
    code = "document_error"


class NotAPdf(DocumentError):
    code = "not_a_pdf"


class Damaged(DocumentError):
    code = "damaged"


class PasswordNeeded(DocumentError):
    code = "password_needed"


class OverLimit(DocumentError):
    code = "over_limit"


class NotPermitted(SigningError):
    code = "not_permitted"


class KeyUnavailable(SigningError):
    code = "key_unavailable"


class WrongPassword(KeyUnavailable):
    code = "wrong_password"


class WrongPin(WrongPassword):
    """A token refused the PIN, or was not asked because one more wrong one would lock it.

    Args:
        left: tries left as far as the token tells: 0 (locked), 1, or None (not known).
    """

    code = "wrong_pin"

    def __init__(self, code: str | None = None, detail: str = "", *, left: int | None = None) -> None:
        super().__init__(code, detail)
        self.left = left


class CertificateUnfit(SigningError):
    code = "certificate_unfit"


class TsaDown(SigningError):
    code = "tsa_down"


class RevocationDown(SigningError):
    code = "revocation_down"


class ValueRejected(SigningError):
    code = "value_rejected"


class Expired(SigningError):
    code = "expired"
