"""Write phone numbers in international form, so that all writings of a number find each other."""

from __future__ import annotations

import phonenumbers

SHORTEST = 8
"""Digits of a number with its country code; shorter ones are extensions and services."""


def region_of(number: str) -> str:
    """Return the country (two letters) of a number with a country code; "" for any other number."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return ""
    return str(phonenumbers.region_code_for_number(parsed) or "")


def region_for(chosen: str | None, own_number: str | None, default: str) -> str:
    """Return the country of a user's numbers without a country code: as chosen, else that of their number."""
    return chosen or region_of(own_number or "") or default


def is_region(text: str) -> bool:
    """Return whether a text is a country with phone numbers, two capital letters."""
    return text in phonenumbers.SUPPORTED_REGIONS


def international(number: str, region: str) -> str:
    """Return a number as in E.164, without the plus; "" for one that cannot be dialled from abroad.

    `region` is the country (two letters) of a number without a country code, "" when that is not known.
    """
    try:
        parsed = phonenumbers.parse(number, region.upper() or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(parsed):
        return ""
    digits = str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)).removeprefix("+")
    return digits if len(digits) >= SHORTEST else ""
