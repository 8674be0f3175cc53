"""What leaves the store's file, and comes back into one: exports, backups, restoring."""
