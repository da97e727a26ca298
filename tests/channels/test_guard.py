"""No webhook reaches inside: hostile URLs against a canary that listens on all of this host."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from atalaia.channels.guard import (
    PORTS,
    STRICT,
    Rules,
    TargetRefused,
    check_address,
    check_url,
    guarded_connector,
    inside,
    networks,
)
from atalaia.channels.webhook import Webhook
from atalaia.domain.delivery import Outcome
from patience import LIMIT_S

from .certificates import certified
from .letters import letter
from .servers_webhook import Canary, Names, target

SECRET = "whsec_" + base64.b64encode(b"c4nary-c4nary-c4nary-c4nary").decode()
PUBLIC = "93.184.216.34"
PUBLIC_6 = "2606:2800:220:1:248:1893:25c8:1946"

# `{port}` is the canary's, and it is open to all: no URL is refused for its port alone, but those
# that say so.
HOSTILE = [
    # loopback, private and the like, as they are
    "http://127.0.0.1:{port}/",
    "http://127.0.0.2:{port}/",
    "http://127.255.255.254:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0.1.2.3:{port}/",
    "http://10.0.0.1:{port}/",
    "http://172.16.0.1:{port}/",
    "http://172.31.255.255:{port}/",
    "http://192.168.1.1:{port}/",
    "http://100.64.0.1:{port}/",
    "http://100.127.255.255:{port}/",
    "http://169.254.0.1:{port}/",
    "http://192.0.0.8:{port}/",
    "http://192.0.2.1:{port}/",
    "http://198.18.0.1:{port}/",
    "http://198.19.255.255:{port}/",
    "http://198.51.100.1:{port}/",
    "http://203.0.113.1:{port}/",
    "http://192.88.99.1:{port}/",
    "http://224.0.0.1:{port}/",
    "http://239.255.255.250:{port}/",
    "http://240.0.0.1:{port}/",
    "http://255.255.255.255:{port}/",
    # metadata of clouds
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://100.100.100.200/latest/meta-data/",
    "http://192.0.0.192/opc/v2/instance/",
    "http://168.63.129.16/machine/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fd20:ce::254]/computeMetadata/v1/",
    "http://metadata.google.internal/computeMetadata/v1/",
    # IPv4 written otherwise
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0x0.0x0.0x1:{port}/",
    "http://0X7F.1:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0177.0x0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://127.0.0.01:{port}/",
    "http://127.00.0.1:{port}/",
    "http://0:{port}/",
    "http://4294967296:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.0.0.0x1:{port}/",
    # IPv6
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]:{port}/",
    "http://[::]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[::7f00:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "http://[::ffff:10.0.0.1]:{port}/",
    "http://[::ffff:0:127.0.0.1]:{port}/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[64:ff9b:1:ffff::10.0.0.1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2002:a00:1::1]:{port}/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:{port}/",
    "http://[2001:0:7f00:1::]:{port}/",
    "http://[2001:10::1]:{port}/",
    "http://[2001:2::1]:{port}/",
    "http://[2001:db8::1]:{port}/",
    "http://[3fff::1]:{port}/",
    "http://[100::1]:{port}/",
    "http://[5f00::1]:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[fd12:3456:789a::1]:{port}/",
    "http://[fe80::1]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fe80::1%lo]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[fec0::1]:{port}/",
    "http://[ff02::1]:{port}/",
    "http://[2606:4700::5efe:127.0.0.1]:{port}/",
    "http://[2606:4700::200:5efe:10.0.0.1]:{port}/",
    "http://[v1.1]:{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://[::1:{port}/",
    "http://::1:{port}/",
    # names of the inside, and names that mean it (the resolver says 127.0.0.1 to all)
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://a.localhost:{port}/",
    "http://localhost.localdomain:{port}/",
    "http://printer.local:{port}/",
    "http://vault.internal:{port}/",
    "http://nas.home.arpa:{port}/",
    "http://router:{port}/",
    "http://public.example.com:{port}/",
    "http://public.example.com.:{port}/",
    "http://127.0.0.1.nip.io:{port}/",
    "http://xn--a.example.com:{port}/",
    "http://-a.example.com:{port}/",
    "http://a..example.com:{port}/",
    "http://_dmarc.example.com:{port}/",
    # other alphabets and encodings
    "http://１２７.０.０.１:{port}/",
    "http://127。0。0。1:{port}/",
    "http://①②⑦.0.0.1:{port}/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    "http://locаlhost:{port}/",
    "http://%6c%6f%63%61%6c%68%6f%73%74:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://localhost%00.example.com:{port}/",
    "http://local\u00adhost:{port}/",
    # who is the host? user, password, backslash, blanks, fragments, doubled parts
    "http://user:password@public.example.com:{port}/",
    "http://public.example.com@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@public.example.com/",
    "http://public.example.com:80@127.0.0.1:{port}/",
    "http://public.example.com%40127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@public.example.com/",
    "http://public.example.com\\@127.0.0.1:{port}/",
    "http://public.example.com#@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#.example.com/",
    "http://127.0.0.1:{port}:80/",
    "http://127.0.0.1 public.example.com:{port}/",
    "http://127.0.0.1\t:{port}/",
    "http://127.0.0.1:{port}/\r\nX-Injected: 1",
    "http:127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}\\",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    " http://127.0.0.1:{port}/",
    # other schemes
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "ftp://127.0.0.1:{port}/",
    "unix:///run/docker.sock",
    "ws://127.0.0.1:{port}/",
    "dict://127.0.0.1:{port}/x",
    "javascript:alert(1)",
    "",
    "http://",
    "http://:{port}/",
    # ports
    "http://public.example.com:22/",
    "http://public.example.com:25/",
    "http://public.example.com:6379/",
    "http://public.example.com:0/",
    "http://public.example.com:65536/",
    "http://public.example.com:99999/",
    "http://public.example.com:-80/",
    "http://public.example.com:8o/",
    "http://public.example.com:/",
    "http://93.184.216.34:22/",
    "http://public.example.com/" + "a" * 2048,
]


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    canary = Canary()
    yield canary
    canary.close()


def sent(url: str, rules: Rules, names: Names) -> Outcome:
    async def run() -> Outcome:
        webhook = Webhook(rules=rules, resolver=names, timeout_s=LIMIT_S)
        outcome = await webhook.send(letter("webhook", url, secret=SECRET))
        await webhook.close()
        return outcome

    return asyncio.run(run())


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_reaches_nothing(url: str, canary: Canary) -> None:
    names = Names({}, otherwise=["127.0.0.1"])
    outcome = sent(url.format(port=canary.port), Rules(ports=PORTS | {canary.port}), names)
    assert outcome == Outcome("never", "the target is not allowed")
    assert canary.visits() == 0


def test_the_hostile_urls_are_many_and_the_canary_hears_who_comes(canary: Canary) -> None:
    assert len(set(HOSTILE)) >= 150

    async def visit(url: str) -> None:
        timeout = aiohttp.ClientTimeout(total=1)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url):
            pass

    urls = ["http://127.0.0.1:{}/", "http://127.0.0.2:{}/", "http://0.0.0.0:{}/"]
    if canary.has_ipv6:
        urls += ["http://[::1]:{}/", "http://[::ffff:127.0.0.1]:{}/"]
    for url in urls:

        async def knock(to: str = url.format(canary.port)) -> None:
            task = asyncio.ensure_future(visit(to))
            while not canary.visits():
                assert not task.done(), task
                await asyncio.sleep(0)
            task.cancel()

        asyncio.run(knock())


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        [PUBLIC, "127.0.0.1"],
        ["127.0.0.1", PUBLIC],
        [PUBLIC, PUBLIC_6, "10.0.0.1"],
        [PUBLIC_6, "fe80::1"],
        [PUBLIC, "::ffff:127.0.0.1"],
        [PUBLIC, "64:ff9b::7f00:1"],
        [PUBLIC, "169.254.169.254"],
        ["fe80::1%lo"],
        ["168.63.129.16"],
    ],
)
def test_a_name_with_one_address_inside_is_refused_whole(
    addresses: list[str], canary: Canary
) -> None:
    dialled: list[str] = []
    outcome = _dialled("http://two.example.com/", Names({"two.example.com": [addresses]}), dialled)
    assert outcome == "refused"
    assert dialled == []


GOOD = [
    ("https://hooks.example.com/services/T0/B0?token=a%2Fb", [PUBLIC], (PUBLIC, 443)),
    ("http://hooks.example.com", [PUBLIC], (PUBLIC, 80)),
    ("HTTPS://Hooks.Example.COM/", [PUBLIC], (PUBLIC, 443)),
    ("https://hooks.example.com:8443/x", [PUBLIC], (PUBLIC, 8443)),
    ("http://hooks.example.com:8080/", [PUBLIC], (PUBLIC, 8080)),
    ("https://xn--bcher-kva.example.com/", [PUBLIC], (PUBLIC, 443)),
    ("https://a.b.c.d.example.museum/", [PUBLIC], (PUBLIC, 443)),
    ("https://6.example.com/", [PUBLIC_6], (PUBLIC_6, 443)),
    ("https://localhost.example.com/", [PUBLIC], (PUBLIC, 443)),
    ("https://1.1.1.1/", [], ("1.1.1.1", 443)),
    ("https://[2606:4700:4700::1111]/", [], ("2606:4700:4700::1111", 443)),
    ("https://hooks.example.com/?to=http://127.0.0.1/", [PUBLIC], (PUBLIC, 443)),
    ("https://hooks.example.com/a@b:c", [PUBLIC], (PUBLIC, 443)),
]


@pytest.mark.parametrize(("url", "addresses", "reached"), GOOD)
def test_a_public_target_is_dialled_at_the_address_that_was_checked(
    url: str, addresses: list[str], reached: tuple[str, int]
) -> None:
    dialled: list[tuple[str, int]] = []
    names = Names({}, otherwise=addresses)
    assert _dialled(url, names, dialled) == "cannot connect"
    assert dialled == [reached]
    assert len(names.asked) == (1 if addresses else 0)


def test_only_the_first_answer_of_a_name_is_used() -> None:
    names = Names({"rebind.example.com": [[PUBLIC], ["127.0.0.1"]]})
    dialled: list[tuple[str, int]] = []
    assert _dialled("http://rebind.example.com/", names, dialled) == "cannot connect"
    assert dialled == [(PUBLIC, 80)]
    assert names.asked == ["rebind.example.com"]


def test_a_name_that_moves_inside_later_is_refused_then(canary: Canary) -> None:
    names = Names({"rebind.example.com": [[PUBLIC], ["127.0.0.1"]]})
    url = f"http://rebind.example.com:{canary.port}/"
    rules = Rules(ports=frozenset({canary.port}))

    async def run() -> list[str]:
        results = []
        connector = guarded_connector(
            rules, resolver=names, dial=_spy([]), use_dns_cache=False, force_close=True
        )
        async with aiohttp.ClientSession(connector=connector) as session:
            for _ in range(2):
                results.append(await _post(session, check_url(url, rules)))
        return results

    assert asyncio.run(run()) == ["cannot connect", "refused"]
    assert canary.visits() == 0


def test_the_last_gate_holds_where_the_others_were_passed_by(canary: Canary) -> None:
    # A client that is handed a URL unchecked: an address is never resolved, and yet not reached.
    async def run() -> str:
        connector = guarded_connector(Rules(ports=frozenset({canary.port})))
        async with aiohttp.ClientSession(connector=connector) as session:
            return await _post(session, f"http://127.0.0.1:{canary.port}/")

    assert asyncio.run(run()) == "cannot connect"
    assert canary.visits() == 0


def test_a_redirection_to_the_inside_is_not_followed(canary: Canary) -> None:
    async def lead_inside(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"http://127.0.0.2:{canary.port}/")

    async def run() -> Outcome:
        webhook = Webhook(rules=Rules(allow=networks(["127.0.0.0/8"])))
        async with target(lead_inside) as server:
            url = str(server.make_url("/hook"))
            outcome = await webhook.send(letter("webhook", url, secret=SECRET))
            await webhook.close()
        return outcome

    assert asyncio.run(run()) == Outcome("again", "HTTP 307")
    assert canary.visits() == 0


def test_an_operator_can_open_a_network_and_only_that(canary: Canary) -> None:
    rules = Rules(allow=networks(["127.0.0.2/32", "fd00:1::/32"]))
    assert check_url(f"http://127.0.0.2:{canary.port}/", rules).port == canary.port
    assert check_url("http://[fd00:1::5]:9999/", rules).host == "fd00:1::5"
    assert check_url("http://intranet:9999/", rules).host == "intranet"
    for refused in ("http://127.0.0.1/", "http://[::1]/", "http://10.0.0.1/", "http://127.2/"):
        with pytest.raises(TargetRefused):
            check_url(refused, rules)
    names = Names({"intranet": [["127.0.0.1"]]})
    assert sent(f"http://intranet:{canary.port}/", rules, names).verdict == "never"
    assert canary.visits() == 0


def test_an_operator_can_close_what_is_outside() -> None:
    rules = Rules(deny=networks(["93.184.216.0/24"]))
    with pytest.raises(TargetRefused, match="denied here"):
        check_address(PUBLIC, 443, rules)
    check_address("1.1.1.1", 443, rules)


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1/99", "10.0.0.1/8", ""])
def test_a_network_that_is_none_is_told_with_the_next_step(text: str) -> None:
    with pytest.raises(ValueError, match="write address/length"):
        networks([text])


@pytest.mark.parametrize(
    "url", [url for url in HOSTILE if "example.com" not in url and "nip.io" not in url]
)
def test_what_is_wrong_is_told_when_somebody_subscribes_and_without_the_url(url: str) -> None:
    text = url.format(port=8080)
    with pytest.raises(ValueError, match=r"^webhook: .*[a-z]{3}") as told:
        check_url(text)
    assert not text.strip() or text not in str(told.value)


# IANA IPv4 and IPv6 Special-Purpose Address Registries, and multicast.
RANGES = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24
198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 ::/128 ::1/128 ::ffff:0:0/96
::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32 2002::/16
2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
"""
OUTSIDE = """
1.1.1.1 8.8.8.8 93.184.216.34 172.15.255.255 172.32.0.0 100.63.255.255 2606:4700:4700::1111
2a00:1450:4001::1 2800:3f0::1 2001:4860:4860::8888
"""


