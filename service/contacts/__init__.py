"""The domain: address books, groups, invitations, import and export."""
