"""Rules for procedures/ and sql/."""
