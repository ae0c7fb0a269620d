"""The Drumee frontend as it was built: its files, and the page that starts it (docs/frontend.md)."""
