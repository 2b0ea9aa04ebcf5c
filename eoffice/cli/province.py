"""Founds an installation from a plan: agencies, people, test certificates, calendar and settings, by the real verbs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from eoffice.core.calendar import seed
from eoffice.core.clock import local_date
from eoffice.core.desk import Actor, Desk, system
from eoffice.models.directory import Agency, Person, Post
from eoffice.services import directory
from eoffice.services.directory import NewAgency, NewCertificate, NewPost
from eoffice.services.office import Office

DEMO_PASSWORD = "AnBinh@2026"  # noqa: S105 - printed beside the accounts of the demo
_PICTURE_SIZE = {"leader": (44_800, 16_000), "seal": (36_000, 36_000)}
KEY_PASSWORD = "khoa-ky-2026"  # noqa: S105 - of the test keys, printed too


@dataclass(frozen=True)
class Province:
    """A founded installation: who is who."""

    agencies: Mapping[str, UUID]
    posts: Mapping[str, UUID]

    def actor(self, office: Office, login: str) -> Actor:
        """The person with this login at his desk; his sign-in is named after him."""
        with office.sessions.read() as session:
            return directory.actor_of(
                session, self.posts[login], sign_in=f"demo:{login}", on=local_date(office.clock.now())
            )


def plan() -> dict[str, Any]:
    """The plan of the fictional province An Bình."""
    return tomllib.loads(resources.files("eoffice.cli").joinpath("demo.toml").read_text("utf-8"))


def found(
    office: Office,
    wanted: Mapping[str, Any],
    *,
    password_hash: str,
    certificates: bool = True,
    key: str | None = None,
    rounds: int | None = None,
) -> Province:
    """Found the installation of ``office`` on an empty database.

    Args:
        wanted: the plan, as ``plan()`` gives it.
        password_hash: of the password every account of the plan starts with.
        certificates: raise the test PKI and enter a certificate for each leader, seal and exchange.
        key: algorithm of the test keys; the recipe's own when left out.
        rounds: of the test keys' password stretching; the recipe's own when left out.
    """
    deeds = _Deeds(office)
    agencies: dict[str, UUID] = {}
    for item in wanted["agency"]:
        given = {**item, "units": tuple(tuple(unit) for unit in item.get("units", ()))}
        row = deeds.do(None, directory.establish, item["slug"], agency=NewAgency(**given))
        agencies[item["slug"]] = row.id
    posts: dict[str, UUID] = {}
    for item in wanted["post"]:
        given = {"honorific": "ông", **item, "password_hash": password_hash}
        for name in ("roles", "authority", "kinds", "over"):
            if name in given:
                given[name] = tuple(given[name])
        row = deeds.do(agencies[item["agency"]], directory.appoint, item["login"], post=NewPost(**given))
        posts[item["login"]] = row.id
    year = local_date(office.clock.now()).year
    deeds.do(None, directory.seed_calendar, "calendar", days=seed(range(year - 2, year + 2)))
    for name, item in wanted.get("setting", {}).items():
        deeds.do(None, directory.set_value, name, name=name, **item)
    if certificates:
        _certify(office, deeds, wanted, agencies, key=key, rounds=rounds)
    return Province(agencies, posts)


class _Deeds:
    def __init__(self, office: Office) -> None:
        self.office = office

    def do(self, owner: UUID | None, verb: Any, label: str, **arguments: Any) -> Any:
        return self.office.do(system(owner), verb, key=f"found:{verb.name}:{label}", **arguments)


def _certify(
    office: Office,
    deeds: _Deeds,
    wanted: Mapping[str, Any],
    agencies: Mapping[str, UUID],
    *,
    key: str | None,
    rounds: int | None,
) -> None:
    from signing import pki as test_pki
    from signing.stamp import handwriting, seal

    hosted = {item["slug"]: item for item in wanted["agency"] if item.get("hosted", True)}
    leaders = [item for item in wanted["post"] if "leader" in item["roles"]]
    holders = [
        test_pki.Holder(
            name=f"leader-{item['login']}",
            common_name=item["full_name"],
            organisation=hosted[item["agency"]]["name"],
            title=item["title"],
            password=KEY_PASSWORD,
        )
        for item in leaders
    ]
    for slug, item in hosted.items():
        holders += test_pki.seal_and_exchange(slug, item["name"], password=KEY_PASSWORD)
    recipe = Path(str(resources.files("signing").joinpath("certs", "recipe.toml")))
    options = {"rounds": rounds} if rounds else {}
    pki = test_pki.raise_pki(recipe, office.settings.pki, at=office.clock.now(), holders=holders, key=key, **options)

    def enter(slug: str, purpose: str, name: str, login: str = "", picture: bytes = b"") -> None:
        given: dict[str, Any] = {}
        if picture:
            given = {"picture_sha256": office.files.put(picture), "picture_size_um": _PICTURE_SIZE[purpose]}
        certificate = NewCertificate(
            agency=slug,
            purpose=purpose,
            key_name=name,
            der=pki.certificate(name),
            chain=pki.chain(name),
            login=login,
            **given,
        )
        deeds.do(agencies[slug], directory.enter_certificate, name, certificate=certificate)

    for item in leaders:
        enter(item["agency"], "leader", f"leader-{item['login']}", item["login"], handwriting(item["full_name"]))
    for slug, item in hosted.items():
        clerks = [post["login"] for post in wanted["post"] if post["agency"] == slug and "clerk" in post["roles"]]
        enter(slug, "seal", f"seal-{slug}", clerks[0], seal(item["name"]))
        enter(slug, "exchange", f"exchange-{slug}")


def known(desk: Desk) -> Province:
    """Who is who in an installation that was founded before."""
    agencies = {row.slug: row.id for row in desk.session.scalars(select(Agency))}
    statement = select(Person.login, Post.id).join(Post, Post.person_id == Person.id).execution_options(scoped=True)
    posts = {row.login: row.id for row in desk.session.execute(statement)}
    return Province(agencies, posts)
