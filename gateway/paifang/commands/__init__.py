"""Commands to nodes: checked against the node's own table, sent, and answered by a receipt or by nothing."""
