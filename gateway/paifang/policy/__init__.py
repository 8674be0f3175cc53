"""Who may do what, where and when: roles and rules in files, decided by Cedar."""
