"""Phone numbers survive the edit form of the Drumee frontend, however they were written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from service.contacts.form_numbers import for_form, from_form
from tests.support.address_files import upload
from tests.support.admin import Admin
from tests.support.people import FRONTEND, People
from tests.support.rest import ClientMaker

FORM = re.compile(r"^(\+|[0-9]+)[(]{0,1}[0-9]{1,4}[)]{0,1}[-\s./0-9]*$")
"""The pattern of the form's validator, for area code and number alike."""
AREACODES = st.one_of(
    st.sampled_from(["", "+", "+1", "+7", "+33", "+44", "+352", "33", "0033", "+44 1", "(0)", "+1-809"]),
    st.from_regex(r"\+?[0-9 ()-]{0,14}", fullmatch=True),
)
PHONES = st.one_of(
    st.sampled_from(
        [
            "555 0100",
            "1 44 27",
            "06.12.34.56.78",
            "(030) 123-456",
            "+1 (212) 555-0100",
            "01/44/27",
            "5550100",
            "0171 555 ext. 12",
            "1-800-FLOWERS",
            "Tel: 0171 22",
            "+33144276701",
            "tel:+44 20 7946 0001",
            "00 33 1",
        ]
    ),
    st.from_regex(r"\+?[0-9 ().\-/]{2,40}", fullmatch=True),
    st.text(min_size=2, max_size=40),
)


def form_shows(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the form has in its two fields."""
    return row["areacode"].replace("+", "", 1), row["phone"]


def form_sends(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form sends of a row that nobody has touched; its validators must let it pass."""
    for field in form_shows(row):
        assert not field.strip() or FORM.fullmatch(field.strip()), row
    areacode, phone = form_shows(row)
    areacode = areacode if "+" in areacode else f"+{areacode}"
    return {"areacode": areacode, "phone": phone, "category": row["category"]}


def is_number(areacode: str, phone: str) -> bool:
    """Return whether a number has a run of two digits and is not blank."""
    return bool(re.search(r"[0-9][ ().\-/\xa0]*[0-9]", f"{areacode} {phone}", re.ASCII)) and bool(
        phone.strip()
    )


@given(AREACODES, PHONES)
@example("+33", "1 44 27")
@example("+1", "555 0100")
@example("", "٣٣")
def test_the_form_takes_every_number_and_gives_it_back(areacode: str, phone: str) -> None:
    stored = {"areacode": areacode.strip(), "phone": phone.strip(), "category": "priv"}
    form_row = dict(zip(("areacode", "phone"), for_form(stored["areacode"], stored["phone"]), strict=True))
    if is_number(stored["areacode"], stored["phone"]):
        sent = form_sends({**stored, **form_row})
        (back,) = from_form([sent], [stored])
        assert (back["areacode"], back["phone"]) == (stored["areacode"], stored["phone"])
    else:
        assert form_row["phone"] == stored["phone"] or re.search("[0-9]", areacode + phone)


def test_numbers_of_one_form_come_back_in_their_order() -> None:
    stored = [{"areacode": "+33", "phone": phone} for phone in ("144276701", "1 44 27 67 01")]
    sent = [{"areacode": "+33", "phone": "144276701", "category": "priv"}] * 2
    assert [row["phone"] for row in from_form(sent, stored)] == ["144276701", "1 44 27 67 01"]
    changed = [{"areacode": "+33", "phone": "144276702"}]
    assert from_form(changed, stored) == changed


async def test_an_untouched_card_is_stored_as_before_whoever_wrote_it(
    people: People, admin: Admin, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    client = await client_of(person=alice)
    numbers = ["+1 555 0100", "(030) 123", "1 44 27", "555 0100 ext 9", "+44 (0)20 7946 0001", "0033 6"]
    phones = [
        {"number": number, "label": label, "primary": label == "fax"}
        for number, label in zip(numbers, ("home", "work", "fax", "other", "mobile", "boat"), strict=True)
    ]
    await client.add(first_name="Ada", emails=[{"address": "a@n.example", "label": "home"}], phones=phones)
    card = "BEGIN:VCARD\nVERSION:3.0\nFN:Bea\nEMAIL:b@n.example\nTEL;TYPE=FAX:+1-809-555 01\nEND:VCARD\n"
    await upload(alice, await alice.tab(), "b.vcf", card.encode())
    table = "First Name,E-mail,Phone\nCy,c@n.example,555 01 00\n"
    await upload(alice, await alice.tab(), "c.csv", table.encode())
    for match in await alice.ok("contact.show_contact"):
        query = "SELECT * FROM shard1.contact_phone WHERE contact_id = %s ORDER BY position"
        before = admin.rows(query, match["id"])
        record = (await client.get(f"/contacts/{match['id']}")).data
        assert before
        for _ in range(2):
            fetched = await alice.call("contact.get_contact", FRONTEND, contact_id=match["id"])
            mobile = [form_sends(row) for row in fetched.data["mobile"]]
            saved = await alice.call(
                "contact.update",
                FRONTEND,
                **{"contact_id": match["id"], "mobile": mobile, "firstname": fetched.data["firstname"]},
                **{"lastname": fetched.data["lastname"], "email": fetched.data["email"]},
            )
            assert saved.data["mobile"] == fetched.data["mobile"]
        assert admin.rows(query, match["id"]) == before
        after = (await client.get(f"/contacts/{match['id']}")).data
        assert after["phones"] == record["phones"]
