"""How fast the desks answer: every page of the journey at 100,000 documents, first paint, signing in, weights, access.

``scripts/bench desks [--quick] [--json]``; the last line is JSON. Pages are asked for through the application by the
people whose they are; first paint and signing in go through the real server and a real browser. The figure of a full
run is the worse of the two databases.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import update

from eoffice import config
from eoffice.cli.demo import own_time_stamps
from eoffice.cli.province import found, plan
from eoffice.cli.staff import Staff, key_agent
from eoffice.cli.start import free_port, web_command
from eoffice.cli.supervise import answers
from eoffice.models.directory import Person
from eoffice.services import accounts
from eoffice.services.office import Office
from tests.bench.basic import ROWS, enter, fill, open_office, world_of
from tests.support.checking import Page, filled
from tests.support.code import ROOT
from tests.support.letters import one_in_each_state
from tests.support.measuring import Figures, Options, counted, milliseconds, p95, place
from tests.support.wait import until
from tests.support.world import SECRET, World

TARGETS = {
    "page_p95_ms": ("<=", 60),
    "page_queries_max": ("<=", 10),
    "first_paint_ms": ("<=", 500),
    "css_kb": ("<=", 20),
    "js_kb_gzip": ("<=", 20),
    "axe_violations": ("<=", 0),
    "login_p95_ms": ("<=", 250),
    "login_page_p95_ms": ("<=", 60),
}

STATIC = ROOT / "eoffice" / "web" / "static"
AXE = ROOT / "tests" / "support" / "axe" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PASSWORD = "một mật khẩu của phép đo"
LOOK = 0.5
"""Seconds somebody looks at what he got before he asks for more."""
LOGINS = ("hanh", "nam", "tuan", "son", "huy", "ngan", "mai", "yen")


def journey(waiting: dict[str, UUID]) -> dict[str, list[str]]:
    """The pages each person meets on a document's way.

    Args:
        waiting: state -> a document that has come so far.
    """

    def document(state: str) -> str:
        return f"/documents/{waiting[state]}"

    return {
        "hanh": [
            "/incoming?queue=to_register",
            "/incoming",
            "/outgoing",
            "/incoming?queue=to_forward&whose=unit",
            f"{document('arrived')}/register",
            document("registered"),
            f"{document('arrived')}/preview",
            "/outgoing?queue=to_issue",
            f"/issue/{waiting['signed']}",
            document("failed"),
            f"{document('failed')}/deliveries",
            "/deliveries",
            "/directory",
            "/statistics",
        ],
        "nam": [
            "/incoming?queue=to_instruct",
            "/incoming?queue=to_instruct&whose=unit",
            document("submitted"),
            "/sign",
            f"/sign/{waiting['format_ok']}",
            "/sign/progress",
            "/ledger",
        ],
        "tuan": ["/tasks", "/tasks?whose=unit", document("started"), document("draft"), "/outgoing?queue=drafting"],
        "son": ["/outgoing?queue=to_approve", document("in_review"), "/incoming?queue=to_assign"],
        "mai": ["/incoming", "/statistics", "/ledger", document("failed")],
    }


def pages(office: Office, places: dict[str, list[str]], options: Options) -> dict[str, float]:
    """Each page of the journey, warm, through the application."""
    from eoffice.web import create_app

    world = world_of(office)
    app = create_app(office)
    times, slowest, most = (12 if options.quick else 60), 0.0, 0
    for login, paths in places.items():
        client = app.test_client()
        client.set_cookie("office", enter(world, login))
        for path in [*paths, *_editor(client, paths)]:

            def ask(client: FlaskClient = client, path: str = path) -> None:
                answer = client.get(path)
                assert answer.status_code == 200, f"{path}: {answer.status}"

            ask()
            with counted(office.engine) as statements:
                ask()
            taken = milliseconds(ask, times)
            told = f"p50 {statistics.median(taken):6.1f} ms, p95 {p95(taken):6.1f} ms, {len(statements)} queries"
            options.say(f"    {login:5} {path[:48]:48} {told}")
            slowest, most = max(slowest, p95(taken)), max(most, len(statements))
    return {"page_p95_ms": slowest, "page_queries_max": most}


def _editor(client: FlaskClient, paths: list[str]) -> list[str]:
    """The editor of an answer, begun from the page of what is answered as its button does it."""
    for path in paths:
        forms = Page(client.get(path).get_data(as_text=True)).root.all("form") if "/documents/" in path else ()
        for form in forms:
            if form.attributes.get("action", "").endswith(("/answer", "/edit")):
                answer = client.post(form.attributes["action"], data=filled(form))
                return [answer.headers["Location"]]
    return []


def weights() -> dict[str, float]:
    """The style sheet as it is, and all scripts of a page together, compressed."""
    scripts = sum(len(gzip.compress(path.read_bytes(), 9)) for path in STATIC.glob("*.js"))
    return {"css_kb": (STATIC / "eoffice.css").stat().st_size / 1024, "js_kb_gzip": scripts / 1024}


@contextlib.contextmanager
def server(office: Office) -> Iterator[str]:
    """The web server as ``eoffice start`` runs it, on a free port of loopback: ``host:port``."""
    settings = replace(office.settings, port=free_port())
    variables = {
        "EOFFICE_HOME": str(settings.home),
        "EOFFICE_PORT": str(settings.port),
        "EOFFICE_DATABASE_URL": settings.database_url,
        "EOFFICE_SECRET": SECRET,
    }
    with subprocess.Popen(web_command(settings), env=config.inherited(variables)) as process:
        try:
            until(answers(("127.0.0.1", settings.port)), seconds=30, what="the server answers")
            yield f"127.0.0.1:{settings.port}"
        finally:
            process.terminate()


class Client:
    """One of many simple browsers: keeps its cookies, sends forms with their token."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies: dict[str, str] = {}

    def ask(self, path: str, fields: dict[str, str] | None = None) -> tuple[int, str]:
        """Fetch a page, or send a form."""
        line = http.client.HTTPConnection(self.address, timeout=60)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        line.request("POST" if fields is not None else "GET", path, urlencode(fields or {}), headers)
        answer = line.getresponse()
        body = answer.read().decode()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self.cookies |= {key: morsel.value for key, morsel in SimpleCookie(value).items()}
        line.close()
        return answer.status, body

    def sign_in(self, login: str) -> float:
        """Sign in as from the page, anew; returns the milliseconds the form took."""
        self.cookies = {}
        token = re.search('name="csrf_token" value="([^"]+)"', self.ask("/sign-in")[1])
        assert token is not None
        began = time.perf_counter()
        status, _body = self.ask("/sign-in", {"csrf_token": token[1], "login": login, "password": PASSWORD})
        assert status == 303, status
        return (time.perf_counter() - began) * 1000


