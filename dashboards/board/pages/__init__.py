"""One file a page: `show(view)` draws it."""
