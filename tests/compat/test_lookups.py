"""What a server learns of domains and IP addresses from a real name server and a real registry, with vt-py as it comes."""

import socket
import time

import pytest
import vt

from assay import Server
from registry import NameServer, Registry
from sites import serving_site
from test_urls import completed


@pytest.fixture(scope="module")
def name_server():
    """A name server."""
    server = NameServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def registry():
    """A registry."""
    registry = Registry()
    yield registry
    registry.stop()


@pytest.fixture(scope="module")
def site():
    """A site on this machine."""
    with serving_site() as port:
        yield port


@pytest.fixture(scope="module")
def asking(tmp_path_factory, name_server, registry, site):
    """A server that asks both, and fetches URLs."""
    folder = tmp_path_factory.mktemp("asking")
    config = folder / "assay.toml"
    config.write_text(
        f"""
        [dns]
        look_up = "on"
        servers = ["127.0.0.1:{name_server.port}"]
        never = ["internal.example.com"]
        patience = "1s"
        [rdap]
        look_up = "on"
        ports = [{registry.port}]
        allow = ["127.0.0.1/32"]
        [intel]
        registries = {registry.write_lists(folder)}
        [urls]
        fetch = "on"
        ports = [{site}]
        allow = ["127.0.0.1/32"]
        """
    )
    server = Server(folder, "--config", str(config))
    yield server.start()
    assert server.stop() == 0


@pytest.fixture
def client(asking):
    """vt-py with the operator's key."""
    with asking.client() as client:
        yield client


def looked_up(client: vt.Client, path: str) -> vt.Object:
    """The report of a domain or an IP address after an analysis."""
    analysis = client.post(f"{path}/analyse").json()["data"]["id"]
    completed(client, client.get_object(f"/analyses/{analysis}"))
    return client.get_object(path)


def related(client: vt.Client, path: str) -> dict[str, dict]:
    """The members of a relationship with what is said about them."""
    return {member.id: getattr(member, "context_attributes", {}) for member in client.iterator(path)}


def test_the_records_of_a_domain_are_told_and_become_edges(client):
    report = looked_up(client, "/domains/example.com")
    assert abs(report.last_dns_records_date.timestamp() - time.time()) < 60
    records = {(record["type"], record["value"]): record for record in report.last_dns_records}
    assert records["A", "203.0.113.5"] == {"type": "A", "value": "203.0.113.5", "ttl": 300}
    assert records["MX", "mail.example.com"]["priority"] == 10
    soa = {"rname": "hostmaster.example.com", "serial": 2026112401, "refresh": 7200, "retry": 900, "expire": 1209600}
    assert records["SOA", "ns1.example.net"] == {"type": "SOA", "value": "ns1.example.net", "ttl": 300, "minimum": 300} | soa
    assert ("TXT", "v=spf1 -all") in records and ("AAAA", "2001:db8::5") in records
    caa = records["CAA", "ca.example.org; policy=ev"]
    assert (caa["flag"], caa["tag"]) == (0, "issue")
    assert records["CAA", "mailto:security@example.com"]["flag"] == 128
    assert len(records) == 9

    assert set(related(client, "/domains/example.com/resolutions")) == {
        "203.0.113.5example.com",
        "2001:db8::5example.com",
    }
    mail = related(client, "/domains/example.com/mx_records")
    assert set(mail) == {"mail.example.com", "backup.example.net"}
    assert mail["backup.example.net"]["priority"] == 20 and mail["backup.example.net"]["timestamp"]
    assert related(client, "/domains/example.com/soa_records")["ns1.example.net"]["serial"] == 2026112401
    assert set(related(client, "/domains/example.com/ns_records")) == {"ns1.example.net"}
    assert related(client, "/domains/example.com/caa_records")["ca.example.org"]["tag"] == "issue"
    assert "mail.example.com" in related(client, "/domains/example.com/subdomains")
    assert "example.com" in {one.host_name for one in client.iterator("/ip_addresses/203.0.113.5/resolutions")}


def test_an_alias_has_the_addresses_of_what_it_stands_for(client):
    report = looked_up(client, "/domains/www.example.com")
    records = [(record["type"], record["value"]) for record in report.last_dns_records]
    assert records == [("A", "203.0.113.6"), ("CNAME", "host.example.net")]
    assert set(related(client, "/domains/www.example.com/cname_records")) == {"host.example.net"}


def test_a_long_answer_is_asked_for_over_tcp_and_cut_at_fifty_a_type(client):
    report = looked_up(client, "/domains/many.example.com")
    kinds = [record["type"] for record in report.last_dns_records]
    assert kinds.count("A") == 50
    (text,) = [record["value"] for record in report.last_dns_records if record["type"] == "TXT"]
    assert text == "x" * 2000


def test_odd_records_are_told_and_disturb_nobody(client):
    report = looked_up(client, "/domains/odd.example.com")
    assert {"type": "MX", "value": ".", "ttl": 300, "priority": 0} in report.last_dns_records
    assert related(client, "/domains/odd.example.com/mx_records") == {}


