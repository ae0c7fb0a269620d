"""Descriptions of the APIs for tools, built from the declarations of acl/."""
