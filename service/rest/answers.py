"""Describe the answers of this API for the OpenAPI document: exactly, because generators make types of them.

An answer has all fields that its schema names, unless they are listed as optional; lists are never null. Each
schema that stands in a choice has a name, because generators make one up otherwise, and sometimes twice.
"""

from __future__ import annotations

from typing import Any

from service.rest import declarations as d
from service.rest.errors import STATUSES
from service.rest.schemas import json_schema, object_schema

Schema = dict[str, Any]

ANY = {"type": "object", "additionalProperties": True}
TEXT = {"type": "string"}
NULLABLE_TEXT = {"type": ["string", "null"]}
INTEGER = {"type": "integer"}
BOOLEAN = {"type": "boolean"}
TRUE = {"type": "boolean", "description": "Always true."}
"""Not a constant: openapi-generator compares it with a text."""
INPUT_ONLY = {"pattern", "minLength", "maxLength", "minItems", "maxItems", "default"}
"""Keywords for values that are sent; those of answers may come through other APIs."""


def answer_schemas() -> dict[str, Schema]:
    """Return the schemas of all answers by name, as `Operation.returns` gives it."""
    return {
        **_contact_schemas(),
        **_change_schemas(),
        **_import_schemas(),
        **_account_schemas(),
        **_key_schemas(),
        **_service_schemas(),
    }


