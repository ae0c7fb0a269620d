"""The patterns that select the events of a socket."""

from __future__ import annotations

from service.rest.event_filter import EventFilter


def test_a_filter_selects_events_by_name() -> None:
    filter_ = EventFilter()
    assert filter_.wants("contact.created")
    filter_.unsubscribe({"contact.created"})
    assert (filter_.wants("contact.created"), filter_.wants("contact.deleted")) == (False, True)
    filter_.subscribe({"contact.created"})
    assert (filter_.wants("contact.created"), filter_.wants("contact.deleted")) == (True, False)
    filter_.unsubscribe({"*"})
    assert not filter_.wants("contact.created")
    assert filter_.fields == {"events": []}
    filter_.subscribe({"contact.*"})
    assert (filter_.wants("contact.created"), filter_.wants("note.created")) == (True, False)
    # The last filter counts.
    filter_.unsubscribe({"contact.updated"})
    assert filter_.fields == {"events": ["contact.*"], "except": ["contact.updated"]}
    filter_.unsubscribe({"contact.*"})
    assert (filter_.wants("contact.created"), filter_.fields) == (False, {"events": []})
    filter_.subscribe({"*"})
    filter_.unsubscribe({"contact.*"})
    filter_.subscribe({"contact.created"})
    results = [filter_.wants(f"contact.{event}") for event in ("created", "updated", "deleted", "restored")]
    assert results == [True, False, False, False]
    assert filter_.wants("note.created")
    filter_.subscribe({"*"})
    assert filter_.fields == {"events": ["*"]}
    assert filter_.wants("contact.updated")
