"""Declare parameters and answers of this API. Validation and the OpenAPI document follow from them."""

from __future__ import annotations

from typing import Any

from service.webhooks.events import PATTERNS

Declarations = dict[str, dict[str, Any]]

SCOPES = ("agent", "system", "sync", "carddav")
SORTS = ["display_name", "created_at", "updated_at", "company"]
MAX_LIMIT = 100
CHANGES_LIMIT = 500
BATCH = 100
FOR_SYNC = ("source", "source_id", "synced_at")
"""Fields that only keys of scope system and sync write; they are ignored in requests of others."""


def _line(doc: str, example: str, limit: int = 255, **more: Any) -> dict[str, Any]:
    return {"type": "string", "nullable": True, "maxLength": limit, "doc": doc, "example": example, **more}


def _list(doc: str, properties: Declarations, **more: Any) -> dict[str, Any]:
    example = {name: p["example"] for name, p in properties.items()}
    item = {"type": "object", "properties": properties, **more}
    return {
        "type": "array", "nullable": True, "maxItems": 100, "items": item, "doc": doc, "example": [example],
    }  # fmt: skip


PRIMARY = {
    "type": "boolean",
    "doc": "At most one entry is primary; without one, the first entry is.",
    "example": True,
}
EMAILS: Declarations = {
    "address": {
        "type": "string", "format": "email", "required": True, "maxLength": 255,
        "doc": "The address.", "example": "ana@acme.example",
    },
    "label": _line("work, personal, other, or any other word.", "work", 32),
    "primary": PRIMARY,
}  # fmt: skip
PHONES: Declarations = {
    "number": {
        "type": "string", "required": True, "minLength": 1, "maxLength": 81,
        "doc": "The number as it is dialled.", "example": "+34 612345678",
    },
    "label": _line("mobile, work, home, other, or any other word.", "mobile", 32),
    "primary": PRIMARY,
}  # fmt: skip
ADDRESSES: Declarations = {
    "street": _line("Street and number.", "Calle Mayor 1"),
    "city": _line("City.", "Madrid"),
    "state": _line("State or region.", "Madrid"),
    "postal_code": _line("Postal code.", "28013", 32),
    "country": _line("Country.", "Spain"),
    "label": _line("home, work, or any other word.", "work", 32),
}
CONTACT: Declarations = {
    "display_name": _line("The display name; null: built from first and last name.", "Ana García"),
    "first_name": _line("First name.", "Ana"),
    "last_name": _line("Last name.", "García"),
    "emails": _list(
        "Email addresses. A bare string is taken for the `address` of an entry.", EMAILS, short="address"
    ),
    "phones": _list("Phone numbers.", PHONES),
    "company": _line("Company.", "Acme Labs"),
    "job_title": _line("Job title.", "Head of Partnerships"),
    "addresses": _list("Postal addresses.", ADDRESSES),
    "notes": _line("Free text.", "Met in Lisbon", 16_383, format="text"),
    "avatar_path": _line("Path of the picture; null removes an uploaded one.", "/pictures/ana.webp", 1024),
    "tags": {
        "type": "array", "nullable": True, "maxItems": 100,
        "items": {"type": "string", "minLength": 1, "maxLength": 255},
        "doc": "Names of tags; unknown ones are created.", "example": ["partnership"],
    },
    "custom_fields": {
        "type": "object", "nullable": True, "maxBytes": 65_535,
        "doc": "Any keys and values.", "example": {"birthday": "1990-05-15"},
    },
    "extra": {
        "type": "object", "nullable": True, "maxBytes": 65_535,
        "doc": "What a card says and no other field holds; absent: nothing. The keys prefix, middle_name, "
        "suffix and department, or the name of a vCard property in lower case, hold arrays of objects: "
        "`value` (a string, or an array of strings when it has parts), and perhaps `label` (a string) and "
        "`params` (an object of arrays of strings, such as TYPE). It is written as a whole.",
        "example": {
            "bday": [{"value": "1990-05-15"}],
            "url": [{"value": "https://ana.example", "label": "Blog", "params": {"TYPE": ["HOME"]}}],
        },
    },
    "source": _line(
        "The origin: local, filemail, csv, vcf, google, or another word (written by keys of scope "
        "system and sync only).",
        "google_contacts", 32,
    ),
    "source_id": _line("Its id at the origin (keys of scope system and sync only).", "c123"),
    "synced_at": {
        "type": "string", "format": "date-time", "nullable": True,
        "doc": "Time of the last synchronization with the origin (keys of scope system and sync only).",
        "example": "2026-02-16T10:30:00.123Z",
    },
}  # fmt: skip


