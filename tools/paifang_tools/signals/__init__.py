"""A signal node's site record, plans and day plans as an engineer writes them: TOML to record and back, and checked.

`site_file`, `plan_file` and `day_file` hold a file's model and both directions; `checking` has the shipped firmware
judge a record; `words` tells a person what roots sign.
"""
