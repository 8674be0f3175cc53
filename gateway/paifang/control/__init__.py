"""The gateway's front door on its own machine: JSON lines over a Unix socket, the caller known by its uid."""
