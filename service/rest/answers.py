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
    page = output(json_schema(d.META), optional=("total_is_floor",))
    trashed = object_of(id=TEXT, deleted_at={**TEXT, "format": "date-time"})
    duplicate = object_of(
        reason=one_of("email", "name", "phone"),
        value=TEXT,
        count=INTEGER,
        contacts=list_of(ref("ContactRecord")),
    )
    return {
        "ContactRecord": record,
        "ContactSelection": {**record, "required": ["id"]},
        "ContactAnswer": _data(ref("ContactRecord")),
        "ContactDetails": _choice("ContactAnswer", "SelectedContact"),
        "SelectedContact": _data(ref("ContactSelection")),
        "ContactList": _choice("ContactPage", "CompactPage", "SelectionPage"),
        "ContactPage": _data(list_of(ref("ContactRecord")), meta=page, tier=TEXT),
        "SelectionPage": _data(list_of(ref("ContactSelection")), meta=page, tier=TEXT),
        "CompactPage": object_of(
            format={**TEXT, "const": "compact"},
            summary=TEXT,
            lines=list_of(TEXT),
            ids=list_of(TEXT),
            meta=page,
        ),
        "Duplicates": _data(
            list_of(duplicate), meta=object_of(limit=INTEGER, next=NULLABLE_TEXT, has_more=BOOLEAN)
        ),
        "Deletion": _data(_choice("Trashed", "Removed")),
        "Trashed": trashed,
        "Removed": object_of(id=TEXT, deleted=TRUE),
        "Deleted": _data(ref("Removed")),
        **_batch_schemas(),
    }


def _batch_schemas() -> dict[str, Schema]:
    error = object_of(code=one_of(*STATUSES), message=TEXT)
    error["properties"]["details"] = ANY
    failure = object_of(index=INTEGER, id=NULLABLE_TEXT, **error["properties"])
    failure["required"].remove("details")
    result = object_of(index=INTEGER, status=INTEGER, id=NULLABLE_TEXT)
    result["properties"] |= {
        "data": _choice("ContactRecord", "Trashed", "Removed"),
        "error": ref("BatchError"),
    }
    return {
        "BatchError": error,
        "BatchResult": result,
        "BatchFailure": failure,
        "Batch": _data(
            object_of(
                processed=INTEGER,
                failed=INTEGER,
                errors=list_of(ref("BatchFailure")),
                results=list_of(ref("BatchResult")),
            )
        ),
    }


