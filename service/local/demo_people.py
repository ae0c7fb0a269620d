"""The people whom `make run` loads, and the password of all of them."""

PASSWORD = "demo-password"  # noqa: S105  # printed by `make run`
PEOPLE = {
    "00000000000000a1": ("alice@example.org", "Alice", "Martin", None),
    "00000000000000b1": ("bob@example.net", "Bob", "Stone", None),
    "00000000000000c1": ("carol@example.com", "Carol", "Weiss", None),
    "00000000000000d1": ("dave@acme.test", "Dave", "Okafor", "acme.test"),
    "00000000000000e1": ("erin@acme.test", "Erin", "Larsen", "acme.test"),
}
"""Email, first name, last name and domain, by uid."""
