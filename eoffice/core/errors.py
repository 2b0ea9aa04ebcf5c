"""The one tree of errors: each says what happened, that nothing was lost and what to do, and maps to one HTTP status.

OfficeError                   500
├── InvalidInput              422   what was given cannot be used
│   ├── FileRefused           422   not a PDF, damaged, encrypted, empty ...
│   └── TooLarge              413
├── NotAllowed                403   the person may not do this
├── NotFound                  404   nothing there that this person may know of
├── Conflict                  409   the work has moved on
│   ├── StaleForm             409   somebody changed the document meanwhile
│   ├── WrongState            409   the document is not in a state for this deed
│   └── KeyReused             409   one idempotency key for two different calls
├── SignatureProblem          422   a signature could not be made or is not good enough
└── Unavailable               503   a part is down; nothing was done, try again
    ├── Busy                  503   database locked or gone
    └── StorageFull           507
"""

from __future__ import annotations

from eoffice.core.i18n import N_, translate


class OfficeError(Exception):
    """Root of all errors a person may see.

    Args:
        code: machine word; the class's own when left out.
        message: English msgid of the sentence, with ``{facts}``; the class's own when left out.
        facts: what the sentence and the log need.
    """

    code = "office_error"
    status = 500
    message = N_("Something went wrong. Nothing was lost. Please try again, and tell the administrator if it returns.")

    def __init__(self, code: str | None = None, message: str | None = None, **facts: object) -> None:
        self.code = code or type(self).code
        self.message = message or type(self).message
        self.facts = facts
        super().__init__(self.code, facts)

    def sentence(self, locale: str = "vi") -> str:
        """The sentence for people in ``vi`` or ``en``."""
        return translate(locale, self.message, **self.facts)


class InvalidInput(OfficeError):
    code = "invalid_input"
    status = 422
    message = N_("Something in the form cannot be used. Nothing was changed. Please correct it and send it again.")


class FileRefused(InvalidInput):
    code = "file_refused"
    message = N_("This file cannot be used. Nothing was stored. Please send another copy.")


class TooLarge(InvalidInput):
    code = "too_large"
    status = 413
    message = N_("The file is larger than {limit_mb} MB. Nothing was stored. Please send a smaller file.")


class NotAllowed(OfficeError):
    code = "not_allowed"
    status = 403
    message = N_("You may not do this. Nothing was changed. Please ask the person in charge of the document.")


class NotFound(OfficeError):
    code = "not_found"
    status = 404
    message = N_("Nothing was found under this address. Please go back to the list and choose again.")


class Conflict(OfficeError):
    code = "conflict"
    status = 409
    message = N_("The work has moved on meanwhile. Nothing was changed. Please look at the document and try again.")


class StaleForm(Conflict):
    code = "stale_form"
    message = N_(
        "Somebody else changed this document while you were writing. Your text is kept. "
        "Please look at the new state and send it again."
    )


class WrongState(Conflict):
    code = "wrong_state"
    message = N_("The document is in a state in which this cannot be done. Nothing was changed. Please reload it.")


class KeyReused(Conflict):
    code = "key_reused"
    message = N_("This form was already sent with other contents. Nothing was changed. Please reload the page.")


class SignatureProblem(OfficeError):
    code = "signature_problem"
    status = 422
    message = N_("The signature is not in order. Nothing was changed.")


class Unavailable(OfficeError):
    code = "unavailable"
    status = 503
    message = N_("A part of the system does not answer. Nothing was lost or half done. Please try again in a minute.")


class Busy(Unavailable):
    code = "busy"
    message = N_("The database does not answer. Nothing was lost or half done. Please try again in a minute.")


class StorageFull(Unavailable):
    code = "storage_full"
    status = 507
    message = N_("The disk is full. Nothing was lost or half done. Please tell the administrator, then try again.")


class ProgrammingError(AssertionError):
    """A rule of the house was broken by our own code, such as a query without a scope."""
