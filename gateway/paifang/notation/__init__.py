"""How values and times are written for others: digit by digit, as the node meant them."""