def test_a_domain_that_does_not_exist_has_no_records_and_a_date(client):
    report = looked_up(client, "/domains/nowhere.example.com")
    assert report.get("last_dns_records") is None and report.last_dns_records_date


def test_a_name_server_that_is_silent_is_not_waited_for(client):
    started = time.monotonic()
    report = looked_up(client, "/domains/silent.example.com")
    assert time.monotonic() - started < 15
    assert report.get("last_dns_records_date") is None


@pytest.mark.parametrize(
    "name", ["internal.example.com", "host.internal.example.com", "host.internal", "printer.local", "x.onion", "localhost"]
)
def test_inner_names_are_not_asked_for(client, name_server, name):
    looked_up(client, f"/domains/{name}")
    assert not [asked for asked, _ in name_server.asked if asked == name]


def test_the_registration_of_a_domain_is_told_and_kept(client, registry):
    report = looked_up(client, "/domains/registered.com")
    assert report.registrar == "A Registrar"
    dates = [report.creation_date, report.last_update_date, report.expiration_date]
    assert [int(date.timestamp()) for date in dates] == [808372800, 1786690904, 1818129600]
    assert report.whois.startswith("Domain Name: registered.com\n") and report.whois_date
    assert report.rdap["ldh_name"] == "REGISTERED.COM"
    (whois,) = client.iterator("/domains/registered.com/historical_whois")
    assert whois.registrar_name == "A Registrar" and whois.whois_map["Name Server"] == "ns1.example.net"
    assert client.get_object(f"/whois/{whois.id}").whois_map == whois.whois_map
    assert registry.asked[-1] == ("/domain/registered.com", "application/rdap+json, application/json;q=0.5")
    # A name below it: the registry is not asked again, and both have the same record.
    below = looked_up(client, "/domains/a.b.registered.com")
    assert below.registrar == "A Registrar"
    assert [one.id for one in client.iterator("/domains/a.b.registered.com/historical_whois")] == [whois.id]
    assert len([path for path, _ in registry.asked if "registered.com" in path and "un" not in path]) == 1


def test_the_registration_of_an_address_is_told_and_survives_the_next_analysis(client, registry):
    for _ in range(2):
        report = looked_up(client, "/ip_addresses/8.8.8.8")
        assert (report.country, report.network, report.regional_internet_registry) == ("US", "8.8.8.0/24", "ARIN")
        assert "An Owner" in report.whois and report.rdap["cidr0_cidrs"][0]["length"] == 24
    assert len([path for path, _ in registry.asked if path == "/ip/8.8.8.8"]) == 1
    (whois,) = client.iterator("/ip_addresses/8.8.8.8/historical_whois")
    assert whois.whois_map["NetName"] == "EIGHT"


@pytest.mark.parametrize("name", ["unregistered.com", "nonsense.com", "other.com", "endless.com", "inward.com"])
def test_an_answer_that_is_none_leaves_the_report_as_it_was(client, registry, name):
    report = looked_up(client, f"/domains/{name}")
    assert report.get("whois") is None and report.get("registrar") is None
    assert f"/domain/{name}" in [path for path, _ in registry.asked]


@pytest.mark.parametrize("path", ["/domains/nobody.org", "/ip_addresses/10.0.0.1", "/ip_addresses/9.9.9.9"])
def test_what_no_list_names_is_asked_of_nobody(client, registry, path):
    before = len(registry.asked)
    assert looked_up(client, path).get("whois") is None
    assert len(registry.asked) == before


def test_a_url_that_is_scanned_tells_of_its_host(client, site):
    completed(client, client.scan_url(f"http://site.example.com:{site}/new"))
    report = client.get_object("/domains/site.example.com")
    assert [record["value"] for record in report.last_dns_records] == ["127.0.0.1"]
    assert report.registrar == "A Registrar"
    url = client.get_object("/urls/{}", vt.url_id(f"http://site.example.com:{site}/new"))
    assert url.title == "A shop"


def test_a_name_that_rebinds_leads_to_no_inner_address(client, name_server, site):
    """The same port at 127.0.0.2, which may not be called: whoever calls there is seen."""
    with socket.create_server(("127.0.0.2", site)) as inner:
        inner.settimeout(0.1)
        outcomes = []
        for number in range(3):
            url = f"http://rebinding.example.com:{site}/{number}"
            completed(client, client.scan_url(url))
            outcomes.append(client.get_object("/urls/{}", vt.url_id(url)).last_fetch_outcome)
        with pytest.raises(TimeoutError):
            inner.accept()
    assert all("loopback" in outcome for outcome in outcomes[1:]), outcomes
    assert len([name for name, _ in name_server.asked if name == "rebinding.example.com"]) >= 3


def test_nobody_is_asked_unless_the_operator_says_so(server, operator, name_server, registry):
    before = len(name_server.asked), len(registry.asked)
    with vt.Client(operator, host=server.url) as client:
        report = looked_up(client, "/domains/quiet.example.com")
    assert report.get("last_dns_records_date") is None and report.get("whois") is None
    assert (len(name_server.asked), len(registry.asked)) == before
