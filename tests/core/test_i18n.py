"""Sentences, numbers and times in both languages; the po reader takes nothing doubtful."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoffice.core import i18n
from eoffice.core.clock import VIETNAM
from eoffice.core.i18n import (
    N_,
    VI_PO,
    PoError,
    Translations,
    collect,
    date_text,
    datetime_text,
    deadline,
    gaps,
    lookup,
    number,
    percent,
    relative,
    time_text,
    translate,
    vietnamese,
)

CHARSET = '"Content-Type: text/plain; charset=UTF-8\\n"\n'
ONE_FORM = '"Plural-Forms: nplurals=1; plural=0;\\n"\n'
TWO_FORMS = '"Plural-Forms: nplurals=2; plural=n!=1;\\n"\n'
EMPTY = 'msgid ""\nmsgstr ""\n'
HEADER = EMPTY + CHARSET + ONE_FORM + "\n"


def load(tmp_path, text, header=HEADER):
    path = tmp_path / "vi.po"
    path.write_text(header + text, "utf-8")
    return Translations.load(path)


# sentences


def test_a_sentence_in_both_languages_with_its_facts():
    msgid = "The file is larger than {limit_mb} MB. Nothing was stored. Please send a smaller file."
    assert translate("en", msgid, limit_mb=200).startswith("The file is larger than 200 MB.")
    assert translate("vi", msgid, limit_mb=200) == "Tệp lớn hơn 200 MB. Chưa lưu gì. Vui lòng gửi tệp nhỏ hơn."
    assert N_(msgid) is msgid


def test_facts_may_be_called_like_arguments_of_the_function():
    assert translate("en", "{locale} {msgid} {self}", locale="a", msgid="b", self="c") == "a b c"


def test_facts_are_never_read_as_templates():
    assert translate("en", "{a} {b}", a="{b} {0} {a.__class__} %(b)s", b="x") == "{b} {0} {a.__class__} %(b)s x"
    assert translate("en", "{a.__class__}", a="x") == "{a.__class__}"


@pytest.mark.parametrize(
    ("locale", "count", "text"),
    [
        ("en", 1, "1 minute ago"),
        ("en", 0, "0 minutes ago"),
        ("en", 2, "2 minutes ago"),
        ("en", 1234, "1,234 minutes ago"),
        ("vi", 1, "1 phút trước"),
        ("vi", 1234, "1.234 phút trước"),
    ],
)
def test_plurals_and_grouped_counts(locale, count, text):
    assert translate(locale, "{count} minute ago", plural="{count} minutes ago", count=count) == text


@pytest.fixture
def empty_gaps(monkeypatch):
    monkeypatch.setattr(i18n, "_gaps", set())


def test_a_missing_translation_is_shown_in_english_and_remembered(empty_gaps):
    assert gaps() == frozenset()
    assert translate("en", "Nobody has translated {this}", this="it") == "Nobody has translated it"
    assert gaps() == frozenset()
    assert translate("vi", "Nobody has translated {this}", this="it") == "Nobody has translated it"
    assert lookup("vi", "One thing", plural="Many things", count=2) == "Many things"
    assert gaps() == {"vi: Nobody has translated {this}", "vi: One thing"}


def test_a_missing_fact_stays_visible_and_is_remembered(empty_gaps):
    assert translate("en", "Tell {whom}") == "Tell {whom}"
    assert gaps() == {"fact whom: Tell {whom}"}


def test_another_language_is_answered_in_english():
    assert translate("fr", "just now") == "just now"


# the catalogue


def test_the_catalogue_of_the_product_is_sound():
    assert vietnamese().problems() == []
    assert vietnamese() is vietnamese()
    assert VI_PO.read_text("utf-8").startswith('msgid ""\n')
    assert len(vietnamese().messages) > 50


def test_every_sentence_of_core_and_rules_is_translated():
    root = VI_PO.parent.parent
    uses = collect([root / "core", root / "rules"])
    assert len(uses) > 50
    missing = [use for use in uses if not vietnamese().find(use.msgid, use.plural)]
    assert missing == []


def test_reading_a_po_file(tmp_path):
    found = load(
        tmp_path,
        "# a comment, fuzzy as a peach\n#, python-format\n#: a/place.py:3\n"
        'msgid ""\n"Two "\n"parts \\"quoted\\"\\n\\t\\\\"\n'
        'msgstr "Hai phần \\"trích\\"\\n\\t\\\\"\n\n\n'
        'msgid "{count} day"\nmsgid_plural "{count} days"\nmsgstr[0] "{count} ngày"\n'
        'msgid "not yet"\nmsgstr ""\n',
    )
    assert found.find('Two parts "quoted"\n\t\\') == 'Hai phần "trích"\n\t\\'
    assert found.find("{count} day", "{count} days") == "{count} ngày"
    assert found.find("{count} day") is None
    assert found.find("not yet") is None
    assert found.find("unknown") is None
    assert len(found.messages) == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('#, fuzzy\nmsgid "a"\nmsgstr "b"\n', "fuzzy"),
        ('#, python-brace-format, fuzzy\nmsgid "a"\nmsgstr "b"\n', "fuzzy"),
        ('msgctxt "c"\nmsgid "a"\nmsgstr "b"\n', "not understood"),
        ('msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"\n', "a second time"),
        ('msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgid_plural "as"\nmsgstr[0] "c"\n', "a second time"),
        ('msgid "a"\n\nmsgid "b"\nmsgstr "c"\n', "line 6: incomplete"),
        ('msgid "a"\nmsgstr "b"\n\nrubbish\n', "line 9: not understood"),
        ('msgid "a"\n', "incomplete"),
        ('msgstr "a"\n', "incomplete"),
        ('msgid "a"\nmsgid_plural "as"\nmsgstr "b"\n', "incomplete"),
        ('msgid "a"\nmsgstr[0] "b"\n', "incomplete"),
        ('msgid "a"\nmsgstr[1] "b"\n', "not understood"),
        ('msgid "a"\nmsgstr "b"\nmsgstr "c"\n', "twice"),
        ('msgid "a\nmsgstr "b"\n', "not understood"),
        ('msgid "a\\x"\nmsgstr "b"\n', "unknown escape"),
        ('"lost"\n', "without msgid"),
        ("rubbish\n", "not understood"),
    ],
)
def test_a_doubtful_po_file_is_refused(tmp_path, text, complaint):
    with pytest.raises(PoError, match=complaint):
        load(tmp_path, text)


@pytest.mark.parametrize(
    "header", ["", EMPTY + ONE_FORM + "\n", EMPTY + CHARSET + "\n", EMPTY + CHARSET + TWO_FORMS + "\n"]
)
def test_a_header_must_say_utf8_and_one_form(tmp_path, header):
    with pytest.raises(PoError, match="header"):
        load(tmp_path, 'msgid "a"\nmsgstr "b"\n', header)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('msgid "a"\nmsgstr ""\n', "not translated"),
        ('msgid "a"\nmsgstr "Tie\u0302\u0301ng"\n', "not NFC"),
        ('msgid "a "\nmsgstr "b"\n', "white space"),
        ('msgid "a"\nmsgstr "\\nb"\n', "white space"),
        ('msgid "{a}"\nmsgstr "{b}"\n', "other facts"),
        ('msgid "{a} b"\nmsgstr "b"\n', "other facts"),
        ('msgid "%(a)s b"\nmsgstr "b"\n', "other facts"),
        ('msgid "one"\nmsgid_plural "{count} things"\nmsgstr[0] "nhiều"\n', "other facts"),
    ],
)
def test_problems_of_translations_are_named(tmp_path, entry, problem):
    (found,) = load(tmp_path, entry).problems()
    assert found.startswith("line 6: ")
    assert problem in found


def test_a_good_translation_has_no_problems(tmp_path):
    entry = 'msgid "one"\nmsgid_plural "{count} things by {who}"\nmsgstr[0] "{who}: {count} việc"\n'
    assert load(tmp_path, entry).problems() == []


po_texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from('"\\\n\t'), min_size=1)


@given(st.dictionaries(po_texts, po_texts, max_size=5))
def test_whatever_is_written_is_read_back(tmp_path_factory, entries):
    def quoted(text):
        for plain, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
            text = text.replace(plain, escape)
        return f'"{text}"'

    text = "".join(f"msgid {quoted(source)}\nmsgstr {quoted(target)}\n\n" for source, target in entries.items())
    found = load(tmp_path_factory.mktemp("po"), text)
    assert {key: found.find(key) for key in entries} == entries


# numbers


@pytest.mark.parametrize(
    ("value", "decimals", "vi", "en"),
    [
        (1246125, 0, "1.246.125", "1,246,125"),
        (999, 0, "999", "999"),
        (1000, 0, "1.000", "1,000"),
        (-1234.5, 1, "-1.234,5", "-1,234.5"),
        (0, 2, "0,00", "0.00"),
        (-0.001, 1, "0,0", "0.0"),
        (2.5, 0, "3", "3"),
        (0.125, 2, "0,13", "0.13"),
        (1.005, 2, "1,01", "1.01"),
        (Decimal("8.449"), 1, "8,4", "8.4"),
        (10**18 + 1, 0, "1.000.000.000.000.000.001", "1,000,000,000,000,000,001"),
        (None, 3, "–", "–"),
    ],
)
def test_numbers(value, decimals, vi, en):
    assert number("vi", value, decimals) == vi
    assert number("en", value, decimals) == en


@pytest.mark.parametrize(
    ("ratio", "vi", "en"),
    [
        (0.891, "89,1\u00a0%", "89.1%"),
        (1, "100,0\u00a0%", "100.0%"),
        (0, "0,0\u00a0%", "0.0%"),
        (1 / 3, "33,3\u00a0%", "33.3%"),
        (Decimal("0.0005"), "0,1\u00a0%", "0.1%"),
        (None, "–", "–"),
    ],
)
def test_percentages(ratio, vi, en):
    assert percent("vi", ratio) == vi
    assert percent("en", ratio) == en


@given(st.integers(-(10**50), 10**50))
def test_grouping_loses_no_digit(value):
    for locale, mark in (("vi", "."), ("en", ",")):
        assert int(number(locale, value).replace(mark, "")) == value


# times

NOW = datetime(2026, 11, 24, 10, 31, tzinfo=VIETNAM)


def test_dates_and_times_in_vietnam():
    at = datetime(2026, 3, 4, 17, 5, tzinfo=UTC)
    assert time_text(at) == "00:05"
    assert date_text(at) == "05/03/2026"
    assert date_text(date(2026, 3, 4)) == "04/03/2026"
    assert datetime_text(at) == "00:05, 05/03/2026"
    assert (date_text(None), datetime_text(None)) == ("–", "–")


@pytest.mark.parametrize(
    ("distance", "vi", "en"),
    [
        (timedelta(0), "vừa xong", "just now"),
        (timedelta(seconds=-59), "vừa xong", "just now"),
        (timedelta(seconds=59), "vừa xong", "just now"),
        (timedelta(minutes=-1), "1 phút trước", "1 minute ago"),
        (timedelta(minutes=-59, seconds=-59), "59 phút trước", "59 minutes ago"),
        (timedelta(hours=-1), "1 giờ trước", "1 hour ago"),
        (timedelta(hours=-2, minutes=-30), "2 giờ trước", "2 hours ago"),
        (timedelta(hours=-10, minutes=-31), "10 giờ trước", "10 hours ago"),
        (timedelta(hours=-10, minutes=-32), "hôm qua 23:59", "yesterday 23:59"),
        (timedelta(days=-1), "hôm qua 10:31", "yesterday 10:31"),
        (timedelta(days=-2), "10:31, 22/11/2026", "10:31, 22/11/2026"),
        (timedelta(minutes=5), "sau 5 phút", "in 5 minutes"),
        (timedelta(minutes=60), "sau 1 giờ", "in 1 hour"),
        (timedelta(hours=13, minutes=28), "sau 13 giờ", "in 13 hours"),
        (timedelta(hours=13, minutes=29), "ngày mai 00:00", "tomorrow 00:00"),
        (timedelta(days=1), "ngày mai 10:31", "tomorrow 10:31"),
        (timedelta(days=2), "10:31, 26/11/2026", "10:31, 26/11/2026"),
    ],
)
def test_relative_times(distance, vi, en):
    at = (NOW + distance).astimezone(UTC)
    assert relative("vi", at, NOW) == vi
    assert relative("en", at, NOW) == en


def test_minutes_count_across_midnight():
    now = datetime(2026, 11, 24, 0, 10, tzinfo=VIETNAM)
    assert relative("vi", now - timedelta(minutes=20), now) == "20 phút trước"


@pytest.mark.parametrize(
    ("late", "days", "minutes", "short", "vi", "en"),
    [
        (False, 2, 900, False, "còn 2 ngày làm việc", "2 working days left"),
        (False, 1, 100, False, "còn 1 ngày làm việc", "1 working day left"),
        (False, 7, 900, True, "còn 7 ngày", "7 days left"),
        (False, 1, 900, True, "còn 1 ngày", "1 day left"),
        (False, 0, 125, False, "còn 2 giờ", "2 hours left"),
        (False, 0, 60, True, "còn 1 giờ", "1 hour left"),
        (False, 0, 59, False, "còn 59 phút", "59 minutes left"),
        (False, 0, 0, False, "đến hạn", "due now"),
        (True, 1, 480, False, "trễ 1 ngày", "1 day late"),
        (True, 2, 960, False, "trễ 2 ngày", "2 days late"),
        (True, 2, 960, True, "trễ 2 ngày", "2 d late"),
        (True, 0, 60, False, "trễ 1 giờ", "1 hour late"),
        (True, 0, 59, True, "trễ 59 phút", "59 minutes late"),
        (True, 0, 0, False, "quá hạn", "overdue"),
    ],
)
def test_deadlines(late, days, minutes, short, vi, en):
    assert deadline("vi", late=late, days=days, minutes=minutes, short=short) == vi
    assert deadline("en", late=late, days=days, minutes=minutes, short=short) == en


def test_a_deadline_is_said_in_full_by_default():
    assert deadline("vi", late=False, days=2) == "còn 2 ngày làm việc"
    assert deadline("vi", late=False, days=0) == "đến hạn"


# finding the sentences


def found(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return {(use.msgid, use.plural, use.line) for use in collect([path])}


def test_sentences_in_python(tmp_path):
    text = (
        '_("one")\n'
        'N_(\n    "two "\n    "parts"\n)\n'
        'translate(locale, "three", plural="threes", count=3)\n'
        'lookup("vi", "four")\n'
        'i18n.translate("vi", "five")\n'
        'desk._("six")\n'
        'ngettext("seven", "sevens", n)\n'
        '_(variable); N_(); _(5); translate(locale); table.lookup("a", "not ours"); text.translate("x", "nor this")\n'
        '_("nine", plural=variable)\n'
        'N_("ten" if x else "eleven" if y else variable)\n'
        '_("twelve", "no plural"); ngettext("thirteen")\n'
    )
    assert found(tmp_path, "a.py", text) == {
        ("one", None, 1),
        ("two parts", None, 2),
        ("three", "threes", 6),
        ("four", None, 7),
        ("five", None, 8),
        ("six", None, 9),
        ("seven", "sevens", 10),
        ("nine", None, 12),
        ("ten", None, 13),
        ("eleven", None, 13),
        ("twelve", None, 14),
        ("thirteen", None, 14),
    }


def test_sentences_in_templates(tmp_path):
    text = (
        '<h1>{{ _("one") }}</h1>\n'
        '{% if x is y %}{{ _("two {a}", a=_("three")) }}{% endif %}\n'
        '{{ _("four", plural="fours", count=n) }}\n'
        "{% trans %}five{% endtrans %}\n"
        "{% trans n=n %}{{ n }} six{% pluralize %}{{ n }} sixes{% endtrans %}\n"
        '{% do x(_("seven")) %}{% macro m(t=_("eight")) %}{% endmacro %}{{ m(_("nine")|upper) }}{{ _(variable) }}\n'
        '{{ _("ten" if x else "eleven") }}\n'
        '{{ _() }}{{ _("twelve", "no plural") }}{{ ngettext("thirteen") }}{{ ngettext("fourteen", "fourteens", n) }}\n'
    )
    assert found(tmp_path, "a.html", text) == {
        ("one", None, 1),
        ("two {a}", None, 2),
        ("three", None, 2),
        ("four", "fours", 3),
        ("five", None, 4),
        ("%(n)s six", "%(n)s sixes", 5),
        ("seven", None, 6),
        ("eight", None, 6),
        ("nine", None, 6),
        ("ten", None, 7),
        ("eleven", None, 7),
        ("twelve", None, 8),
        ("thirteen", None, 8),
        ("fourteen", "fourteens", 8),
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", '\n_(f"built {x}")'),
        ("a.py", '\nN_("built " + x)'),
        ("a.py", '\n_("built %s" % x)'),
        ("a.py", '\n_("built {}".format(x))'),
        ("a.py", '\n_("good" if x else f"built {x}")'),
        ("a.html", '\n{{ _("built " ~ x) }}'),
        ("a.html", '\n{{ _("built " + x) }}'),
    ],
)
def test_a_sentence_built_on_the_spot_is_refused(tmp_path, name, text):
    with pytest.raises(ValueError, match=rf"{name}:2: a sentence put together"):
        found(tmp_path, name, text)


def test_folders_are_searched_for_python_and_templates(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.py").write_text('_("x")')
    (tmp_path / "b" / "x.css").write_text('_("css")')
    (tmp_path / "mail.txt").write_text('{{ _("mail") }}')
    assert [use.msgid for use in collect([tmp_path])] == ["x", "mail"]


def test_importing_is_light():
    code = (
        "import sys, eoffice.core.i18n, eoffice.core.calendar, eoffice.rules.deadlines\n"
        "heavy = {'babel', 'jinja2', 'holidays', 'sqlalchemy', 'flask'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
