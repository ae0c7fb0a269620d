"""Events of the store, as this API calls them."""

FRAMES = {
    "created": "contact.created",
    "updated": "contact.updated",
    "deleted": "contact.deleted",
    "restored": "contact.restored",
    "purged": "contact.deleted",
}
