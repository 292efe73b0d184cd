"""The whole public look-up surface, asked of a broker and of the Assay that plays VirusTotal: every answer is the same but for
`meta.assay`, the order of engines, and the host in links."""

import base64
import json

import pytest
import vt

from assay import Server
from original import Original, add
from samples import archive, unique, unique_malware

# What a caller's own votes are is not the contract's to say; the rest is not every contract's.
NOT_FORWARDED = {
    "user_votes", "references", "related_attack_techniques", "related_references", "related_threat_actors", "associations",
    "attack_techniques", "malware_families", "software_toolkits", "campaigns", "reports", "related_reports", "vulnerabilities",
}
URL = "https://shop.example.com/pay?id=7"
COLLECTIONS = {"file": "files", "url": "urls", "domain": "domains", "ip_address": "ip_addresses"}


class Both:
    """The original and the broker, asked alike by accounts of the same kind."""

    def __init__(self, folder):
        (folder / "original").mkdir(), (folder / "broker").mkdir()
        self.original = Original(Server(folder / "original").start())
        self.there, self.here = self.original.server, Server(folder / "broker").start()
        add(self.here, self.there.url, self.original.accounts[0])
        self.keys = (self.there.account("person", "premium"), self.here.account("person", "premium"))
        self.asked = self.forwarded = 0
        self.objects = {}

    def get(self, path: str):
        """Both answers; fails where they differ."""
        there, here = self.there.get(path, self.keys[0]), self.here.get(path, self.keys[1])
        assert here.status_code == there.status_code, f"{path}: {there.text} {here.text}"
        one, other = bare(there.json(), self.there.url), bare(here.json(), self.here.url)
        assert one == other, path
        self.asked += 1
        self.forwarded += here.json().get("meta", {}).get("assay", {}).get("origin") == "upstream"
        return there.json(), here

    def pages(self, path: str) -> list:
        """Page by page, one item each, by the broker's own cursors; at most three."""
        items, separator = [], "&" if "?" in path else "?"
        address = f"{path}{separator}limit=1"
        for _ in range(3):
            document, here = self.get(address)
            items += document["data"] if isinstance(document["data"], list) else []
            cursor = here.json()["meta"].get("cursor")
            if not cursor:
                break
            address = f"{path}{separator}limit=1&cursor={cursor}"
        return items


