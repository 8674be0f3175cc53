"""Keys of persons: key files, the root ceremony, key sets, and what is signed with them."""