def ref(name: str) -> Schema:
    """Return the reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _contact_schemas() -> dict[str, Schema]:
    record = output(object_schema(d.RECORD), optional=("extra",))
    page = output(json_schema(d.META))
    trashed = _object(id=TEXT, deleted_at={**TEXT, "format": "date-time"})
    duplicate = _object(
        reason=_words("email", "name", "phone"),
        value=TEXT,
        count=INTEGER,
        contacts=_list(ref("ContactRecord")),
    )
    return {
        "ContactRecord": record,
        "ContactSelection": {**record, "required": ["id"]},
        "ContactAnswer": _data(ref("ContactRecord")),
        "ContactDetails": _choice("ContactAnswer", "SelectedContact"),
        "SelectedContact": _data(ref("ContactSelection")),
        "ContactList": _choice("ContactPage", "CompactPage", "SelectionPage"),
        "ContactPage": _data(_list(ref("ContactRecord")), meta=page, tier=TEXT),
        "SelectionPage": _data(_list(ref("ContactSelection")), meta=page, tier=TEXT),
        "CompactPage": _object(
            format={**TEXT, "const": "compact"}, summary=TEXT, lines=_list(TEXT), ids=_list(TEXT), meta=page
        ),
        "Duplicates": _data(
            _list(duplicate), meta=_object(limit=INTEGER, next=NULLABLE_TEXT, has_more=BOOLEAN)
        ),
        "Deletion": _data(_choice("Trashed", "Removed")),
        "Trashed": trashed,
        "Removed": _object(id=TEXT, deleted=TRUE),
        "Deleted": _data(ref("Removed")),
        **_batch_schemas(),
    }


def _batch_schemas() -> dict[str, Schema]:
    error = _object(code=_words(*STATUSES), message=TEXT)
    error["properties"]["details"] = ANY
    failure = _object(index=INTEGER, id=NULLABLE_TEXT, **error["properties"])
    failure["required"].remove("details")
    result = _object(index=INTEGER, status=INTEGER, id=NULLABLE_TEXT)
    result["properties"] |= {
        "data": _choice("ContactRecord", "Trashed", "Removed"),
        "error": ref("BatchError"),
    }
    return {
        "BatchError": error,
        "BatchResult": result,
        "BatchFailure": failure,
        "Batch": _data(
            _object(
                processed=INTEGER,
                failed=INTEGER,
                errors=_list(ref("BatchFailure")),
                results=_list(ref("BatchResult")),
            )
        ),
    }


def _change_schemas() -> dict[str, Schema]:
    purged = _object(id=TEXT, permanent=TRUE)
    purged["properties"]["merged_into"] = TEXT
    entry = output(object_schema(d.CHANGE))
    entry["properties"]["changes"] = _list(_object(field=TEXT, before={}, after={}))
    entry["required"].append("changes")
    remainder = _object(id=TEXT, name=NULLABLE_TEXT, reason=TEXT)
    page = {"next": NULLABLE_TEXT, "has_more": BOOLEAN}
    return {
        "PurgedContact": purged,
        "ContactChange": _object(
            event=_words("contact.created", "contact.updated", "contact.deleted", "contact.restored"),
            data=_choice("ContactRecord", "PurgedContact"),
        ),
        "Changes": _data(_list(ref("ContactChange")), meta=_object(next=TEXT, has_more=BOOLEAN)),
        "ContactHistory": _data(_list(entry), meta=_object(limit=INTEGER, **page)),
        "Undone": _data(_object(reverted=INTEGER, left=_list(remainder))),
        "Reverted": _data(ref("ContactRecord"), meta=_object(left=_list(TEXT))),
    }


def _import_schemas() -> dict[str, Schema]:
    """Return the schema of a report. Those of a list have no entries."""
    counts = (
        "percent",
        "total",
        "loaded",
        "updated",
        "alreadyincontact",
        "noemail",
        "rejected_count",
        "groups",
    )
    report = _object(
        id=TEXT,
        state=_words("running", "done", "cancelled", "failed"),
        **dict.fromkeys(("reason", "api", "kind", "filename"), TEXT),
        update=_words("add", "replace", "skip"),
        **dict.fromkeys(counts, INTEGER),
        created_at=TEXT,
        ended_at=NULLABLE_TEXT,
    )
    report["properties"] |= dict.fromkeys(("rejected", "known", "incomplete"), _list(ANY))
    report["properties"] |= {"encoding": TEXT, "columns": ANY, "charset_doubt": ANY}
    return {
        "ImportReport": report,
        "ImportAnswer": _data(ref("ImportReport")),
        "Imports": _data(_list(ref("ImportReport"))),
    }


def _account_schemas() -> dict[str, Schema]:
    user = {"id": TEXT, "email": TEXT, "display_name": TEXT, "role": TEXT}
    tokens = {"accessToken": TEXT, "refreshToken": TEXT}
    session = _object(
        access_token=TEXT, refresh_token=TEXT, refresh_token_id=TEXT, token_type=TEXT, expires_in=INTEGER,
        user=ref("ApiUser"), **tokens,
    )  # fmt: skip
    sign_in = _object(
        id=TEXT, kind=_words("browser", "rest", "token"), device_label=TEXT, device_name=NULLABLE_TEXT,
        user_agent=TEXT, address=TEXT, ip_address=TEXT, created_at=TEXT, last_used_at=TEXT, last_seen_at=TEXT,
        expires_at=TEXT, current=BOOLEAN, is_current=BOOLEAN,
    )  # fmt: skip
    return {
        "ApiUser": _object(**user),
        "Session": _data(session, **tokens, user=ref("ApiUser"), tier=TEXT),
        "Success": _data(_object(success=TRUE)),
        "Account": _data(_object(**user, avatar_path=NULLABLE_TEXT, password_changed_at=NULLABLE_TEXT)),
        "Sessions": _data(_list(sign_in)),
        "Revoked": _data(_object(revoked=INTEGER)),
        "Ended": _data(_object(ended=INTEGER)),
    }


def _key_schemas() -> dict[str, Schema]:
    scope = _words(*d.SCOPES)
    key = {
        "id": TEXT, "user_id": TEXT, "prefix": TEXT, "key_prefix": TEXT, "scope": scope,
        "scopes": _list(scope), "label": NULLABLE_TEXT, "name": TEXT, "created_at": TEXT,
        "last_used_at": NULLABLE_TEXT,
    }  # fmt: skip
    app_password = {
        "id": TEXT, "name": TEXT, "prefix": TEXT, "created_at": TEXT, "last_used_at": NULLABLE_TEXT,
    }  # fmt: skip
    return {
        "Keys": _data(_list(_object(**key))),
        "NewKey": _data(_object(key=TEXT, **key)),
        "AppPasswords": _data(_list(_object(**app_password))),
        "NewAppPassword": _data(
            _object(**app_password, password=TEXT, username=TEXT, server=TEXT, setup_uri=TEXT, qr_code=TEXT)
        ),
    }


def _service_schemas() -> dict[str, Schema]:
    state = _words("ok", "degraded")
    health = _object(
        status=state,
        dependencies=_object(database=state, redis=state),
        slow_databases=_list(TEXT),
        home=TEXT,
        nodes={"type": "object", "additionalProperties": _words("ready", "donor", "read_only", "down")},
        loops={"type": "object", "additionalProperties": _words("late", "dead")},
        set_aside=INTEGER,
        time=INTEGER,
    )
    status = _object(
        mode={**TEXT, "const": "multi_user"},
        setup_required=BOOLEAN,
        registration_enabled=BOOLEAN,
        two_factor_enabled=BOOLEAN,
    )
    error = _object(code=_words(*STATUSES), message=TEXT)
    error["properties"]["details"] = ANY
    return {"Health": _data(health), "Status": _data(status, tier=TEXT), "ApiError": _object(error=error)}


def output(schema: Schema, optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an answer, made of one for values that are sent.

    All fields but the `optional` ones are there, and lists are not null.
    """
    answer = {keyword: value for keyword, value in schema.items() if keyword not in INPUT_ONLY}
    # Ids of all answers, and in paths, are of one type; addresses may be of no form that is known.
    if answer.get("format") in {"email", "uuid"}:
        del answer["format"]
    if "items" in answer:
        answer |= {"type": "array", "items": output(answer["items"])}
    if "properties" in answer:
        answer["properties"] = {name: output(field) for name, field in answer["properties"].items()}
        answer["required"] = [name for name in answer["properties"] if name not in optional]
    return answer


def _data(schema: Schema, **more: Schema) -> Schema:
    return _object(data=schema, **more)


def _object(**properties: Any) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _words(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def _choice(*names: str) -> Schema:
    return {"anyOf": [ref(name) for name in names]}
