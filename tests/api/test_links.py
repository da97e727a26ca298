"""Where links of messages lead: a person is spoken to in one language, and a program as ever."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
from fastapi import FastAPI

from atalaia.api import answering, leaving, problem
from atalaia.domain.words import LANGUAGES
from page.stage import served

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
READ = {"pt-BR": "Recebi", "en": "Received", "es": "Recibido"}
STOP = {"pt-BR": "Pronto: nada mais", "en": "Done: nothing", "es": "Listo: nada"}
GONE = {"pt-BR": "foi cortado", "en": "was cut", "es": "está cortado"}
LINKS = [("GET", "/m/{}"), ("POST", "/m/{}/received"), ("POST", "/m/{}/stop"),
         ("POST", "/m/{}/change"), ("POST", "/leave/{}")]  # fmt: skip


class Told(NamedTuple):
    """What was answered."""

    status: int
    text: str
    headers: HTTPResponse

    def spoken(self, words: dict[str, str]) -> list[str]:
        """The languages of which it has words."""
        return [language for language, some in words.items() if some in self.text]

    @property
    def is_in(self) -> str:
        return self.text.partition('<html lang="')[2].partition('"')[0]


Ask = Callable[..., Told]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Asks a watch that speaks Spanish, and knows one link."""

    def is_good(token: str) -> bool:
        return token == "good"

    answers = SimpleNamespace(
        message=lambda token: "m" if is_good(token) else None,
        received=is_good,
        stop=is_good,
        change=lambda token: "link" if is_good(token) else None,
    )
    app = FastAPI()
    app.include_router(leaving.routes(is_good, "es"))
    app.include_router(answering.routes(cast(Any, answers), "es"))
    problem.install(app)
    with served(app) as url:

        def asked(method: str, path: str, language: str = "", accept: str = BROWSER) -> Told:
            headers = {"Accept": accept} | ({"Accept-Language": language} if language else {})
            to = HTTPConnection(url.removeprefix("http://"))
            to.request(method, path, headers=headers)
            answer = to.getresponse()
            told = Told(answer.status, answer.read().decode(), answer)
            to.close()
            return told

        yield asked


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_speaks_the_reader_s_language_alone_and_leads_to_the_others(
    ask: Ask, language: str
) -> None:
    answer = ask("GET", "/m/good", f"{language},de;q=0.5")
    assert answer.spoken(READ) == [language]
    assert answer.is_in == language == answer.headers.getheader("Content-Language")
    for other in set(LANGUAGES) - {language}:
        assert f'<a href="?lang={other}"' in answer.text
        chosen = ask("GET", f"/m/good?lang={other}", language)
        assert chosen.spoken(READ) == [other]
        # What a button does is said in what was chosen.
        assert f'formaction="good/stop?lang={other}"' in chosen.text
        done = ask("POST", f"/m/good/stop?lang={other}", language)
        assert done.spoken(STOP) == [other]
        assert "?lang=" not in done.text, "what was done is not asked for again"


@pytest.mark.parametrize("path", ["/m/good", "/m/good?lang=tlh", "/leave/good"])
def test_who_names_no_language_reads_that_of_the_watch(ask: Ask, path: str) -> None:
    for named in ("", "de, fr;q=0.5"):
        answer = ask("GET", path, named)
        assert (answer.status, answer.is_in) == (200, "es")


@pytest.mark.parametrize(("method", "path"), LINKS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_of_a_link_that_is_none_a_person_sees_a_page_and_a_program_a_problem(
    ask: Ask, method: str, path: str, language: str
) -> None:
    answer = ask(method, path.format("bad"), language)
    assert (answer.status, answer.is_in) == (404, language)
    policy = answer.headers.getheader("Content-Security-Policy")
    assert policy == leaving.HEADERS["Content-Security-Policy"]
    assert answer.spoken(GONE) == [language]
    told = ask(method, path.format("bad"), language, accept="*/*")
    assert (told.status, told.is_in) == (404, "")
    assert told.headers.getheader("Content-Type") == "application/problem+json"
    assert GONE[language] in json.loads(told.text)["detail"]
