"""One settings file key by key: what is wrong is named with its line, or its variable, at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.errors import SettingsInvalid
from atalaia.settings import channels, feeds, page, strength
from atalaia.settings.document import (
    Document,
    EnvText,
    Secret,
    duration_of,
    flag,
    one_of,
    size,
    text_of,
    texts,
    url,
    variable_of,
    whole,
)

KEYS = ("home", "api.port", "api.key", "api.key_file", "channels.sms.enabled")

Read = Callable[[Any], Any]


def env(text: str) -> EnvText:
    return EnvText(text)


GOOD: list[tuple[Read, Any, Any]] = [
    (text_of, "a", "a"),
    (flag, True, True),
    (flag, env("Yes"), True),
    (flag, env("0"), False),
    (whole(1, 65_535), 8080, 8080),
    (whole(1, 65_535), env("8080"), 8080),
    (whole(0, 9), 0, 0),
    (whole(0, 9), 9, 9),
    (size(64), "8MB", 8_000_000),
    (size(64), "64 MB", 64_000_000),
    (size(64), 1000, 1000),
    (size(64), "1kB", 1000),
    (size(64), env("2000"), 2000),
    (duration_of(60), "1min", 60),
    (duration_of(60), "15min", 900),
    (duration_of(60), env("2h"), 7200),
    (duration_of(60), "3d", 259_200),
    (texts, ["a", " b ", ""], ("a", "b")),
    (texts, env("a, b,,c"), ("a", "b", "c")),
    (texts, [], ()),
    (url, "https://api.example.org/", "https://api.example.org"),
    (url, "http://127.0.0.1:8080/v1/x//", "http://127.0.0.1:8080/v1/x"),
    (one_of(("smtp", "ses")), "ses", "ses"),
    (feeds._sender, "atalaia@example.org", "atalaia@example.org"),
    (page._tiles, "https://{s}.tiles.example/{z}/{x}/{y}.png", None),
    (page._tiles, "http://[::1]:8080/{z}/{x}/{y}.png", None),
    (channels._countries, ["+55", "+1"], ("+55", "+1")),
    (channels._countries, [], ()),
    (channels._number(0, 10), 0.05, 0.05),
    (channels._number(0, 10), env("1e1"), 10.0),
]


@pytest.mark.parametrize(("read", "value", "found"), GOOD)
def test_what_is_written_as_it_should_be_is_read(read: Read, value: Any, found: Any) -> None:
    assert read(value) == (value if found is None else found)


BAD: list[tuple[Read, Any, str]] = [
    (text_of, "", "put it in quotes"),
    (text_of, 5, "put it in quotes"),
    (flag, "true", "without quotes"),  # of a file: only the environment has texts alone
    (flag, 1, "without quotes"),
    (flag, env("maybe"), "neither true nor false"),
    (whole(1, 9), 0, "not a whole number from 1 to 9"),
    (whole(1, 9), 10, "from 1 to 9"),
    (whole(1, 9), 5.0, "not a whole number"),
    (whole(0, 1), True, "not a whole number"),
    (whole(1, 9), "5", "not a whole number"),
    (whole(1, 9), env("5.0"), "not a whole number"),
    (whole(1, 9), env("-5"), "not a whole number"),
    (size(64), "65MB", 'not a size from 1 kB to 64 MB; write for example "8MB"'),
    (size(64), 999, "not a size"),
    (size(64), "8 GB", "not a size"),
    (size(64), "-8MB", "not a size"),
    (size(64), True, "not a size"),
    (size(64), "9" * 40, "not a size"),
    (duration_of(60), 60, 'write for example "15min", in quotes'),
    (duration_of(60), "59s", "59s is too short; write 1 min or longer"),
    (duration_of(60), "soon", "soon"),
    (duration_of(60), "-5min", "5min"),
    (texts, "a", 'write for example ["one", "two"]'),
    (texts, ["a", 5], "not a list of texts"),
    (url, "example.org", "write for example https://api.example.org"),
    (url, "https://user:pass@example.org", "not an address"),
    (url, "https://example.org/?key=geheim", "not an address"),
    (url, "https://example.org/#x", "not an address"),
    (url, "ftp://example.org", "not an address"),
    (url, "https://", "not an address"),
    (url, "https://exa mple.org", "not an address"),
    (one_of(("smtp", "ses")), "sess", "give smtp, ses"),
    (one_of(("smtp", "ses")), ["smtp"], "give smtp, ses"),
    (feeds._sender, "a b", "write for example atalaia@example.org"),
    (feeds._sender, "a<b", "has a space, a comma, < or &"),
    (page._tiles, "https://t.example/{z}/{x}.png", "not a template"),
    (page._tiles, "https://t.example/{z}/{x}/{y}.png; script-src *", "not a template"),
    (page._tiles, "https://t.example/{z}/{x}/{y}.png 'unsafe-inline'", "not a template"),
    (page._tiles, "javascript:{z}{x}{y}", "not a template"),
    (page._tiles, "https://[/{z}/{x}/{y}.png", "not a template"),
    (page._tiles, "https://[::1/{z}/{x}/{y}.png", "not a template"),
    (page._tiles, "https://t.example:b:c/{z}/{x}/{y}.png", "not a template"),
    (page._tiles, "https://t.example:70000/{z}/{x}/{y}.png", "not a template"),
    (channels._countries, ["55"], "write + and digits, for example +55"),
    (channels._countries, ["+0"], "not calling codes"),
    (channels._number(0, 10), 10.1, "not a number from 0 to 10"),
    (channels._number(0, 10), True, "not a number"),
    (channels._number(0, 10), env("nan"), "not a number"),
    (channels._number(0, 10), env("much"), "not a number"),
    (channels.networks, ["10.1.2.3/16"], "write for example 10.1.0.0/16"),
    (channels.networks, "10.0.0.0/8", 'write for example ["10.1.0.0/16"]'),
    (channels.networks, ["everything"], "write for example 10.1.0.0/16"),
]


@pytest.mark.parametrize(("read", "value", "next_step"), BAD)
def test_what_is_not_is_refused_with_how_to_write_it(
    read: Read, value: Any, next_step: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(next_step)):
        read(value)


@settings(max_examples=60)
@given(
    st.sampled_from(sorted({read for read, _, _ in BAD}, key=str)),
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9),
        st.lists(st.text(max_size=3) | st.integers(), max_size=3), st.just({}),
        st.text(max_size=9).map(EnvText),
    ),
)  # fmt: skip
def test_no_value_makes_reading_fail_otherwise(read: Read, value: Any) -> None:
    try:
        read(value)
    except ValueError as error:
        refused = str(error)
    else:
        refused = "taken"
    assert refused


# Feeds of warnings


def test_a_feed_may_say_how_often_and_else_is_asked_as_all() -> None:
    document = of_text(
        '[sources.cap]\ninterval = "5min"\n'
        'feeds = ["https://a.example/rss", " https://b.example/x?y=1  every 90s "]\n'
    )
    found = feeds.read_cap(document)
    assert [(feed.url, feed.interval_s) for feed in found.feeds] == [
        ("https://a.example/rss", 300),
        ("https://b.example/x?y=1", 90),
    ]
    assert document.problems == []


@pytest.mark.parametrize(
    ("given_feeds", "next_step"),
    [
        ('["a.example"]', "is no feed; write https://example.org/cap.atom"),
        ('["https://a.example every 1s"]', "1s is too short; write 30 s or longer"),
        ('["https://a.example", "https://a.example every 1h"]', "a feed is there twice"),
        ('"https://a.example"', "not a list of addresses"),
        ('["https://u:p@a.example/"]', "is no feed"),
    ],
)
def test_a_feed_that_is_none_is_named_with_its_line(given_feeds: str, next_step: str) -> None:
    document = of_text(f"\n[sources.cap]\nfeeds = {given_feeds}\n")
    assert feeds.read_cap(document).feeds == ()
    (problem,) = document.problems
    assert problem.startswith("settings:3: sources.cap.feeds: ")
    assert next_step in problem


# From file and environment


def of_text(text: str, path: Path | None = None, **environment: str) -> Document:
    return Document(text, path, environment, KEYS)


def test_the_environment_goes_before_the_file_and_its_texts_are_told_from_the_files() -> None:
    document = of_text("[api]\nport = 1\n", ATALAIA_API_PORT="2")
    assert document.raw("api.port") == "2"
    assert isinstance(document.raw("api.port"), EnvText)
    assert document.in_file("api.port") == 1
    assert document.get("api.port", whole(1, 9), 5) == 2
    assert of_text("[api]\nport = 1\n", ATALAIA_API_PORT="").get("api.port", whole(1, 9), 5) == 1
    assert of_text("").get("api.port", whole(1, 9), 5) == 5


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("home", "ATALAIA_HOME"),
        ("api.key_file", "ATALAIA_API_KEY_FILE"),
        ("sources.open-meteo.base_url", "ATALAIA_SOURCES_OPEN_METEO_BASE_URL"),
    ],
)
def test_each_key_has_a_variable(key: str, name: str) -> None:
    assert variable_of(key) == name


def test_a_faulty_key_has_its_default_and_a_problem_where_it_stands() -> None:
    document = of_text("home = 'x'\n\n[api]\n# the port\nport = 99\n")
    assert document.get("api.port", whole(1, 9), 5) == 5
    assert document.problems == ["settings:5: api.port: not a whole number from 1 to 9; write one"]
    document = of_text("", ATALAIA_API_PORT="99")
    assert document.get("api.port", whole(1, 9), 5) == 5
    assert document.problems == [
        "ATALAIA_API_PORT: api.port: not a whole number from 1 to 9; write one"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = \n", 2),
        ("a = 1\n[x\n", 2),
        ('a = "not closed\n', 1),
        ("a = 1\na = 2\n", 2),
        ('x = """\nnot\nclosed\n', 3),
    ],
)
def test_what_is_no_toml_is_named_by_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        of_text(text, tmp_path / "atalaia.toml")
    (problem,) = caught.value.problems
    assert problem.startswith(f"{tmp_path / 'atalaia.toml'}:{line}: not TOML: ")
    assert problem.endswith("; mend this line")


