"""Who this node is: its secret and its boot count, in the non-volatile storage (namespace `paifang`)."""

from micropython import const

from paifang_wire import keys

_MASTER_BYTES = const(32)


class IdentityError(Exception):
    """The node has no usable secret; only provisioning over USB can help."""


def open_identity(nvs, site: str) -> tuple:
    """(boot, node key, receipt key) for this boot of the node.

    The boot count is raised and committed before this returns, so that nothing can be sent under an old one: record
    numbers and nonces start anew with each boot. `nvs` is an `esp32.NVS`. Raises IdentityError or OSError.
    """
    master = bytearray(_MASTER_BYTES)
    try:
        if nvs.get_blob("master", master) != _MASTER_BYTES:
            raise IdentityError("NVS paifang/master is not 32 bytes: provision the node again")
        epoch = nvs.get_i32("epoch")
    except OSError:
        raise IdentityError("NVS paifang/master or paifang/epoch is missing: provision the node again")
    boot = _read_boot(nvs) + 1
    nvs.set_i32("boot", boot)
    nvs.commit()
    if _read_boot(nvs) != boot:
        raise IdentityError("NVS does not keep what is written (worn out?): replace the node")
    secret = bytes(master)
    return boot, keys.node_key(secret, site, epoch), keys.receipt_key(secret)


def _read_boot(nvs) -> int:
    try:
        return nvs.get_i32("boot")
    except OSError:
        return 0  # a new node; on an old one the gateway refuses the count that went back, and says so
