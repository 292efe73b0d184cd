"""Comments, votes, collections and references through vt-py as it comes from its registry."""

import base64

import pytest
import vt

from samples import sha256, unique


@pytest.fixture
def file(server) -> str:
    """A known file."""
    content = unique()
    server.scan(content, "talked-about.bin")
    return sha256(content)


def comment(text: str) -> vt.Object:
    """A comment to be posted."""
    made = vt.Object("comment")
    made.text = text
    return made


def test_comments_are_posted_iterated_and_deleted(client, file):
    made = [client.post_object(f"/files/{file}/comments", obj=comment(f"number {n} #compat")) for n in range(3)]
    assert made[0].tags == ["compat"] and made[0].votes == {"positive": 0, "negative": 0, "abuse": 0}
    listed = [one.id for one in client.iterator(f"/files/{file}/comments", batch_size=2)]
    assert sorted(listed) == sorted(one.id for one in made)
    assert client.get_object(f"/comments/{made[0].id}").text == "number 0 #compat"
    answer = client.post(f"/comments/{made[0].id}/vote", json_data={"data": "positive"})
    assert answer.json()["data"]["positive"] == 1
    for one in made:
        client.delete(f"/comments/{one.id}")
    assert not list(client.iterator(f"/files/{file}/comments"))


def test_an_account_votes_once(client, file):
    vote = vt.Object("vote")
    vote.verdict = "malicious"
    assert client.post_object(f"/files/{file}/votes", obj=vote).value == -1
    with pytest.raises(vt.APIError) as refused:
        client.post_object(f"/files/{file}/votes", obj=vote)
    assert refused.value.code == "AlreadyExistsError"
    report = client.get_object(f"/files/{file}")
    assert (report.reputation, report.total_votes) == (-1, {"harmless": 0, "malicious": 1})


def test_a_collection_is_made_of_a_text_and_changed_as_in_the_examples(client, file):
    made = vt.Object("collection", obj_attributes={"name": "From vt-py", "description": "d"})
    made.set_data("raw_items", f"{file} and hxxps://evil[.]example.com/a, 192.0.2.7")
    made = client.post_object("/collections", obj=made)
    assert (made.files_count, made.urls_count, made.ip_addresses_count) == (1, 1, 1)
    change = vt.Object("collection", made.id)
    change.set_data("raw_items", "evil.example.com")
    client.patch_object(f"/collections/{made.id}", obj=change)
    read = client.get_object(f"/collections/{made.id}", params={"relationships": "urls"})
    assert read.domains_count == 1
    assert read.relationships["urls"]["data"][0]["context_attributes"]["url"] == "https://evil.example.com/a"
    assert [one.id for one in client.iterator(f"/collections/{made.id}/files")] == [file]
    client.delete(f"/collections/{made.id}/files", json_data={"data": [{"type": "file", "id": file}]})
    assert client.get_object(f"/collections/{made.id}").files_count == 0
    client.delete(f"/collections/{made.id}")
    with pytest.raises(vt.APIError) as gone:
        client.get_object(f"/collections/{made.id}")
    assert gone.value.code == "NotFoundError"


def test_a_reference_is_made_and_found_by_its_url(client):
    url = "https://blog.example.com/compat"
    name = base64.b64encode(url.encode()).decode().strip("=")
    assert client.get(f"/references/{name}").status == 404
    made = vt.Object("reference")
    made.url, made.title, made.author, made.creation_date = url, "A post", "Ann", "2026-01-02 03:04:05"
    made = client.post_object("/references", obj=made)
    assert client.get_object(f"/references/{name}").id == made.id
