"""A third-party device as the ward sees it: described, reporting and commanded like a node."""
