"""vt-py as it comes, asynchronous: the same server under many requests of one client at once."""

import asyncio
import io

import pytest
import pytest_asyncio
import vt

from samples import sha256, unique, unique_malware


@pytest_asyncio.fixture
async def async_client(server, premium):
    """vt-py in a running event loop."""
    async with vt.Client(premium, host=server.url) as client:
        yield client


async def scan(client: vt.Client, content: bytes, within: float = 60) -> vt.Object:
    """Uploads and polls to the end."""
    analysis = await client.scan_file_async(io.BytesIO(content))
    async with asyncio.timeout(within):
        while (analysis := await client.get_object_async("/analyses/{}", analysis.id)).status != "completed":
            await asyncio.sleep(0.1)
    return analysis


async def test_many_files_are_scanned_at_once(async_client):
    contents = [unique_malware() for _ in range(20)]
    analyses = await asyncio.gather(*(scan(async_client, content) for content in contents))
    assert all(analysis.stats["malicious"] >= 1 for analysis in analyses)
    reports = await asyncio.gather(*(async_client.get_object_async("/files/{}", sha256(one)) for one in contents))
    assert [report.id for report in reports] == [sha256(content) for content in contents]


async def test_the_same_file_at_once_is_one_file_with_many_submissions(async_client):
    content = unique_malware()
    await asyncio.gather(*(scan(async_client, content) for _ in range(8)))
    report = await async_client.get_object_async("/files/{}", sha256(content))
    assert report.times_submitted == 8
    found = [item async for item in async_client.iterator(f"/files/{report.id}/submissions", batch_size=3)]
    assert len({item.id for item in found}) == 8


async def test_an_iterator_walks_pages_and_knows_its_meta(async_client, submitted_often):
    iterator = async_client.iterator(f"/files/{submitted_often}/submissions", batch_size=4)
    assert (await iterator.meta_async)["count"] == 7
    found = [item.id async for item in async_client.iterator(f"/files/{submitted_often}/submissions", batch_size=4)]
    assert len(set(found)) == 7


async def test_a_scan_is_waited_for(async_client, malware):
    copy = io.BytesIO()
    await async_client.download_file_async(malware["id"], copy)
    copy.seek(0)
    analysis = await async_client.scan_file_async(copy)
    analysis = await async_client.wait_for_analysis_completion(analysis)
    assert analysis.status == "completed"


async def test_a_file_is_downloaded_as_it_was(async_client):
    content = unique("download", 3 << 20)
    await scan(async_client, content)
    copy = io.BytesIO()
    await async_client.download_file_async(sha256(content), copy)
    assert copy.getvalue() == content


async def test_errors_have_their_code(async_client, server, malware):
    with pytest.raises(vt.APIError) as caught:
        await async_client.get_object_async("/files/{}", "f" * 40)
    assert caught.value.code == "NotFoundError"
    with pytest.raises(vt.APIError) as caught:
        await async_client.get_json_async("/files/{}", "no hash")
    assert caught.value.code in ("InvalidArgumentError", "BadRequestError")
    async with vt.Client("a" * 64, host=server.url) as stranger:
        with pytest.raises(vt.APIError) as caught:
            await stranger.get_object_async("/files/{}", malware["id"])
    assert caught.value.code == "WrongCredentialsError"


async def test_clients_at_once_cannot_overspend(server, public, malware):
    """Four a minute are four, however many ask in the same moment."""

    async def one(client: vt.Client) -> str:
        try:
            await client.get_object_async("/files/{}", malware["id"])
        except vt.APIError as error:
            return error.code
        return "granted"

    async with vt.Client(public, host=server.url) as client:
        outcomes = await asyncio.gather(*(one(client) for _ in range(40)))
    assert outcomes.count("granted") == 4 and outcomes.count("QuotaExceededError") == 36