def _out(kind: str, doc: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "doc": doc, **more}


ID = _out("string", "The contact, a UUID.", format="uuid")
TIME = {"format": "date-time", "nullable": True}
RECORD: Declarations = {
    "id": ID,
    **{
        name: {key: value for key, value in p.items() if key not in {"maxLength", "maxItems", "example"}}
        for name, p in CONTACT.items()
    },
    "created_at": _out("string", "Time of creation.", format="date-time"),
    "updated_at": _out("string", "Time of the last change.", format="date-time"),
    "deleted_at": _out("string", "Time at which it was moved to the trash.", **TIME),
    "archived": _out("boolean", "True when it is archived."),
    "groups": _out("array", "Names of its groups.", items={"type": "string"}),
}
FIELDS = [
    "id", "display_name", "first_name", "last_name", "emails", "phones", "company", "job_title", "addresses",
    "notes", "avatar_path", "tags", "custom_fields", "source", "source_id", "created_at", "updated_at",
    "synced_at", "deleted_at", "archived", "groups", "extra",
]  # fmt: skip
"""Names that the parameter `fields` accepts, in the order of a record."""

META = _out(
    "object",
    "The page.",
    properties={
        "total": _out("integer", "Number of contacts that match the filters."),
        "limit": _out("integer", "Contacts on a page."),
        "offset": _out("integer", "Contacts before this page."),
        "has_more": _out("boolean", "True when more follow."),
        "total_is_floor": _out("boolean", "True, or absent: more contacts match than the total says."),
    },
)


def _flag(doc: str) -> dict[str, Any]:
    return {"type": "boolean", "default": False, "doc": doc, "example": True}


INCLUDE_DELETED = _flag("Include contacts in the trash.")
ONLY_FIELDS = {
    "type": "string", "maxLength": 1024, "example": "display_name,emails",
    "enum_list": FIELDS, "doc": "Names of fields, separated by commas; id is always included.",
}  # fmt: skip
LIMIT = {
    "type": "integer", "min": 1, "default": 20, "example": 20,
    "doc": f"Contacts on a page; a value above {MAX_LIMIT} counts as {MAX_LIMIT}.",
}  # fmt: skip
LIST: Declarations = {
    "limit": LIMIT,
    "offset": {
        "type": "integer", "min": 0, "max": 2**31 - 1, "default": 0, "example": 0,
        "doc": "Contacts to skip.",
    },
    "sort": {
        "type": "string", "enum": SORTS, "default": "display_name", "example": "company", "doc": "Order by.",
    },
    "order": {
        "type": "string", "enum": ["asc", "desc"], "default": "asc", "example": "desc", "doc": "Direction.",
    },
    "search": {
        "type": "string", "maxLength": 255, "example": "ana lisbon",
        "doc": "Words. Each must begin a word of the names, emails, company or notes, or occur in a number.",
    },
    "tag": {
        "type": "array", "maxItems": 20, "items": {"type": "string", "maxLength": 255},
        "example": ["partnership"], "doc": "Contacts with this tag; repeated: with all of them.",
    },
    "company": {
        "type": "string", "maxLength": 255, "example": "acme", "doc": "Part of the company name.",
    },
    "source": {"type": "string", "maxLength": 32, "example": "local", "doc": "Origin of the contacts."},
    "include_deleted": INCLUDE_DELETED,
    "only_deleted": _flag("Only contacts in the trash."),
    "total": {
        "type": "string", "enum": ["floor", "exact"], "default": "floor", "example": "exact",
        "doc": "floor: a total above 1,000 may be a floor (`meta.total_is_floor`); exact: all are counted.",
    },
    "fields": ONLY_FIELDS,
    "format": {
        "type": "string", "enum": ["json", "compact"], "default": "json", "example": "json",
        "doc": "compact: one line for each contact, for language models; excludes `fields`.",
    },
}  # fmt: skip
ONE: Declarations = {"include_deleted": INCLUDE_DELETED, "fields": ONLY_FIELDS}
DELETE: Declarations = {"permanent": _flag("Delete permanently, from the trash as well.")}
SINCE = {
    "type": "string", "pattern": "^[0-9]{1,18}$", "example": "0",
    "doc": "`meta.next` of the last answer; absent: from the beginning.",
}  # fmt: skip
CHANGES: Declarations = {
    "since": SINCE,
    "limit": {
        "type": "integer", "min": 1, "default": 100, "example": 100,
        "doc": f"Changes on a page; a value above {CHANGES_LIMIT} counts as {CHANGES_LIMIT}.",
    },
}  # fmt: skip
LOAD: Declarations = {
    "update": {
        "type": "string", "enum": ["add", "replace", "skip"], "example": "add",
        "doc": "For people who are known already. add: they get what they lack; replace: the texts and lists "
        "of the file take the place of theirs; skip: they stay as they are.",
    },
    "filename": {"type": "string", "maxLength": 255, "example": "people.vcf", "doc": "Name for the report."},
    "charset": {
        "type": "string", "maxLength": 40, "example": "windows-1252",
        "doc": "Encoding of the file, when the detection is wrong.",
    },
}  # fmt: skip
DUPLICATES: Declarations = {
    "after": {
        "type": "string", "maxLength": 300, "example": "name:ana", "doc": "`meta.next` of the last answer.",
    },
    "limit": LIMIT,
}  # fmt: skip

