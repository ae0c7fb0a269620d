"""Lint rule: what shard routines may read of the registry, so that shards can move to clusters of their own.

The directory (DIRECTORY) can be copied to every cluster: it changes seldom, and a copy may be some
milliseconds old. Everything else of `yp` changes all the time, or is of use in one place only. Those who read
it today stand in EXCEPTIONS; the list gets shorter and never longer (docs/scaling.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from service.lint.finding import Violations
from service.schema.sqltext import code_only

if TYPE_CHECKING:
    from service.lint.migrations import ScriptText
    from service.lint.routines import RoutineText

DIRECTORY = frozenset(
    {
        *("drumate", "entity", "hub", "permission", "token", "contact_block"),
        # functions that read these alone
        *("drumate_find", "hub_level", "is_blocked"),
        # reads nothing
        "transaction_missing",
    }
)
PRESENCE = frozenset(
    {
        "chat_room",
        "contact_card",
        "contact_search_live",
        "drumate_online_state",
        "presence_recipients",
        "presence_state",
    }
)
EXCEPTIONS = {
    # presence: to be a narrow table that is written on change and copied as the directory is
    "socket": PRESENCE,
    "conference": PRESENCE - {"contact_search_live", "presence_recipients"},
    # recipients of pushes: to be asked by uid after the commit, once for all of them
    "user_sockets": frozenset(
        [
            "acknowledge_message",
            "archive_entity",
            "call_log",
            "channel_delete",
            "contact_block_view",
            "contact_group_delete",
            "contact_group_member_add",
            "contact_group_member_remove",
            "contact_group_rename",
            "contact_group_set_avatar",
            "contact_invite",
            "contact_invite_declined",
            "contact_invite_informed",
            "contact_invite_post",
            "contact_invite_refuse",
            "contact_invite_refused_peer",
            "contact_notification_by_entity",
            "contact_peer_gone",
            "contact_purge",
            "message_drop",
            "message_post",
            "message_seen",
            "my_contact_add",
            "my_contact_create",
            "my_contact_detail_delete",
            "my_contact_form",
            "my_contact_merge",
            "my_contact_patch",
            "my_contact_restore",
            "my_contact_replace",
            "my_contact_set_defaults",
            "my_contact_store",
            "my_contact_trash",
            "my_contact_update",
            "notification_remove",
            "shareroom_contact_get",
        ]
    ),
    "hub_member_sockets": frozenset({"channel_acknowledge", "channel_delete", "channel_post"}),
    # the lock of an owner or a pair: to be a row of the owner in the shard
    "contact_pair_lock": frozenset(
        [
            "contact_block_view",
            "contact_catch_up",
            "contact_group_add",
            "contact_group_lock",
            "contact_group_rename",
            "contact_lock",
            "my_contact_import",
            "my_contact_import_book",
            "my_contact_import_group",
            "my_contact_merge",
            "my_contact_purge",
            "my_contact_restore",
            "my_contact_replace",
            "my_contact_store",
            "my_contact_trash",
            "my_contacts_catch_up",
            "tag_add",
            "tag_assign",
            "tag_remove",
            "tag_rename",
        ]
    ),
    # which deploy was last: to be a journal for each cluster
    "deploy_run": frozenset({"contact_sweep"}),
    "deploy_item": frozenset({"contact_sweep"}),
}
"""What is no directory, and the routines and views of shards that use it."""

NAMED = re.compile(r"(?<![\w.`])`?yp`?\s*\.\s*`?(?P<name>\w+)", re.IGNORECASE)
WRITES = re.compile(
    r"\b(?:INSERT|REPLACE)\s+(?:IGNORE\s+)?(?:INTO\s+)?`?yp`?\s*\.|\bUPDATE\s+(?:IGNORE\s+)?`?yp`?\s*\."
    r"|\bDELETE\s+(?:\w+\s+)?FROM\s+`?yp`?\s*\.",
    re.IGNORECASE,
)


def registry_names(code: str) -> Iterator[tuple[int, str]]:
    """Return (offset, name) of everything of the registry in the code of a shard."""
    for match in NAMED.finditer(code):
        yield match.start(), match["name"].lower()


def shards_read_the_directory(r: RoutineText | ScriptText) -> Violations:
    """A shard on a cluster of its own has a copy of the directory and nothing else of the registry."""
    scope, name = (r.routine.scope, r.routine.name) if hasattr(r, "routine") else (r.scope, r.path.stem)
    if scope != "shard":
        return
    code = code_only(r.routine.body) if hasattr(r, "routine") else r.code
    for place, used in registry_names(code):
        if used not in DIRECTORY and name not in EXCEPTIONS.get(used, frozenset()):
            yield (
                r.body_start + place,
                f"yp.{used} is not in the directory: let the service pass what is needed, or return "
                "uids instead of sockets; a new exception in service/lint/directory.py needs a decision",
            )
    for match in WRITES.finditer(code):
        yield r.body_start + match.start(), "writes to the registry: the service calls a routine of yp"