def bare(document: dict, url: str) -> dict:
    """An answer without what may differ. Comparing dictionaries leaves the order of engines out."""
    document = json.loads(json.dumps(document).replace(url, "http://host"))
    meta = document.get("meta", {})
    meta.pop("assay", None)
    if not meta:
        document.pop("meta", None)
    return document


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Objects of the four kinds, with analyses, comments and votes by several people."""
    both = Both(tmp_path_factory.mktemp("both"))
    server = both.there
    malware = server.scan(unique_malware(), "malware.zip")
    holder = server.scan(archive(**{"a.txt": b"see https://shop.example.com/pay and 8.8.8.8 " + unique("a")}), "b.zip")
    for _ in range(3):
        answer = server.post("/urls", data={"url": URL})
        assert answer.status_code == 200, answer.text
        server.analysis(answer.json()["data"]["id"])
    for path in ("/domains/shop.example.com/analyse", "/ip_addresses/8.8.8.8/analyse"):
        server.analysis(server.post(path).json()["data"]["id"])
    url = base64.urlsafe_b64encode(URL.encode()).decode().rstrip("=")
    both.objects = {
        "file": [malware["id"], malware["attributes"]["md5"].upper(), holder["id"]],
        "url": [server.get(f"/urls/{url}").json()["data"]["id"], url],
        "domain": ["shop.example.com"],
        "ip_address": ["8.8.8.8"],
    }
    voters = [server.account(f"voter-{number}", "premium") for number in range(3)]
    for kind, (name, *_) in both.objects.items():
        for number, voter in enumerate(voters):
            text = f"Number {number} on this, #tag{number}"
            comment = {"data": {"type": "comment", "attributes": {"text": text}}}
            assert server.post(f"/{COLLECTIONS[kind]}/{name}/comments", voter, json=comment).status_code == 200
            vote = {"data": {"type": "vote", "attributes": {"verdict": "malicious" if number else "harmless"}}}
            assert server.post(f"/{COLLECTIONS[kind]}/{name}/votes", voter, json=vote).status_code == 200
    yield both
    both.there.kill9(), both.here.kill9()


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_objects_their_relationships_and_both_pages_of_each_are_the_same(both, kind):
    relationships = both.there.get("/metadata").json()["data"]["relationships"][kind]
    names = {entry["name"] for entry in relationships}
    paged = {}
    for name in both.objects[kind]:
        base = f"/{COLLECTIONS[kind]}/{name}"
        both.get(base)
        both.get(f"{base}?attributes=last_analysis_stats,reputation")
        both.get(f"{base}?exclude_attributes=last_analysis_results")
        both.get(f"{base}?relationships=comments,votes")
        # Ours alone: VirusTotal's URLs have none.
        not_forwarded = NOT_FORWARDED | ({"screenshots"} if kind == "url" else set())
        for relationship in names - not_forwarded:
            for path in (f"{base}/{relationship}", f"{base}/relationships/{relationship}"):
                paged[relationship] = max(paged.get(relationship, 0), len(both.pages(path)))
            both.get(f"{base}/{relationship}?descriptors_only=true&limit=2")
        for relationship in names & not_forwarded:
            refused = both.here.get(f"{base}/{relationship}", both.keys[1])
            assert refused.status_code == 404, (relationship, refused.text)
    assert paged["comments"] == 3 and paged["votes"] == 3, paged
    assert both.forwarded > both.asked * 3 // 4, (both.forwarded, both.asked)


def test_what_is_linked_to_by_its_id_is_the_same(both):
    """Also what is asked for by the id that an answer of the broker has shown."""
    paths = []
    for kind, (name, *_) in both.objects.items():
        base = f"/{COLLECTIONS[kind]}/{name}"
        names = {"comments", "votes"} | ({"submissions"} if kind in ("file", "url") else set())
        names |= {"analyses"} if kind in ("file", "url") else set()
        for relationship in sorted(names):
            _, here = both.get(f"{base}/relationships/{relationship}")
            paths += [f"/{item['type'].replace('analysis', 'analyse')}s/{item['id']}" for item in here.json()["data"]]
    assert {path.split("/")[1] for path in paths} == {"comments", "votes", "analyses", "submissions"}
    for path in paths:
        _, here = both.get(path)
        assert here.json()["meta"]["assay"]["origin"] == "upstream", path
        if path.startswith(("/comments", "/analyses")):
            both.get(f"{path}/item"), both.get(f"{path}/relationships/item")
            both.get(f"{path}?relationships=item")
    unknown = f"f-{'0' * 64}-2fa03e13"
    for path in (f"/comments/{unknown}", f"/votes/{unknown}", f"/analyses/u-{'0' * 64}-1700000000", f"/whois/{'0' * 64}"):
        both.get(path)


def test_searches_are_the_same(both):
    for query in [*(name for names in both.objects.values() for name in names[:1]), URL, "#tag1", "shop.example.com"]:
        document, here = both.get(f"/search?query={query.replace('#', '%23').replace('?', '%3F').replace('&', '%26')}")
        assert document["data"], query
        assert here.json()["meta"]["assay"]["origin"] == "upstream"
    first = both.pages("/search?query=%23tag2")
    assert len(first) == 3
    # Words of a comment are free text, which does not leave; the caller is told.
    kept = both.here.get("/search?query=Number", both.keys[1]).json()
    assert kept["data"] == [] and "free text" in kept["meta"]["assay"]["not_asked"]


def test_errors_are_the_same(both):
    for path in [
        f"/files/{'0' * 64}", f"/files/{'0' * 32}", "/files/nonsense", "/domains/no-such-name.example.com", "/domains/..",
        "/ip_addresses/9.9.9.9", "/ip_addresses/300.1.1.1", f"/urls/{'0' * 64}", "/urls/!", "/search?query=",
        "/search?query=x&limit=0",
        f"/files/{'0' * 64}/comments", f"/domains/no-such-name.example.com/votes",
        f"/files/{both.objects['file'][0]}/comments?limit=0", f"/files/{both.objects['file'][0]}/comments?limit=x",
        f"/files/{both.objects['file'][0]}/comments?cursor=damaged", f"/files/{both.objects['file'][0]}?relationships=nonsense",
        "/intelligence/search", "/nonsense",
    ]:
        document, _ = both.get(path)
        assert document["error"]["code"], path


def test_vt_py_cannot_tell_them_apart(both):
    with vt.Client(both.keys[0], host=both.there.url) as there, vt.Client(both.keys[1], host=both.here.url) as here:
        for kind, (name, *_) in both.objects.items():
            path = f"/{COLLECTIONS[kind]}/{name}"
            assert there.get_object(path).to_dict()["attributes"] == here.get_object(path).to_dict()["attributes"]
            for list_name in ("comments", "votes"):
                lists = [
                    [(item.id, item.to_dict()["attributes"]) for item in client.iterator(f"{path}/{list_name}", batch_size=2)]
                    for client in (there, here)
                ]
                assert lists[0] == lists[1] and len(lists[0]) == 3, path


def test_api_v2_is_the_same(both):
    for what in [
        *(f"file/report?resource={name}" for name in both.objects["file"]), f"file/report?resource={'0' * 64}",
        f"url/report?resource={URL.replace('?', '%3F')}", f"url/report?resource={both.objects['url'][0]}",
        "domain/report?domain=shop.example.com", "domain/report?domain=no-such-name.example.com", "ip-address/report?ip=8.8.8.8",
        "ip-address/report?ip=nonsense",
    ]:
        answers = [
            json.loads(server.get(f"{server.url}/vtapi/v2/{what}&apikey={key}", None).text.replace(server.url, "http://host"))
            for server, key in zip((both.there, both.here), both.keys, strict=True)
        ]
        assert answers[0] == answers[1], what


def test_what_was_asked_is_asked_once(both):
    name = both.objects["domain"][0]
    paths = [f"/domains/{name}", f"/domains/{name}/comments?limit=1", f"/search?query={name}"]
    for path in paths:
        assert both.here.get(path, both.keys[1]).status_code == 200
    before = both.original.used()
    for path in paths * 20:
        assert both.here.get(path, both.keys[1]).status_code == 200
    assert both.original.used() == before
