"""Who may do what: roles of posts and the permissions they carry (Decree 30/2020 articles 11-13, 20-24, 32-33)."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class Role(StrEnum):
    """What a post is charged with; one post may carry several roles."""

    CLERK = "clerk"
    LEADER = "leader"
    UNIT_HEAD = "unit_head"
    OFFICER = "officer"
    FORMAT_CHECKER = "format_checker"
    ARCHIVIST = "archivist"
    AUDITOR = "auditor"
    ADMIN = "admin"
    SYSTEM = "system"
    PUBLIC = "public"


class Permission(StrEnum):
    """One permission for each verb; pages and jobs ask for the same word."""

    DOCUMENT_ARRIVE = "document.arrive"
    DOCUMENT_REGISTER = "document.register"
    DOCUMENT_REFUSE = "document.refuse"
    DOCUMENT_FORWARD = "document.forward"
    DOCUMENT_INSTRUCT = "document.instruct"
    DOCUMENT_ASSIGN = "document.assign"
    DOCUMENT_START = "document.start"
    DOCUMENT_FINISH = "document.finish"
    DOCUMENT_CHECK = "document.check"
    DRAFT_COMPOSE = "draft.compose"
    DRAFT_SUBMIT = "draft.submit"
    DRAFT_SEND_BACK = "draft.send_back"
    DRAFT_APPROVE_CONTENT = "draft.approve_content"
    DRAFT_APPROVE_FORMAT = "draft.approve_format"
    DOCUMENT_SIGN = "document.sign"
    SIGNING_FAIL = "signing.fail"
    DOCUMENT_NUMBER = "document.number"
    DOCUMENT_SEAL = "document.seal"
    DOCUMENT_ISSUE = "document.issue"
    EXCHANGE_DELIVER = "exchange.deliver"
    EXCHANGE_RECEIVE = "exchange.receive"
    EXCHANGE_CONFIRM = "exchange.confirm"
    EXCHANGE_REPORT = "exchange.report"
    EXCHANGE_APPLY = "exchange.apply"
    EXCHANGE_POST = "exchange.post"
    STATISTICS_READ = "statistics.read"
    LEDGER_READ = "ledger.read"
    LEDGER_PROVE = "ledger.prove"
    DIRECTORY_CHANGE = "directory.change"
    CERTIFICATE_READ = "certificate.read"
    CERTIFICATE_CHANGE = "certificate.change"
    CERTIFICATE_ISSUE = "certificate.issue"
    CERTIFICATE_PUBLISH = "certificate.publish"
    EVIDENCE_RENEW = "evidence.renew"
    ACCOUNT_SIGN_IN = "account.sign_in"
    ACCOUNT_SIGN_OUT = "account.sign_out"
    ACCOUNT_CHANGE = "account.change"


_P = Permission
_EVERYDAY = {_P.DRAFT_COMPOSE, _P.DRAFT_SUBMIT, _P.DOCUMENT_START, _P.DOCUMENT_FINISH, _P.DOCUMENT_CHECK}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.CLERK: frozenset(
        {
            _P.DOCUMENT_ARRIVE,
            _P.DOCUMENT_REGISTER,
            _P.DOCUMENT_REFUSE,
            _P.DOCUMENT_FORWARD,
            _P.DOCUMENT_NUMBER,
            _P.DOCUMENT_SEAL,
            _P.DOCUMENT_ISSUE,
            _P.EXCHANGE_POST,
            _P.STATISTICS_READ,
        }
        | _EVERYDAY
    ),
    Role.LEADER: frozenset(
        {
            _P.DOCUMENT_INSTRUCT,
            _P.DOCUMENT_SIGN,
            _P.DRAFT_SEND_BACK,
            _P.STATISTICS_READ,
            _P.LEDGER_READ,
        }
        | _EVERYDAY
    ),
    Role.UNIT_HEAD: frozenset({_P.DOCUMENT_ASSIGN, _P.DRAFT_APPROVE_CONTENT, _P.DRAFT_SEND_BACK} | _EVERYDAY),
    Role.OFFICER: frozenset(_EVERYDAY),
    Role.FORMAT_CHECKER: frozenset({_P.DRAFT_APPROVE_FORMAT, _P.DRAFT_SEND_BACK}),
    Role.ARCHIVIST: frozenset(),
    Role.AUDITOR: frozenset({_P.STATISTICS_READ, _P.LEDGER_READ, _P.CERTIFICATE_READ}),
    Role.ADMIN: frozenset(
        {_P.DIRECTORY_CHANGE, _P.CERTIFICATE_READ, _P.CERTIFICATE_CHANGE, _P.CERTIFICATE_ISSUE}
    ),
    Role.SYSTEM: frozenset(
        {
            _P.DOCUMENT_ARRIVE,
            _P.EXCHANGE_DELIVER,
            _P.EXCHANGE_RECEIVE,
            _P.EXCHANGE_CONFIRM,
            _P.EXCHANGE_REPORT,
            _P.EXCHANGE_APPLY,
            _P.SIGNING_FAIL,
            _P.DIRECTORY_CHANGE,
            _P.DOCUMENT_FINISH,
            _P.LEDGER_PROVE,
            _P.CERTIFICATE_ISSUE,
            _P.CERTIFICATE_PUBLISH,
            _P.EVIDENCE_RENEW,
        }
    ),
    Role.PUBLIC: frozenset({_P.ACCOUNT_SIGN_IN}),
}

WHOLE_AGENCY: frozenset[Role] = frozenset({Role.CLERK, Role.LEADER, Role.FORMAT_CHECKER, Role.AUDITOR, Role.SYSTEM})
"""Roles that see every document of their agency; the others see what they take part in (Annex VI, F3)."""


def permits(roles: Collection[str], permission: Permission) -> bool:
    """Tell whether one of the roles carries the permission; one's own account is everybody's own business."""
    if permission in (Permission.ACCOUNT_SIGN_OUT, Permission.ACCOUNT_CHANGE):
        return bool(roles)
    return any(permission in ROLE_PERMISSIONS[Role(role)] for role in roles)


def sees_whole_agency(roles: Collection[str]) -> bool:
    """Tell whether the roles see every document of the agency; the administrator sees none by default."""
    return any(Role(role) in WHOLE_AGENCY for role in roles)