def test_problems_of_a_file_that_a_key_names_are_led_by_the_key() -> None:
    def read(_: Any) -> None:
        raise SettingsInvalid(["rules.toml:3: a", "rules.toml:5: b"])

    document = of_text("home = 'rules.toml'\n")
    assert document.get("home", read, None) is None
    assert document.problems == ["settings:1: rules.toml:3: a", "settings:1: rules.toml:5: b"]


# Secrets


def key_file(folder: Path, text: str = "geheim-geheim", mode: int = 0o600) -> Path:
    file = folder / "key"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_secret_is_given_itself_or_in_a_file_beside_the_settings(tmp_path: Path) -> None:
    key_file(tmp_path, " geheim-geheim\n")
    settings_file = tmp_path / "atalaia.toml"
    for document in (
        of_text('[api]\nkey = "geheim-geheim"\n'),
        of_text('[api]\nkey_file = "key"\n', settings_file),
        of_text("", ATALAIA_API_KEY="geheim-geheim"),
        of_text("", ATALAIA_API_KEY_FILE=str(tmp_path / "key")),
        of_text('[api]\nkey = "other"\n', ATALAIA_API_KEY=" geheim-geheim "),
    ):
        found = document.secret("api.key")
        assert document.problems == []
        assert found is not None
        assert found.reveal() == "geheim-geheim"
        assert repr(found) == f"{found}" == "***"
    assert of_text("").secret("api.key") is None


