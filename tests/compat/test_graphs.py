"""vt-graph-api as it comes from its registry. It knows one host only; the tests lead its requests to the server under test."""

import pytest
import requests
import vt_graph_api
from vt_graph_api import errors

from samples import sha256, unique

VIRUSTOTAL = "https://www.virustotal.com"


@pytest.fixture(autouse=True)
def led_here(server, monkeypatch):
    """Sends what goes to VirusTotal to the server under test; vt-graph-api itself stays as it is."""
    send = requests.Session.request

    def led(session, method, url, **more):
        assert url.startswith((VIRUSTOTAL, server.url)), url
        session.trust_env = False
        return send(session, method, url.replace(VIRUSTOTAL, server.url, 1), **more)

    monkeypatch.setattr(requests.Session, "request", led)


@pytest.fixture
def files(server) -> list[str]:
    """Two known files."""
    contents = [unique(), unique()]
    for content in contents:
        server.scan(content, "drawn.bin")
    return [sha256(content) for content in contents]


def drawn(key: str, files: list[str], **more) -> vt_graph_api.VTGraph:
    """A graph of two files and somebody."""
    graph = vt_graph_api.VTGraph(key, verbose=False, **more)
    graph.add_node(files[0], "file", label="dropper")
    graph.add_node(files[1], "file")
    graph.add_node("somebody", "actor", fetch_information=False)
    graph.add_link(files[0], files[1], "dropped_files")
    graph.add_link(files[0], "somebody", "manual")
    return graph


def test_a_graph_is_saved_loaded_and_saved_again(premium, files):
    graph = drawn(premium, files, name="From the library")
    graph.save_graph()
    assert graph.graph_id.startswith("g") and len(graph.graph_id) == 65
    assert graph.nodes[files[0]].attributes["sha256"] == files[0]

    loaded = vt_graph_api.VTGraph.load_graph(graph.graph_id, premium)
    assert (loaded.name, loaded.private, set(loaded.nodes)) == ("From the library", False, {*files, "somebody"})
    assert {(source, target) for source, target, _ in loaded.links} == {(files[0], files[1]), (files[0], "somebody")}

    loaded.name = "Renamed"
    loaded.save_graph()
    assert loaded.graph_id == graph.graph_id
    assert vt_graph_api.VTGraph.load_graph(graph.graph_id, premium).name == "Renamed"


def test_a_private_graph_is_shared_and_its_copy_is_not(server, premium, files):
    reader = server.account("graph-reader", "premium")
    graph = drawn(premium, files, name="Secret", private=True)
    graph.save_graph()
    with pytest.raises(errors.LoadError):
        vt_graph_api.VTGraph.load_graph(graph.graph_id, reader)
    graph.user_viewers = ["graph-reader"]
    graph.save_graph()
    loaded = vt_graph_api.VTGraph.load_graph(graph.graph_id, reader)
    assert (loaded.name, loaded.private, loaded.user_viewers) == ("Secret", True, ["graph-reader"])
    assert vt_graph_api.VTGraph.is_viewer("graph-reader", graph.graph_id, premium)
    assert not vt_graph_api.VTGraph.is_editor("graph-reader", graph.graph_id, premium)
    with pytest.raises(errors.SaveGraphError):
        loaded.save_graph()
    copy = vt_graph_api.VTGraph.clone_graph(graph.graph_id, reader, name="Mine")
    copy.save_graph()
    assert copy.graph_id != graph.graph_id


def test_a_collaborator_who_is_not_there_is_told(premium, files):
    graph = drawn(premium, files, name="Nobody", user_editors=["nobody-of-that-name"])
    with pytest.raises(errors.CollaboratorNotFoundError):
        graph.save_graph()


def test_a_graph_becomes_a_collection(server, premium, files):
    graph = drawn(premium, files, name="To gather")
    graph.save_graph()
    link = graph.create_collection(name="Gathered")
    made = server.get(f"/collections/{link.rsplit('/', 1)[1]}", premium).json()["data"]["attributes"]
    assert (made["name"], made["files_count"]) == ("Gathered", 2)


def test_a_graph_has_no_picture_and_says_so(premium, files, tmp_path):
    graph = drawn(premium, files, name="No picture")
    graph.save_graph()
    with pytest.raises(errors.DownloadScreenshotError):
        graph.download_screenshot(str(tmp_path))
