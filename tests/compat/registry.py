"""Those whom a server asks about addresses: a name server (dnslib's, over UDP and TCP) and a registry that speaks RDAP."""

import http.server
import itertools
import json
import threading
import time

from dnslib import CAA, CNAME, MX, NS, QTYPE, RCODE, RR, SOA, TXT, A, AAAA, DNSLabel, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

SERIAL = (2026112401, 7200, 900, 1209600, 300)
LONG = "x" * 250

ZONE = {
    "example.com": [
        A("203.0.113.5"),
        AAAA("2001:db8::5"),
        MX("mail.example.com", 10),
        MX("backup.example.net", 20),
        NS("ns1.example.net"),
        SOA("ns1.example.net", "hostmaster.example.com", SERIAL),
        TXT([b"v=spf1 ", b"-all"]),
        CAA(0, "issue", "ca.example.org; policy=ev"),
        CAA(128, "iodef", "mailto:security@example.com"),
    ],
    "www.example.com": [CNAME("host.example.net")],
    "host.example.net": [A("203.0.113.6")],
    "many.example.com": [A(f"203.0.113.{number}") for number in range(200)] + [TXT([LONG] * 8)],
    "odd.example.com": [MX(".", 0), NS(DNSLabel([b"two words", b"example", b"net"])), TXT(["\x00\x07"])],
    "site.example.com": [A("127.0.0.1")],
}


class Cut(DNSHandler):
    """Over UDP what is longer than 512 bytes is left out, and asked for again over TCP."""

    def get_reply(self, data):
        """The answer, or that it is too long. The library's own way to say so leaves out the question, too."""
        reply = super().get_reply(data)
        if len(reply) <= 512:
            return reply
        cut = DNSRecord.parse(data).reply()
        cut.header.tc = 1
        return cut.pack()


class Kept(DNSHandler):
    """Over TCP a connection is there for more than one question, as name servers have it (RFC 7766)."""

    def handle(self):
        """Answers until the other side has no more questions."""
        self.protocol = "tcp"
        with self.request.makefile("rb") as questions:
            while length := questions.read(2):
                reply = self.get_reply(questions.read(int.from_bytes(length, "big")))
                self.request.sendall(len(reply).to_bytes(2, "big") + reply)


class NameServer(BaseResolver):
    """Answers out of `ZONE`, remembers what it was asked. `silent.example.com` gets no answer, and `rebinding.example.com` is
    127.0.0.1 when it is first asked and 127.0.0.2 from then on."""

    def __init__(self):
        self.asked: list[tuple[str, str]] = []
        self.rebinding = itertools.count()
        quiet = DNSLogger("-request,-reply,-truncated,-error,-recv,-send,-data")
        self.udp = DNSServer(self, "127.0.0.1", 0, handler=Cut, logger=quiet)
        self.port = self.udp.server.server_address[1]
        self.tcp = DNSServer(self, "127.0.0.1", self.port, tcp=True, handler=Kept, logger=quiet)
        self.udp.start_thread()
        self.tcp.start_thread()

    def stop(self):
        """Answers nobody any more."""
        self.udp.stop()
        self.tcp.stop()

    def resolve(self, request, handler):
        """Answers one question."""
        name, kind = str(request.q.qname).rstrip(".").lower(), QTYPE[request.q.qtype]
        self.asked.append((name, kind))
        reply = request.reply()
        if name == "silent.example.com":
            time.sleep(30)
        if name == "rebinding.example.com" and kind == "A":
            first = next(self.rebinding) == 0
            reply.add_answer(RR(name, QTYPE.A, rdata=A("127.0.0.1" if first else "127.0.0.2"), ttl=0))
            return reply
        known = False
        while records := ZONE.get(name):
            known = True
            alias = next((data for data in records if isinstance(data, CNAME)), None)
            for data in records:
                of_type = type(data).__name__
                if of_type in (kind, "CNAME"):
                    reply.add_answer(RR(name, getattr(QTYPE, of_type), rdata=data, ttl=300))
            if alias is None or kind == "CNAME":
                break
            name = str(alias.label).rstrip(".")
        if not known:
            reply.header.rcode = RCODE.NXDOMAIN
        return reply


def _domain(name: str) -> dict:
    return {
        "objectClassName": "domain",
        "handle": "1_DOMAIN_COM",
        "ldhName": name.upper(),
        "status": ["active"],
        "events": [
            {"eventAction": "registration", "eventDate": "1995-08-14T04:00:00Z"},
            {"eventAction": "expiration", "eventDate": "2027-08-13T04:00:00Z"},
            {"eventAction": "last changed", "eventDate": "2026-08-14T07:01:44Z"},
            {"eventAction": "last update of RDAP database", "eventDate": f"{time.time_ns()}"},
        ],
        "nameservers": [{"ldhName": "NS1.EXAMPLE.NET"}],
        "entities": [{"roles": ["registrar"], "vcardArray": ["vcard", [["fn", {}, "text", "A Registrar"]]]}],
    }


NETWORK = {
    "objectClassName": "ip network",
    "handle": "NET-8",
    "name": "EIGHT",
    "startAddress": "8.8.8.0",
    "endAddress": "8.8.8.255",
    "country": "US",
    "port43": "whois.arin.net",
    "cidr0_cidrs": [{"v4prefix": "8.8.8.0", "length": 24}],
    "entities": [{"roles": ["registrant"], "vcardArray": ["vcard", [["fn", {}, "text", "An Owner"]]]}],
}


class _Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        """Answers a question."""
        self.server.asked.append((self.path, self.headers["Accept"]))
        _, kind, name = self.path.split("/", 2)
        if name == "inward.com":
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.2:{self.server.server_port}/domain/{name}")
            self.end_headers()
            return
        answers = {"ip": json.dumps(NETWORK), "domain": json.dumps(_domain(name))}
        odd = {
            "unregistered.com": (404, "{}"),
            "nonsense.com": (200, "<html>not today</html>"),
            "other.com": (200, json.dumps(_domain("another.com"))),
            "endless.com": (200, json.dumps(_domain(name) | {"remarks": "x" * (3 << 20)})),
        }
        status, body = odd.get(name, (200, answers[kind]))
        self.send_response(status)
        self.send_header("Content-Type", "application/rdap+json")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format, *args):
        """Says nothing."""


class Registry:
    """A registry of domains under `com` and of addresses in 8.0.0.0/8. Knows what it was asked."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
        self.server.asked = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_port

    @property
    def asked(self) -> list[tuple[str, str]]:
        """The paths and what was accepted."""
        return self.server.asked

    def write_lists(self, folder) -> list[str]:
        """IANA's lists with this registry in them."""
        lists = {"dns.json": ["com"], "ipv4.json": ["8.0.0.0/8"]}
        for name, entries in lists.items():
            services = [[entries, [f"http://127.0.0.1:{self.port}/"]]]
            (folder / name).write_text(json.dumps({"version": "1.0", "services": services}))
        return [str(folder / name) for name in lists]

    def stop(self):
        """Answers nobody any more."""
        self.server.shutdown()
