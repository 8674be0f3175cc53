"""DLMS that meters push unasked over HDLC, as the HAN port of Nordic meters does."""
