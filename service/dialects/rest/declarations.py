"""What this API takes and answers: the declarations that validate, and of which OpenAPI is made."""

from __future__ import annotations

from typing import Any

Declared = dict[str, dict[str, Any]]

SCOPES = ("agent", "system", "sync")
SORTS = ["display_name", "created_at", "updated_at", "company"]
MAX_LIMIT = 100
CHANGES_LIMIT = 500
BATCH = 100
FOR_SYNC = ("source", "source_id", "synced_at")
"""Fields that only keys of scope system and sync write; of others they are ignored."""


def _line(doc: str, example: str, limit: int = 255, **more: Any) -> dict[str, Any]:
    return {"type": "string", "nullable": True, "maxLength": limit, "doc": doc, "example": example, **more}


def _list(doc: str, properties: Declared) -> dict[str, Any]:
    example = {name: p["example"] for name, p in properties.items()}
    item = {"type": "object", "properties": properties}
    return {
        "type": "array", "nullable": True, "maxItems": 100, "items": item, "doc": doc, "example": [example],
    }  # fmt: skip


PRIMARY = {"type": "boolean", "doc": "At most one is; the first when none is.", "example": True}
EMAILS: Declared = {
    "address": {
        "type": "string", "format": "email", "required": True, "maxLength": 255,
        "doc": "The address.", "example": "ana@acme.example",
    },
    "label": _line("work, personal, other, or any word.", "work", 32),
    "primary": PRIMARY,
}  # fmt: skip
PHONES: Declared = {
    "number": {
        "type": "string", "required": True, "minLength": 1, "maxLength": 81,
        "doc": "The number as it is dialled.", "example": "+34 612345678",
    },
    "label": _line("mobile, work, home, other, or any word.", "mobile", 32),
    "primary": PRIMARY,
}  # fmt: skip
ADDRESSES: Declared = {
    "street": _line("Street and number.", "Calle Mayor 1"),
    "city": _line("City.", "Madrid"),
    "state": _line("State or region.", "Madrid"),
    "postal_code": _line("Postal code.", "28013", 32),
    "country": _line("Country.", "Spain"),
    "label": _line("home, work, or any word.", "work", 32),
}
CONTACT: Declared = {
    "display_name": _line("The name that is shown; null: made of first and last name.", "Ana García"),
    "first_name": _line("First name.", "Ana"),
    "last_name": _line("Last name.", "García"),
    "emails": _list("E-mail addresses; each belongs to one contact only.", EMAILS),
    "phones": _list("Phone numbers.", PHONES),
    "company": _line("Company.", "Acme Labs"),
    "job_title": _line("Job title.", "Head of Partnerships"),
    "addresses": _list("Postal addresses.", ADDRESSES),
    "notes": _line("Free text.", "Met in Lisbon", 16_383, format="text"),
    "avatar_path": _line("Where the picture is; null removes an uploaded one.", "/pictures/ana.webp", 1024),
    "tags": {
        "type": "array", "nullable": True, "maxItems": 100,
        "items": {"type": "string", "minLength": 1, "maxLength": 255},
        "doc": "Names of tags; new ones are made.", "example": ["partnership"],
    },
    "custom_fields": {
        "type": "object", "nullable": True, "maxBytes": 65_535,
        "doc": "Any keys and values.", "example": {"birthday": "1990-05-15"},
    },
    "source": _line(
        "Where it comes from: local, filemail, csv, vcf, google, or another word (written by keys of scope "
        "system and sync only).",
        "google_contacts", 32,
    ),
    "source_id": _line("Its id there (keys of scope system and sync only).", "c123"),
    "synced_at": {
        "type": "string", "format": "date-time", "nullable": True,
        "doc": "When it was compared with its source (keys of scope system and sync only).",
        "example": "2026-02-16T10:30:00.123Z",
    },
}  # fmt: skip


def _out(kind: str, doc: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "doc": doc, **more}


ID = _out("string", "The contact, a UUID.", format="uuid")
TIME = {"format": "date-time", "nullable": True}
RECORD: Declared = {
    "id": ID,
    **{
        name: {key: value for key, value in p.items() if key not in {"maxLength", "maxItems", "example"}}
        for name, p in CONTACT.items()
    },
    "created_at": _out("string", "When it was made.", format="date-time"),
    "updated_at": _out("string", "When it was changed last.", format="date-time"),
    "deleted_at": _out("string", "When it was thrown away.", **TIME),
    "archived": _out("boolean", "Whether it is put aside."),
    "groups": _out("array", "Names of its groups.", items={"type": "string"}),
}
FIELDS = [
    "id", "display_name", "first_name", "last_name", "emails", "phones", "company", "job_title", "addresses",
    "notes", "avatar_path", "tags", "custom_fields", "source", "source_id", "created_at", "updated_at",
    "synced_at", "deleted_at", "archived", "groups",
]  # fmt: skip
"""Names that `fields` takes, in the order of the record."""

META = _out(
    "object",
    "The page.",
    properties={
        "total": _out("integer", "Contacts that the filters match."),
        "limit": _out("integer", "Contacts of a page."),
        "offset": _out("integer", "Contacts before this page."),
        "has_more": _out("boolean", "Whether there are more after it."),
    },
)


def _flag(doc: str) -> dict[str, Any]:
    return {"type": "boolean", "default": False, "doc": doc, "example": True}


