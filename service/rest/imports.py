"""Operations on imports: load a file, read the report, cancel."""

from __future__ import annotations

from typing import Any

import orjson

from service.contacts import import_report
from service.contacts.encodings import codec_of
from service.contacts.import_report import LoadOptions
from service.contacts.importing import load_upload
from service.errors import RequestError
from service.ids import ID, to_wire
from service.rest.errors import invalid_query, rest_error
from service.rest.operation import ApiRequest, ApiResponse
from service.runtime.context import Upload
from service.store.database import documents
from service.web.timestamps import wire_seconds

CODES = {"WRONG_FORMAT": "UNSUPPORTED_MEDIA_TYPE", "BODY_TOO_LARGE": "PAYLOAD_TOO_LARGE"}
"""Codes of this API for those of a load."""


async def load(request: ApiRequest) -> ApiResponse:
    """Load an address book: the body is a vCard, jCard or CSV file. The answer is the report.

    People who are known get what they lack, unless `update` says otherwise.
    """
    query = request.query
    charset = query.get("charset", "")
    if charset and not codec_of(charset):
        raise invalid_query("charset", "encoding", "is no known encoding")
    if request.http.content_type.startswith("multipart/"):
        raise rest_error("UNSUPPORTED_MEDIA_TYPE", "Send the file itself as the body")
    if not request.http.can_read_body:
        raise rest_error("VALIDATION_ERROR", "The body is empty", {"field": "", "constraint": "required"})
    options = LoadOptions(query.get("update", "add"), "rest", query.get("filename", ""), charset)
    upload = Upload(options.filename, request.http.content)
    try:
        report = await load_upload(request.ctx, upload, lambda _: None, options)
    except RequestError as exc:
        raise rest_error(CODES[exc.code], exc.reason) if exc.code in CODES else exc from None
    return _answer(_wire_report(report))


async def find(request: ApiRequest) -> ApiResponse:
    """List the imports of the last week, newest first."""
    (report_rows,) = await request.ctx.shard("import_reports", import_report.PAGE_ENTRIES)
    return _answer([_wire_report(report) for report in documents(report_rows)])


async def get(request: ApiRequest) -> ApiResponse:
    """Get the report of an import, also of one that runs."""
    return _answer(_wire_report(await import_report.read(request.ctx, _import_id(request))))


async def cancel(request: ApiRequest) -> ApiResponse:
    """Cancel an import that runs; what it has stored stays. One that has ended stays as it is."""
    return _answer(_wire_report(await import_report.cancel(request.ctx, _import_id(request))))


async def rejected(request: ApiRequest) -> ApiResponse:
    """Get what an import rejected as a file that can be mended and loaded."""
    download = await import_report.rejected_file(request.ctx, _import_id(request))
    disposition = {"Content-Disposition": f'attachment; filename="{download.filename}"'}
    return ApiResponse(200, None, disposition, download.content_type, download.chunks)


def _import_id(request: ApiRequest) -> str:
    import_id = request.http.match_info["report"]
    if not ID.fullmatch(import_id):
        raise rest_error("NOT_FOUND", "No such import, or it is more than a week ago")
    return import_id


def _wire_report(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report with the ids and times of this API."""
    fields = {key: value for key, value in report.items() if key not in {"import_id", "ctime", "ended"}}
    fields["created_at"] = wire_seconds(report["ctime"])
    fields["ended_at"] = wire_seconds(report["ended"] or None)
    if "known" in fields:
        fields["known"] = [
            {**entry, "contact_id": entry["contact_id"] and to_wire(entry["contact_id"])}
            for entry in fields["known"]
        ]
    return fields


def _answer(data: Any) -> ApiResponse:
    return ApiResponse(200, orjson.dumps({"data": data}))