def test_every_range_of_the_registries_is_inside_at_both_ends() -> None:
    for network in networks(RANGES.split()):
        assert inside(network[0]), network
        assert inside(network[-1]), network
    for text in OUTSIDE.split():
        assert not inside(ipaddress.ip_address(text)), text


def test_python_alone_would_let_some_of_these_through() -> None:
    # Why `is_global` is not enough: all of these are global to it, and all are inside.
    for text in ("224.0.0.1", "168.63.129.16", "64:ff9b::a00:1", "2002:a00:1::1", "ff02::1"):
        assert inside(ipaddress.ip_address(text)), text
    assert ipaddress.ip_address("224.0.0.1").is_global
    assert ipaddress.ip_address("168.63.129.16").is_global
    assert ipaddress.ip_address("64:ff9b::a00:1").is_global


def test_host_and_tls_name_stay_those_of_the_url(tmp_path: Path) -> None:
    heard: list[str | None] = []
    hosts: list[str] = []
    context, trusting = certified(tmp_path, "hooks.example.com")
    context.sni_callback = lambda _, name, __: heard.append(name)

    async def keep(request: web.Request) -> web.Response:
        hosts.append(request.headers["Host"])
        return web.Response()

    names = Names({"hooks.example.com": [["127.0.0.1"]]})
    rules = Rules(allow=networks(["127.0.0.1/32"]))

    async def run() -> int:
        app = web.Application()
        app.router.add_post("/hook", keep)
        runner = web.AppRunner(app)
        await runner.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listening, ssl_context=context).start()
        port = listening.getsockname()[1]
        hosts.append(f"hooks.example.com:{port}")
        connector = guarded_connector(rules, resolver=names, ssl=trusting)
        async with aiohttp.ClientSession(connector=connector) as session:
            url = check_url(f"https://hooks.example.com:{port}/hook", rules)
            async with session.post(url, data=b"{}") as response:
                status = response.status
        await runner.cleanup()
        return status

    assert asyncio.run(run()) == 200
    assert heard == ["hooks.example.com"]
    assert hosts[0] == hosts[1]
    # The channel itself trusts only what the system trusts.
    assert "certificate" in _untrusted(context, names, rules).reason


def _untrusted(context: ssl.SSLContext, names: Names, rules: Rules) -> Outcome:
    async def run() -> Outcome:
        webhook = Webhook(rules=rules, resolver=names)
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        url = f"https://hooks.example.com:{port}/hook"
        outcome = await webhook.send(letter("webhook", url, secret=SECRET))
        await webhook.close()
        server.close()
        return outcome

    return asyncio.run(run())


def _spy(dialled: list[tuple[str, int]]):
    def dial(info):
        dialled.append(info[4][:2])
        raise ConnectionRefusedError(111, "no socket is opened in this test")

    return dial


def _dialled(url: str, names: Names, dialled: list) -> str:
    async def run() -> str:
        connector = guarded_connector(STRICT, resolver=names, dial=_spy(dialled))
        async with aiohttp.ClientSession(connector=connector) as session:
            return await _post(session, check_url(url))

    return asyncio.run(run())


async def _post(session: aiohttp.ClientSession, url: object) -> str:
    try:
        async with session.post(url, data=b"{}"):  # type: ignore[arg-type]
            return "answered"
    except TargetRefused:
        return "refused"
    except aiohttp.ClientConnectorError:
        return "cannot connect"