LOGIN: Declarations = {
    "email": {
        "type": "string", "required": True, "minLength": 1, "maxLength": 255,
        "doc": "Email address or user name.", "example": "alice@example.org",
    },
    "password": {
        "type": "string", "format": "secret", "required": True, "minLength": 1, "maxLength": 1024,
        "doc": "Password.", "example": "demo-password",
    },
}  # fmt: skip
REFRESH_TOKEN = {
    "type": "string", "format": "secret", "minLength": 1, "maxLength": 255,
    "doc": "Refresh token.", "example": "clr_000000000000000000000000000000000000000000000000",
}  # fmt: skip
REFRESH: Declarations = {"refresh_token": {**REFRESH_TOKEN, "required": True}}
LOGOUT: Declarations = {"refresh_token": REFRESH_TOKEN}
END_SESSIONS: Declarations = {"keep_current": _flag("The sign-in of the access token goes on.")}
END_OTHER_SESSIONS: Declarations = {
    "current_id": {
        "type": "string", "maxLength": 64, "example": "8c7a1f2be4d05936",
        "doc": "Empty: the sign-in that calls ends, too. Otherwise it goes on, whatever this says.",
    },
}  # fmt: skip
ACCOUNT: Declarations = {
    "display_name": {
        "type": "string", "minLength": 1, "maxLength": 200,
        "doc": "First and last name.", "example": "Alice Ardent",
    },
    "avatar_path": {
        "type": "string", "nullable": True, "maxLength": 1024,
        "doc": "null. Users have no pictures here: a path is refused with 422.", "example": None,
    },
}  # fmt: skip
CHANGE_PASSWORD: Declarations = {
    "current_password": {
        "type": "string", "format": "secret", "required": True, "minLength": 1, "maxLength": 1024,
        "doc": "The present password.", "example": "four quiet green boats",
    },
    "new_password": {
        "type": "string", "format": "secret", "required": True, "minLength": 1, "maxLength": 1024,
        "doc": "The new one: at least 8 characters, and not easy to guess.",
        "example": "nine loud yellow trains",
    },
}  # fmt: skip
FORGOT_PASSWORD: Declarations = {
    "email": {
        "type": "string", "format": "email", "required": True, "maxLength": 255,
        "doc": "Address of the account.", "example": "alice@example.org",
    },
}  # fmt: skip

USER = {
    "type": "string", "minLength": 1, "maxLength": 255, "example": "00000000-0000-4000-8a10-000000000000",
}  # fmt: skip
SCOPE = {
    "type": "string", "enum": list(SCOPES), "example": "agent",
    "doc": "agent acts for its user; system and sync act for the user that each request names; carddav is an "
    "app password, which opens the address book of its user to a CardDAV client, and nothing else.",
}  # fmt: skip
KEYS: Declarations = {
    "user_id": {**USER, "doc": "Only keys of this user."},
    "scope": {**SCOPE, "doc": "Only keys of this scope."},
}
NEW_KEY: Declarations = {
    "user_id": {
        **USER,
        "doc": "Id or email address of the user of the key. Absent: the user that X-Claw-User-Id names.",
    },
    "scope": {**SCOPE, "default": "agent"},
    "label": _line("The purpose of the key.", "address book of my phone", 64),
}
NEW_APP_PASSWORD: Declarations = {
    "name": {
        "type": "string", "required": True, "minLength": 1, "maxLength": 64,
        "doc": "Name of the device.", "example": "My phone",
    },
}  # fmt: skip

