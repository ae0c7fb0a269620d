"""One search in every API: a table of contacts and queries, asked everywhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.support.people import People, Person
from tests.support.rest import Client, ClientMaker

BOOK: dict[str, dict[str, Any]] = {
    "obrien": {"first_name": "Conor", "last_name": "O’Brien"},
    "osullivan": {"first_name": "Una", "last_name": "OSullivan"},
    "anna": {"first_name": "Anna-Lena", "last_name": "Müller"},
    "lena": {"first_name": "Eva Lena", "last_name": "Weiß"},
    "strasse": {"first_name": "Otto", "last_name": "Strasser", "company": "Fußball GmbH"},
    "jose": {"first_name": "Jose\u0301", "last_name": "Nun\u0303ez"},
    "aesop": {"first_name": "Æsop", "last_name": "Œuvre-Ødegård"},
    "isik": {"first_name": "Işıl", "last_name": "Yıldız"},
    "wang": {"display_name": "王小明"},
    "tanaka": {"first_name": "ゆき", "last_name": "田中"},
    "kim": {"display_name": "김철수"},
    "party": {"display_name": "Party 🎉 Team", "notes": "brings ❤️ and 007 cakes"},
    "arabic": {"first_name": "سارة", "phones": [{"number": "٠١٧١ ٢٣٤٥٦٧٨"}]},
    "berlin": {"first_name": "Bea", "phones": [{"number": "+49 30 123456789"}]},
    "paris": {"first_name": "Paul", "phones": [{"number": "+33 1 2345 6789"}]},
    "note": {"first_name": "Nora", "notes": "Customer 0815-4711, met at the Über-Café", "company": "Acme"},
    "mail": {"first_name": "Mia", "emails": [{"address": "mia.rossi@posta.example"}]},
    "percent": {"first_name": "Percy", "last_name": "100%"},
}
QUERIES = [
    ("obrien", "obrien"), ("O'Brien", "obrien"), ("o’bri", "obrien"), ("brien", "obrien"),
    ("conor obr", "obrien"), ("o'sullivan", "osullivan"), ("OSULL", "osullivan"),
    ("sullivan", ""), ("annalena", "anna"), ("Anna-Lena", "anna"), ("lena", "anna lena"),
    ("muller anna", "anna"), ("MÜLLER", "anna"), ("evalena", "lena"), ("eva-lena", "lena"),
    ("weiss", "lena"), ("weiß", "lena"), ("straßer", "strasse"), ("fussball", "strasse"),
    ("Gmbh otto", "strasse"), ("josé", "jose"), ("jose", "jose"), ("nuñez", "jose"),
    ("NUNEZ jos", "jose"), ("aesop", "aesop"), ("oeuvre", "aesop"), ("odegard", "aesop"),
    ("æso", "aesop"), ("isil", "isik"), ("IŞIL", "isik"), ("yildiz", "isik"), ("yıldı", "isik"),
    ("小明", "wang"), ("王", "wang"), ("明", "wang"), ("明小", ""), ("田中 ゆき", "tanaka"),
    ("中", "tanaka"), ("ユキ", "tanaka"), ("철수", "kim"), ("🎉", "party"), ("🎈", ""),
    ("party 🎉", "party"), ("❤", "party"), ("007", "party"), ("7 cakes", ""),
    ("0171 2345678", "arabic"), ("01712345678", "arabic"), ("٢٣٤٥٦٧٨", "arabic berlin paris"),
    ("(0171) 234-5678", "arabic"), ("030 123456789", "berlin"), ("0049 30 1234", "berlin"),
    ("+49 (0)30/123", "berlin"), ("123456789", "berlin paris"), ("+33 1 23 45 67 89", "paris"),
    ("0123456789", "paris berlin"), ("2345", "arabic berlin paris"), ("08154711", "note"),
    ("0815", "note"), ("uber-cafe", "note"), ("ubercafe", "note"), ("acme nor", "note"),
    ("mia.rossi@posta.example", "mail"), ("@posta", "mail"), ("rossi", "mail"),
    ("posta mia", "mail"), ("100%", "percent"), ("zzz", ""), ("'", ""),
]  # fmt: skip


@pytest.fixture
async def owner(people: People, client_of: ClientMaker) -> tuple[Person, Client, dict[str, str]]:
    """Return a user with the book, and the key of each contact by its shown name."""
    person = await people("Sam")
    rest = await client_of(person=person)
    keys = {}
    for key, fields in BOOK.items():
        keys[(await rest.add(**fields))["display_name"]] = key
    return person, rest, keys


async def test_every_api_finds_the_same(owner: tuple[Person, Client, dict[str, str]]) -> None:
    person, rest, keys = owner

    def names(contacts: list[dict[str, Any]], name: str = "fullname") -> str:
        return " ".join(sorted(keys[contact[name]] for contact in contacts))

    wrong = []
    for query, expected in QUERIES:
        answers = {
            "rest": names((await rest.get(f"/contacts?search={quote(query)}")).data, "display_name"),
            "search": names(await person.ok("contact.search", key=query)),
            "my_contacts": names(await person.ok("contact.my_contacts", value=f"{query}%")),
            "search_my_contacts": names(await person.ok("contact.search_my_contacts", name=query)),
            "show_contact": names(await person.ok("contact.show_contact", name=query)),
        }
        wanted = " ".join(sorted(expected.split()))
        wrong += [(query, wanted, api, answer) for api, answer in answers.items() if answer != wanted]
    # A list of the RPC finds any part of the shown name as well.
    assert wrong == [("sullivan", "", "show_contact", "osullivan")], wrong