@pytest.mark.parametrize(
    ("text", "mode", "next_step"),
    [
        ("", 0o600, "the key is empty; put one in, or leave it out"),
        ("geheim geheim", 0o600, "this is no key: it has spaces"),
        ("geheim\ngeheim", 0o600, "this is no key"),
        ("geheïm", 0o600, "does not look like a key; it must be ASCII"),
        ("geheim", 0o644, "others may use it; run chmod 600 on it"),
        ("geheim", 0o606, "others may use it; run chmod 600 on it"),
    ],
)
def test_a_file_that_holds_no_key_is_named_and_nothing_of_it_shown(
    tmp_path: Path, text: str, mode: int, next_step: str
) -> None:
    key_file(tmp_path, text, mode)
    document = of_text('[api]\nkey_file = "key"\n', tmp_path / "atalaia.toml")
    assert document.secret("api.key") is None
    (problem,) = document.problems
    assert next_step in problem
    assert str(tmp_path / "key") in problem
    assert "atalaia.toml:2" in problem
    assert "gehe" not in problem


@pytest.mark.parametrize(
    ("text", "environment", "where"),
    [
        ('[api]\nkey = "geheim"\nkey_file = "x"\n', {}, "settings:2: api.key: key_file is set too"),
        (
            "",
            {"ATALAIA_API_KEY": "geheim", "ATALAIA_API_KEY_FILE": "/nowhere"},
            "ATALAIA_API_KEY: ATALAIA_API_KEY_FILE is set too; keep one of them",
        ),
        ("[api]\nkey = 5\n", {}, "settings:2: api.key: not a text; put it in quotes"),
        ("[api]\nkey_file = 5\n", {}, "settings:2: api.key_file: not a text"),
        ("", {"ATALAIA_API_KEY": "ge heim"}, "ATALAIA_API_KEY: this is no key"),
        ('[api]\nkey = ""\n', {}, "settings:2: the key is empty"),
        ('[api]\nkey_file = "nowhere"\n', {}, "give a file that can be read"),
    ],
)
def test_a_secret_that_is_none_is_named_where_it_was_given_and_not_shown(
    text: str, environment: dict[str, str], where: str
) -> None:
    document = of_text(text, **environment)
    document.secret("api.key")
    assert any(where in problem for problem in document.problems)
    assert not any("heim" in problem for problem in document.problems)


@pytest.mark.parametrize(
    ("secret", "is_so"),
    [
        ("", False),
        ("a" * 60, False),
        ("password", False),
        ("correct horse battery", True),
        ("abababababababababababab", False),
        ("0123456789abcdef0123", True),
        ("5xK2nQ8vR1tY7wZ3", False),  # short
        ("Zr8Q1mYx0sVt4kPw7nHd2g", True),
    ],
)
def test_a_secret_is_strong_when_it_is_long_and_its_letters_vary(secret: str, is_so: bool) -> None:
    assert strength.is_strong(secret) is is_so


def test_a_secret_compares_by_what_it_is_and_is_in_no_dump() -> None:
    secret = Secret("geheim")
    assert "geheim" not in f"{[secret]} { ({'a': secret}) }"
    assert not hasattr(secret, "__dict__")
