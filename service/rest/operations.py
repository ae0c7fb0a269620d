"""List every operation of this API, in the order in which paths are matched."""

from __future__ import annotations

from service.rest import account, admin, app_passwords, contacts, history, imports, sign_in, webhooks
from service.rest import declarations as d
from service.rest.batch import batch
from service.rest.operation import Operation

WRITES = ("VALIDATION_ERROR", "CONFLICT", "UNPROCESSABLE")
ADMIN = ("INSUFFICIENT_SCOPE",)
CHANGES = ("NOT_FOUND", "PRECONDITION_FAILED")

OPERATIONS = (
    Operation(
        "auth.login", "POST", "/auth/login", sign_in.login, "Session", "yp.login",
        body=d.LOGIN, errors=("VALIDATION_ERROR", "UNAUTHORIZED", "FORBIDDEN"), public=True,
    ),
    Operation(
        "auth.refresh", "POST", "/auth/refresh", sign_in.renew, "Session", "yp.login",
        body=d.REFRESH, errors=("VALIDATION_ERROR", "UNAUTHORIZED"), public=True,
    ),
    Operation(
        "auth.logout", "POST", "/auth/logout", sign_in.logout, "Success", "drumate.logout",
        body=d.LOGOUT, errors=("VALIDATION_ERROR", "UNAUTHORIZED"), public=True,
    ),
    Operation("auth.me", "GET", "/auth/me", account.me, "Account", "yp.hello"),
    Operation(
        "auth.update_me", "PATCH", "/auth/me", account.update_me, "Account", "yp.hello",
        body=d.ACCOUNT, errors=("VALIDATION_ERROR", "UNPROCESSABLE", "INSUFFICIENT_SCOPE"), signed_in=True,
    ),
    Operation(
        "auth.change_password", "POST", "/auth/change-password", account.change_password, "Success",
        "drumate.change_password", body=d.CHANGE_PASSWORD,
        errors=("VALIDATION_ERROR", "FORBIDDEN", "INSUFFICIENT_SCOPE"), signed_in=True,
    ),
    Operation(
        "auth.forgot_password", "POST", "/auth/forgot-password", account.forgot_password, "Success",
        "butler.get_reset_token", body=d.FORGOT_PASSWORD, errors=("VALIDATION_ERROR",), public=True,
    ),
    Operation(
        "auth.sessions", "GET", "/auth/sessions", sign_in.list_sessions, "Sessions", "yp.hello",
        errors=("INSUFFICIENT_SCOPE",), signed_in=True,
    ),
    Operation(
        "auth.end_sessions", "DELETE", "/auth/sessions", sign_in.end_sessions, "Ended", "drumate.logout",
        query=d.END_SESSIONS, errors=("INVALID_QUERY", "INSUFFICIENT_SCOPE"), signed_in=True,
    ),
    Operation(
        "auth.end_other_sessions", "POST", "/auth/sessions/revoke-others", sign_in.end_other_sessions,
        "Revoked", "drumate.logout", body=d.END_OTHER_SESSIONS,
        errors=("VALIDATION_ERROR", "INSUFFICIENT_SCOPE"), signed_in=True,
    ),
    Operation(
        "auth.end_session", "DELETE", "/auth/sessions/{session}", sign_in.end_session, "Deleted",
        "drumate.logout", errors=("NOT_FOUND", "INSUFFICIENT_SCOPE"), signed_in=True,
    ),
    Operation(
        "auth.app_passwords", "GET", "/auth/app-passwords", app_passwords.list_app_passwords, "AppPasswords",
        "yp.hello", errors=("INSUFFICIENT_SCOPE",), signed_in=True,
    ),
    Operation(
        "auth.add_app_password", "POST", "/auth/app-passwords", app_passwords.add_app_password,
        "NewAppPassword", "yp.hello", body=d.NEW_APP_PASSWORD, status=201,
        errors=("VALIDATION_ERROR", "UNPROCESSABLE", "INSUFFICIENT_SCOPE"), signed_in=True,
    ),
    Operation(
        "auth.add_profile", "POST", "/auth/app-passwords/profile", app_passwords.add_profile,
        "Profile", "yp.hello", body=d.NEW_APP_PASSWORD, status=201,
        errors=("VALIDATION_ERROR", "UNPROCESSABLE", "INSUFFICIENT_SCOPE"), signed_in=True,
    ),
    Operation(
        "auth.drop_app_password", "DELETE", "/auth/app-passwords/{key}", app_passwords.drop_app_password,
        "Deleted", "yp.hello", errors=("NOT_FOUND", "INSUFFICIENT_SCOPE"), signed_in=True,
    ),
    Operation("site.health", "GET", "/health", admin.get_health, "Health", "yp.hello", public=True),
    Operation("site.status", "GET", "/auth/status", admin.get_status, "Status", "yp.hello", public=True),
    Operation("keys.mine", "GET", "/api-keys/mine", admin.list_own_keys, "Keys", "yp.hello"),
    Operation(
        "keys.list", "GET", "/admin/api-keys", admin.list_keys, "Keys", "yp.hello",
        query=d.KEYS, errors=("INVALID_QUERY", *ADMIN), admin=True,
    ),
    Operation(
        "keys.add", "POST", "/admin/api-keys", admin.add_key, "NewKey", "yp.hello",
        body=d.NEW_KEY, status=201, errors=("VALIDATION_ERROR", "UNPROCESSABLE", *ADMIN), admin=True,
    ),
    Operation(
        "keys.drop", "DELETE", "/admin/api-keys/{key}", admin.drop_key, "Deleted", "yp.hello",
        errors=("NOT_FOUND", *ADMIN), admin=True,
    ),
    Operation(
        "contacts.list", "GET", "/contacts", contacts.find, "ContactList", "contact.show_contact",
        query=d.LIST, errors=("INVALID_QUERY",),
    ),
    Operation(
        "contacts.create", "POST", "/contacts", contacts.create, "ContactAnswer", "contact.add",
        body=d.CONTACT, status=201, errors=WRITES, idempotent=True,
    ),
    Operation(
        "contacts.batch", "POST", "/contacts/batch", batch, "Batch", "contact.update",
        body=d.BATCH_BODY, either=(("operations",), ("ids", "action")),
        errors=("VALIDATION_ERROR", "UNPROCESSABLE"), idempotent=True, timeout=60,
    ),
    Operation(
        "contacts.changes", "GET", "/contacts/changes", contacts.changes, "Changes", "contact.show_contact",
        query=d.CHANGES, errors=("INVALID_QUERY", "GONE"),
    ),
    Operation(
        "contacts.duplicates", "GET", "/contacts/duplicates", contacts.duplicates, "Duplicates",
        "contact.show_contact", query=d.DUPLICATES, errors=("INVALID_QUERY",),
    ),
    Operation(
        "contacts.merge", "POST", "/contacts/merge", contacts.merge, "ContactAnswer", "contact.update",
        body=d.MERGE, errors=(*WRITES, *CHANGES), idempotent=True, conditional=True,
    ),
    Operation(
        "contacts.undo", "POST", "/contacts/revert", history.undo, "Undone", "contact.update",
        body=d.UNDO, errors=(*WRITES, "GONE", "NOT_FOUND"), idempotent=True, timeout=60,
    ),
    Operation(
        "contacts.get", "GET", "/contacts/{id}", contacts.get, "ContactDetails", "contact.get_contact",
        query=d.ONE, errors=("INVALID_QUERY", "NOT_FOUND"),
    ),
    Operation(
        "contacts.update", "PATCH", "/contacts/{id}", contacts.update, "ContactAnswer", "contact.update",
        body=d.CONTACT, errors=(*WRITES, *CHANGES), conditional=True,
    ),
    Operation(
        "contacts.delete", "DELETE", "/contacts/{id}", contacts.delete, "Deletion", "contact.delete_contact",
        query=d.DELETE, errors=("INVALID_QUERY", "ALREADY_DELETED", *CHANGES), conditional=True,
    ),
    Operation(
        "contacts.custom", "PATCH", "/contacts/{id}/custom", contacts.update_custom,
        "ContactAnswer", "contact.update",
        body={}, free_body=True, errors=("VALIDATION_ERROR", "UNPROCESSABLE", *CHANGES), conditional=True,
    ),
    Operation(
        "contacts.restore", "POST", "/contacts/{id}/restore", contacts.restore, "ContactAnswer",
        "contact.add",
        errors=("VALIDATION_ERROR", "NOT_DELETED", "CONFLICT", *CHANGES), idempotent=True, conditional=True,
    ),
    Operation(
        "contacts.history", "GET", "/contacts/{id}/history", history.list_changes, "ContactHistory",
        "contact.get_contact", query=d.HISTORY, errors=("INVALID_QUERY", "NOT_FOUND"),
    ),
    Operation(
        "contacts.revert", "POST", "/contacts/{id}/revert", history.revert, "Reverted", "contact.update",
        body=d.REVERT, errors=(*WRITES, "GONE", *CHANGES), idempotent=True, conditional=True,
    ),
    Operation(
        "contacts.set_avatar", "POST", "/contacts/{id}/avatar", contacts.set_avatar,
        "ContactAnswer", "contact.update",
        upload=True, errors=("VALIDATION_ERROR", "PAYLOAD_TOO_LARGE", *CHANGES),
        idempotent=True, conditional=True,
    ),
    Operation(
        "contacts.avatar", "GET", "/contacts/{id}/avatar", contacts.get_avatar,
        "Picture", "contact.get_contact",
        errors=("NOT_FOUND",), query_token=True,
    ),
    Operation(
        "contacts.avatar_version", "GET", "/contacts/{id}/avatar/{version}", contacts.get_avatar, "Picture",
        "contact.get_contact", errors=("NOT_FOUND",), query_token=True,
    ),
    Operation("imports.list", "GET", "/imports", imports.find, "Imports", "contact.load"),
    Operation(
        "imports.load", "POST", "/imports", imports.load, "ImportAnswer", "contact.load",
        query=d.LOAD, file=True, errors=("INVALID_QUERY", "VALIDATION_ERROR", "CONFLICT"), timeout=900,
    ),
    Operation(
        "imports.get", "GET", "/imports/{report}", imports.get, "ImportAnswer", "contact.load",
        errors=("NOT_FOUND",),
    ),
    Operation(
        "imports.cancel", "POST", "/imports/{report}/cancel", imports.cancel, "ImportAnswer", "contact.load",
        errors=("NOT_FOUND",),
    ),
    Operation(
        "imports.rejected", "GET", "/imports/{report}/rejected", imports.rejected, "RejectedFile",
        "contact.load", errors=("NOT_FOUND",),
    ),
    Operation("webhooks.list", "GET", "/webhooks", webhooks.find, "Webhooks", "yp.hello"),
    Operation(
        "webhooks.create", "POST", "/webhooks", webhooks.create, "NewWebhook", "yp.hello",
        body=d.NEW_WEBHOOK, status=201, errors=("VALIDATION_ERROR", "CONFLICT", "INSUFFICIENT_SCOPE"),
        signed_in=True,
    ),
    Operation(
        "webhooks.get", "GET", "/webhooks/{webhook}", webhooks.get, "WebhookAnswer", "yp.hello",
        errors=("NOT_FOUND",),
    ),
    Operation(
        "webhooks.update", "PATCH", "/webhooks/{webhook}", webhooks.update, "WebhookAnswer", "yp.hello",
        body=d.WEBHOOK, errors=("VALIDATION_ERROR", "NOT_FOUND", "INSUFFICIENT_SCOPE"), signed_in=True,
    ),
    Operation(
        "webhooks.delete", "DELETE", "/webhooks/{webhook}", webhooks.delete, "Deleted", "yp.hello",
        errors=("NOT_FOUND",),
    ),
    Operation(
        "webhooks.rotate", "POST", "/webhooks/{webhook}/secret", webhooks.rotate, "WebhookSecret", "yp.hello",
        errors=("NOT_FOUND", "INSUFFICIENT_SCOPE"), signed_in=True,
    ),
    Operation(
        "webhooks.deliveries", "GET", "/webhooks/{webhook}/deliveries", webhooks.deliveries, "Deliveries",
        "yp.hello", query=d.DELIVERIES, errors=("INVALID_QUERY", "NOT_FOUND"),
    ),
    Operation(
        "webhooks.test", "POST", "/webhooks/{webhook}/test", webhooks.test, "DeliveryAnswer", "yp.hello",
        status=202, errors=("NOT_FOUND",),
    ),
    Operation(
        "webhooks.repeat", "POST", "/webhooks/{webhook}/deliveries/{delivery}/repeat", webhooks.repeat,
        "DeliveryAnswer", "yp.hello", status=202, errors=("NOT_FOUND",),
    ),
)  # fmt: skip