KEY_OF_CONTACT = {
    "type": "string", "minLength": 1, "maxLength": 64, "doc": "A contact, by UUID.",
    "example": "00000000-0000-4c01-8000-000000000000",
}  # fmt: skip
MERGE: Declarations = {
    "into": {**KEY_OF_CONTACT, "required": True, "doc": "The contact that remains."},
    "ids": {
        "type": "array", "required": True, "minItems": 1, "maxItems": 20, "items": KEY_OF_CONTACT,
        "doc": "Contacts to merge into it; they are deleted.",
        "example": ["00000000-0000-4c02-8000-000000000000"],
    },
}  # fmt: skip
REVISION = {
    "type": "string", "pattern": "^[0-9]{1,18}$", "example": "17",
}  # fmt: skip
HISTORY: Declarations = {
    "before": {**REVISION, "doc": "`meta.next` of the last answer; absent: the newest changes."},
    "limit": LIMIT,
}
REVERT: Declarations = {
    "to": {
        **REVISION, "required": True,
        "doc": "A revision of the last 30 days: `rev` of a change, or the ETag of an earlier answer.",
    },
}  # fmt: skip
UNDO: Declarations = {
    "change_set": {
        "type": "string", "pattern": "^[0-9a-f]{16}$", "required": True, "example": "8c7a1f2be4d05936",
        "doc": "`change_set` of a change in the history: all that it has changed is taken back.",
    },
    "force": _flag("Contacts that were changed again are taken back as well."),
}  # fmt: skip
CHANGE: Declarations = {
    "rev": _out("string", "Revision of the address book after the change."),
    "event": _out("string", "created, updated, deleted (moved to the trash) or restored."),
    "at": _out("string", "Time of the change.", format="date-time"),
    "actor": _out("string", "User who caused it; null: nobody, as by hand.", nullable=True),
    "actor_name": _out("string", "Name of that user.", nullable=True),
    "api": _out("string", "rpc, login-token, rest, carddav, shell, system, or sql for a change by hand."),
    "change_set": _out(
        "string", "The same for all changes of a merge, an import or a revert.", nullable=True
    ),
}  # fmt: skip
ACTIONS = ["create", "update", "custom", "delete", "purge", "restore"]
ACTION = {"type": "string", "enum": ACTIONS, "doc": "What to do.", "example": "create"}
OPERATION: Declarations = {
    "action": {**ACTION, "required": True},
    "id": {**KEY_OF_CONTACT, "doc": "The contact; absent for create."},
    "data": {
        "type": "object", "doc": "The body of create, update and custom.", "example": {"first_name": "Ana"},
    },
    "if_match": {
        "type": "string", "maxLength": 255, "doc": "As the header If-Match.", "example": "*",
    },
}  # fmt: skip
BATCH_BODY: Declarations = {
    "operations": {
        "type": "array", "minItems": 1, "maxItems": BATCH,
        "items": {"type": "object", "properties": OPERATION}, "doc": "Run in order, each by itself.",
        "example": [{"action": "create", "data": {"first_name": "Ana"}}],
    },
    "ids": {
        "type": "array", "minItems": 1, "maxItems": BATCH, "items": KEY_OF_CONTACT,
        "doc": "Short form: contacts for one common action.", "example": [KEY_OF_CONTACT["example"]],
    },
    "action": {
        **ACTION, "enum": [each for each in ACTIONS if each != "create"], "example": "update",
        "doc": "The action for all `ids`.",
    },
    "params": {
        "type": "object", "doc": "The data of that action.", "example": {"company": "Acme Labs"},
    },
}  # fmt: skip

WEBHOOK_URL = {
    "type": "string", "minLength": 1, "maxLength": 2048, "example": "https://hooks.example/contacts",
    "doc": "An https:// URL in the internet, port 443 or 8443, without a user, a password or a fragment.",
}  # fmt: skip
WEBHOOK_EVENTS = {
    "type": "array", "minItems": 1, "maxItems": 32,
    "items": {"type": "string", "enum": list(PATTERNS)},
    "doc": "Types of events; `contact.*`: all of a kind; `*`: all.", "example": ["contact.*"],
}  # fmt: skip
WEBHOOK_LABEL = _line("The purpose.", "sync with the shop", 64)
NEW_WEBHOOK: Declarations = {
    "url": {**WEBHOOK_URL, "required": True},
    "events": {**WEBHOOK_EVENTS, "required": True},
    "label": WEBHOOK_LABEL,
}
WEBHOOK: Declarations = {
    "url": WEBHOOK_URL,
    "events": WEBHOOK_EVENTS,
    "label": WEBHOOK_LABEL,
    "active": {
        "type": "boolean", "example": True,
        "doc": "true: deliver, beginning with the events that wait; false: pause.",
    },
}  # fmt: skip
DELIVERIES: Declarations = {
    "before": {**REVISION, "doc": "`meta.next` of the last answer; absent: the newest deliveries."},
    "limit": LIMIT,
}
