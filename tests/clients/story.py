"""Use a book of contacts with the client that openapi-generator makes: `story.py URL KEY`.

It runs in the environment of the generators (build/clients), with the client on its path. The models validate
each answer: a field that is missing, or of another type, ends the story.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import openapi_client as client
from openapi_client.exceptions import ApiException


def main(url: str, key: str) -> None:
    """Create, list, page, change, delete, restore, find duplicates, merge, and read the changes."""
    with client.ApiClient(client.Configuration(host=url, access_token=key)) as connection:
        api = client.ContactsApi(connection)
        entry = client.ContactsCreateRequestEmailsInner(address="ana@acme.example", label="work")
        asked = client.ContactsCreateRequest(first_name="Ana", last_name="García", emails=[entry], tags=["x"])
        answer = api.contacts_create_with_http_info(contacts_create_request=asked)
        ana, etag = answer.data.data, answer.headers["ETag"]
        assert (answer.status_code, ana.emails[0].address, ana.tags, ana.notes) == (
            201, "ana@acme.example", ["x"], None,
        )  # fmt: skip
        for number in range(3):
            api.contacts_create(None, named(f"Bo {number}"))

        first = api.contacts_list(limit=2).actual_instance
        assert isinstance(first, client.ContactPage)
        assert (first.meta.total, len(first.data), first.meta.has_more) == (4, 2, True)
        assert isinstance(api.contacts_list(format="compact").actual_instance, client.CompactPage)
        selection = api.contacts_list(fields="display_name").actual_instance
        assert isinstance(selection, client.SelectionPage)

        changed = api.contacts_update(ana.id, etag, company("Acme")).data
        assert (changed.company, changed.first_name) == ("Acme", "Ana")
        late = status_of(lambda: api.contacts_update(ana.id, etag, company("B")))
        assert late == 412

        operations = [
            client.ContactsBatchRequestOperationsInner(action="create", data={"display_name": "Cy"}),
            client.ContactsBatchRequestOperationsInner(action="create", data={}),
        ]
        batch = api.contacts_batch(
            contacts_batch_request=client.ContactsBatchRequest(operations=operations)
        ).data
        assert (batch.processed, batch.failed, batch.errors[0].code) == (1, 1, "VALIDATION_ERROR")
        made = batch.results[0].data.actual_instance
        assert isinstance(made, client.ContactRecord)

        trashed = api.contacts_delete(made.id).data.actual_instance
        assert isinstance(trashed, client.Trashed)
        assert trashed.deleted_at
        assert api.contacts_restore(made.id).data.deleted_at is None

        twin = api.contacts_create(None, named("Ana García")).data
        (pair,) = api.contacts_duplicates().data
        assert (pair.reason, {each.id for each in pair.contacts}) == ("name", {ana.id, twin.id})
        merged = api.contacts_merge(client.ContactsMergeRequest(into=ana.id, ids=[twin.id])).data
        assert (merged.id, merged.company) == (ana.id, "Acme")

        token = api.contacts_changes().meta.next
        removed = api.contacts_delete(made.id, permanent=True).data.actual_instance
        assert isinstance(removed, client.Removed)
        api.contacts_update(ana.id, None, company("Acme Labs"))
        changes = {
            each.data.actual_instance.id: (each.event, each.data.actual_instance)
            for each in api.contacts_changes(since=token).data
        }
        assert isinstance(changes[made.id][1], client.PurgedContact)
        assert (changes[ana.id][0], changes[ana.id][1].company) == ("contact.updated", "Acme Labs")
        assert api.contacts_get(ana.id).actual_instance.data.company == "Acme Labs"


def named(name: str) -> client.ContactsCreateRequest:
    """Return the body of a contact with this name."""
    return client.ContactsCreateRequest(display_name=name)


def company(name: str) -> client.ContactsUpdateRequest:
    """Return the body of a change of the company alone."""
    return client.ContactsUpdateRequest(company=name)


def status_of(call: Callable[[], object]) -> int:
    """Call; return the status of the error that it must answer."""
    try:
        call()
    except ApiException as error:
        return int(error.status)
    return 200


if __name__ == "__main__":
    main(*sys.argv[1:])