def signing_in(office: Office, options: Options) -> dict[str, float]:
    """Eight people who sign in and read their list again and again, beside one who only reads.

    Each looks at a page for half a second: without that, so few clients on two cores measure nothing but a queue.
    """
    with office.sessions.write() as session:
        session.execute(
            update(Person).values(password_hash=accounts.hash_password(PASSWORD)),
            execution_options={"synchronize_session": False},
        )
        session.commit()
    taken: list[float] = []
    read: list[float] = []
    over = threading.Event()

    def person(address: str, login: str) -> None:
        client = Client(address)
        for _ in range(3 if options.quick else 8):
            taken.append(client.sign_in(login))
            for _page in range(4):
                assert client.ask("/incoming")[0] == 200
                over.wait(LOOK)

    def reader(address: str) -> None:
        client = Client(address)
        client.sign_in("anh")
        while not over.wait(0.05):
            began = time.perf_counter()
            assert client.ask("/incoming")[0] == 200
            read.append((time.perf_counter() - began) * 1000)

    with server(office) as address:
        warm = [threading.Thread(target=Client(address).sign_in, args=(login,)) for login in LOGINS]
        for one in warm:  # at the same moment, so that every worker has signed somebody in before it counts
            one.start()
        for one in warm:
            one.join()
        beside = threading.Thread(target=reader, args=(address,))
        people = [threading.Thread(target=person, args=(address, login)) for login in LOGINS]
        for one in (beside, *people):
            one.start()
        for one in people:
            one.join()
        over.set()
        beside.join()
    return {"login_p95_ms": p95(taken), "login_page_p95_ms": p95(read)}


def seen(office: Office, places: dict[str, list[str]], options: Options) -> dict[str, float]:
    """First paint of a list with the processor slowed four times, and what axe finds on every page."""
    from playwright.sync_api import sync_playwright

    world = world_of(office)
    executable = next(path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists())
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with server(office) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        paints, problems = _paints(browser, f"http://{address}", world, 5 if options.quick else 15), 0
        for login, paths in places.items():
            for size in ((1366, 768), (390, 844))[: 1 if options.quick else 2]:
                with _window(browser, f"http://{address}", world, login, size) as page:
                    for path in paths:
                        if path.endswith("/preview"):
                            continue
                        page.goto(f"http://{address}{path}")
                        page.evaluate(AXE.read_text("utf-8"))
                        told = page.evaluate("rules => axe.run('html', {runOnly: rules})", RULES)["violations"]
                        problems += len(told)
                        for item in told:
                            options.say(f"    {login} {path} {size}: {item['id']} {item['nodes'][0]['html'][:100]}")
        browser.close()
    return {"first_paint_ms": statistics.median(paints), "axe_violations": problems}


@contextlib.contextmanager
def _window(browser: Any, address: str, world: World, login: str, size: tuple[int, int]) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.add_cookies([{"name": "office", "value": enter(world, login), "url": address}])
    try:
        yield context.new_page()
    finally:
        context.close()


def _paints(browser: Any, address: str, world: World, times: int) -> list[float]:
    """Milliseconds to the first contentful paint of the incoming book, each in a window with an empty cache."""
    found = []
    for _ in range(times):
        with _window(browser, address, world, "hanh", (1366, 768)) as page:
            page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
            page.goto(f"{address}/incoming", wait_until="load")
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
            found.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    return found


def measure(kind: str, options: Options) -> Iterator[dict[str, float]]:
    """The figures of one database, one group after the other."""
    with place() as databases:
        office = open_office(databases.new(kind), databases.folder / "home")
        found(office, plan(), password_hash="nobody signs in with it", rounds=1000)
        own_time_stamps(office)
        with key_agent(office):
            states = one_in_each_state(Staff(office, world_of(office).province, label="bench"))
            fill(world_of(office), ROWS)
            places = journey(states)
            yield weights()
            yield pages(office, places, options)
            yield signing_in(office, options)
            yield seen(office, places, options)
        office.close()


def main() -> int:
    """Measure, say it to people, and print the line of JSON."""
    options = Options.read(__doc__)
    figures = Figures(TARGETS)
    for kind in options.databases():
        options.say(kind)
        for group in measure(kind, options):
            figures.add(group)
            for name, value in group.items():
                wanted = f"wanted {TARGETS[name][0]} {TARGETS[name][1]:g}" if name in TARGETS else ""
                options.say(f"  {name:18} {value:10.3f}   {wanted}")
    for text in figures.missed():
        options.say(f"missed: {text}")
    print(figures.line("desks", options.databases()))
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