INCLUDE_DELETED = _flag("Also those in the trash.")
ONLY_FIELDS = {
    "type": "string", "maxLength": 1024, "example": "display_name,emails",
    "enum_list": FIELDS, "doc": "Names of fields, separated by commas; id always comes along.",
}  # fmt: skip
LIMIT = {
    "type": "integer", "min": 1, "default": 20, "example": 20,
    "doc": f"Contacts of a page; more than {MAX_LIMIT} count as {MAX_LIMIT}.",
}  # fmt: skip
LIST: Declared = {
    "limit": LIMIT,
    "offset": {
        "type": "integer", "min": 0, "max": 2**31 - 1, "default": 0, "example": 0,
        "doc": "Contacts to leave out before.",
    },
    "sort": {
        "type": "string", "enum": SORTS, "default": "display_name", "example": "company", "doc": "Order by.",
    },
    "order": {
        "type": "string", "enum": ["asc", "desc"], "default": "asc", "example": "desc", "doc": "Direction.",
    },
    "search": {
        "type": "string", "maxLength": 255, "example": "ana lisbon",
        "doc": "Words, each of which begins a word of the names, mails, company or notes, or is in a number.",
    },
    "tag": {
        "type": "array", "maxItems": 20, "items": {"type": "string", "maxLength": 255},
        "example": ["partnership"], "doc": "Has this tag; repeated: all of them.",
    },
    "company": {
        "type": "string", "maxLength": 255, "example": "acme", "doc": "Part of the company's name.",
    },
    "source": {"type": "string", "maxLength": 32, "example": "local", "doc": "Comes from there."},
    "include_deleted": INCLUDE_DELETED,
    "only_deleted": _flag("Only those in the trash."),
    "fields": ONLY_FIELDS,
    "format": {
        "type": "string", "enum": ["json", "compact"], "default": "json", "example": "json",
        "doc": "compact: a line a contact, for language models; not together with fields.",
    },
}  # fmt: skip
ONE: Declared = {"include_deleted": INCLUDE_DELETED, "fields": ONLY_FIELDS}
DELETE: Declared = {"permanent": _flag("Gone for good, also out of the trash.")}
SINCE = {
    "type": "string", "pattern": "^[0-9]{1,18}$", "example": "0",
    "doc": "What `meta.next` said the last time; absent: from the beginning.",
}  # fmt: skip
CHANGES: Declared = {
    "since": SINCE,
    "limit": {
        "type": "integer", "min": 1, "default": 100, "example": 100,
        "doc": f"Changes of a page; more than {CHANGES_LIMIT} count as {CHANGES_LIMIT}.",
    },
}  # fmt: skip
DUPLICATES: Declared = {
    "after": {
        "type": "string", "maxLength": 300, "example": "name:ana", "doc": "What `meta.next` said last time.",
    },
    "limit": LIMIT,
}  # fmt: skip

LOGIN: Declared = {
    "email": {
        "type": "string", "required": True, "minLength": 1, "maxLength": 255,
        "doc": "Address, or user name.", "example": "alice@example.org",
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
REFRESH: Declared = {"refresh_token": {**REFRESH_TOKEN, "required": True}}
LOGOUT: Declared = {"refresh_token": REFRESH_TOKEN}

USER = {
    "type": "string", "minLength": 1, "maxLength": 255, "example": "00000000-0000-4000-8a10-000000000000",
}  # fmt: skip
SCOPE = {
    "type": "string", "enum": list(SCOPES), "example": "agent",
    "doc": "agent acts for that person; system and sync for whom each request names.",
}  # fmt: skip
KEYS: Declared = {
    "user_id": {**USER, "doc": "Only those of this person."},
    "scope": {**SCOPE, "doc": "Only those of this scope."},
}
NEW_KEY: Declared = {
    "user_id": {**USER, "doc": "Whose key: id, or e-mail address. Absent: whom X-Claw-User-Id names."},
    "scope": {**SCOPE, "default": "agent"},
    "label": _line("What it is for.", "address book of my phone", 64),
}

KEY_OF_CONTACT = {
    "type": "string", "minLength": 1, "maxLength": 64, "doc": "A contact, by UUID.",
    "example": "00000000-0000-4c01-8000-000000000000",
}  # fmt: skip
MERGE: Declared = {
    "into": {**KEY_OF_CONTACT, "required": True, "doc": "The contact that stays."},
    "ids": {
        "type": "array", "required": True, "minItems": 1, "maxItems": 20, "items": KEY_OF_CONTACT,
        "doc": "Contacts that become part of it and are gone.",
        "example": ["00000000-0000-4c02-8000-000000000000"],
    },
}  # fmt: skip
ACTIONS = ["create", "update", "custom", "delete", "purge", "restore"]
ACTION = {"type": "string", "enum": ACTIONS, "doc": "What to do.", "example": "create"}
OPERATION: Declared = {
    "action": {**ACTION, "required": True},
    "id": {**KEY_OF_CONTACT, "doc": "The contact, unless it is created."},
    "data": {
        "type": "object", "doc": "The body of create, update and custom.", "example": {"first_name": "Ana"},
    },
    "if_match": {
        "type": "string", "maxLength": 255, "doc": "As the header If-Match.", "example": "*",
    },
}  # fmt: skip
BATCH_BODY: Declared = {
    "operations": {
        "type": "array", "minItems": 1, "maxItems": BATCH,
        "items": {"type": "object", "properties": OPERATION}, "doc": "One after the other, each on its own.",
        "example": [{"action": "create", "data": {"first_name": "Ana"}}],
    },
    "ids": {
        "type": "array", "minItems": 1, "maxItems": BATCH, "items": KEY_OF_CONTACT,
        "doc": "The short form: the same action with all of these.", "example": [KEY_OF_CONTACT["example"]],
    },
    "action": {
        **ACTION, "enum": [each for each in ACTIONS if each != "create"], "example": "update",
        "doc": "What to do with them.",
    },
    "params": {
        "type": "object", "doc": "The data of that action.", "example": {"company": "Acme Labs"},
    },
}  # fmt: skip