def _change_schemas() -> dict[str, Schema]:
    purged = object_of(id=TEXT, permanent=TRUE)
    purged["properties"]["merged_into"] = TEXT
    entry = output(object_schema(d.CHANGE))
    entry["properties"]["changes"] = list_of(object_of(field=TEXT, before={}, after={}))
    entry["required"].append("changes")
    remainder = object_of(id=TEXT, name=NULLABLE_TEXT, reason=TEXT)
    page = {"next": NULLABLE_TEXT, "has_more": BOOLEAN}
    return {
        "PurgedContact": purged,
        "ContactChange": object_of(
            event=one_of("contact.created", "contact.updated", "contact.deleted", "contact.restored"),
            data=_choice("ContactRecord", "PurgedContact"),
        ),
        "Changes": _data(list_of(ref("ContactChange")), meta=object_of(next=TEXT, has_more=BOOLEAN)),
        "ContactHistory": _data(list_of(entry), meta=object_of(limit=INTEGER, **page)),
        "Undone": _data(object_of(reverted=INTEGER, left=list_of(remainder))),
        "Reverted": _data(ref("ContactRecord"), meta=object_of(left=list_of(TEXT))),
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
    report = object_of(
        id=TEXT,
        state=one_of("running", "done", "cancelled", "failed"),
        **dict.fromkeys(("reason", "api", "kind", "filename"), TEXT),
        update=one_of("add", "replace", "skip"),
        **dict.fromkeys(counts, INTEGER),
        created_at=TEXT,
        ended_at=NULLABLE_TEXT,
    )
    report["properties"] |= dict.fromkeys(("rejected", "known", "incomplete"), list_of(ANY))
    report["properties"] |= {"encoding": TEXT, "columns": ANY, "charset_doubt": ANY}
    return {
        "ImportReport": report,
        "ImportAnswer": _data(ref("ImportReport")),
        "Imports": _data(list_of(ref("ImportReport"))),
    }


def _account_schemas() -> dict[str, Schema]:
    user = {"id": TEXT, "email": TEXT, "display_name": TEXT, "role": TEXT}
    tokens = {"accessToken": TEXT, "refreshToken": TEXT}
    session = object_of(
        access_token=TEXT, refresh_token=TEXT, refresh_token_id=TEXT, token_type=TEXT, expires_in=INTEGER,
        user=ref("ApiUser"), **tokens,
    )  # fmt: skip
    sign_in = object_of(
        id=TEXT, kind=one_of("browser", "rest", "token"), device_label=TEXT, device_name=NULLABLE_TEXT,
        user_agent=TEXT, address=TEXT, ip_address=TEXT, created_at=TEXT, last_used_at=TEXT, last_seen_at=TEXT,
        expires_at=TEXT, current=BOOLEAN, is_current=BOOLEAN,
    )  # fmt: skip
    return {
        "ApiUser": object_of(**user),
        "Session": _data(session, **tokens, user=ref("ApiUser"), tier=TEXT),
        "Success": _data(object_of(success=TRUE)),
        "Account": _data(object_of(**user, avatar_path=NULLABLE_TEXT, password_changed_at=NULLABLE_TEXT)),
        "Sessions": _data(list_of(sign_in)),
        "Revoked": _data(object_of(revoked=INTEGER)),
        "Ended": _data(object_of(ended=INTEGER)),
    }


def _key_schemas() -> dict[str, Schema]:
    scope = one_of(*d.SCOPES)
    key = {
        "id": TEXT, "user_id": TEXT, "prefix": TEXT, "key_prefix": TEXT, "scope": scope,
        "scopes": list_of(scope), "label": NULLABLE_TEXT, "name": TEXT, "created_at": TEXT,
        "last_used_at": NULLABLE_TEXT,
    }  # fmt: skip
    app_password = {
        "id": TEXT, "name": TEXT, "prefix": TEXT, "created_at": TEXT, "last_used_at": NULLABLE_TEXT,
    }  # fmt: skip
    return {
        "Keys": _data(list_of(object_of(**key))),
        "NewKey": _data(object_of(key=TEXT, **key)),
        "AppPasswords": _data(list_of(object_of(**app_password))),
        "NewAppPassword": _data(
            object_of(**app_password, password=TEXT, username=TEXT, server=TEXT, setup_uri=TEXT, qr_code=TEXT)
        ),
    }


def _service_schemas() -> dict[str, Schema]:
    state = one_of("ok", "degraded")
    health = object_of(
        status=state,
        dependencies=object_of(database=state, redis=state),
        slow_databases=list_of(TEXT),
        home=TEXT,
        nodes={"type": "object", "additionalProperties": one_of("ready", "donor", "read_only", "down")},
        loops={"type": "object", "additionalProperties": one_of("late", "dead")},
        set_aside=INTEGER,
        time=INTEGER,
    )
    status = object_of(
        mode={**TEXT, "const": "multi_user"},
        setup_required=BOOLEAN,
        registration_enabled=BOOLEAN,
        two_factor_enabled=BOOLEAN,
    )
    error = object_of(code=one_of(*STATUSES), message=TEXT)
    error["properties"]["details"] = ANY
    return {"Health": _data(health), "Status": _data(status, tier=TEXT), "ApiError": object_of(error=error)}


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
    return object_of(data=schema, **more)


def object_of(**properties: Any) -> Schema:
    """Return the schema of an object that has all of these fields."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def list_of(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def one_of(*words: str) -> Schema:
    """Return the schema of a text that is one of these words."""
    return {"type": "string", "enum": list(words)}


def _choice(*names: str) -> Schema:
    return {"anyOf": [ref(name) for name in names]}
