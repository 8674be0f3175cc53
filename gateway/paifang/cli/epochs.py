"""`paifang keys epoch` and `keys rekey`: new keys for a node whose gateway was stolen."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from paifang.cli import output
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected
from paifang.cli.passphrase import OutOption
from paifang.errors import bad_argument


def epoch(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's id.", show_default=False)],
    number: Annotated[int, typer.Argument(metavar="N", help="Its new epoch, above the one it has.", min=1)],
    out: OutOption = None,
) -> None:
    """Write an epoch record: signed by two roots, it makes a node take new keys after its gateway was stolen.

    \b
    paifang keys epoch aq-1 2 -o aq-1.epoch
    paifang keys root sign aq-1.epoch --key root-1
    paifang keys root sign aq-1.epoch --key root-3
    python -m paifang_tools.provision rekey aq-1.nvs --epoch 2 | paifang keys rekey aq-1.epoch
    """
    from paifang.keys import epochs, files

    made = out or Path(f"{node}.epoch")
    files.write(made, epochs.build(node, number).encode())
    output.print_note(f"wrote {made}; have two roots sign it: paifang keys root sign {made} --key ROOT")


def rekey(
    ctx: typer.Context,
    record: Annotated[Path, typer.Argument(metavar="FILE", help="The signed epoch record.", show_default=False)],
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the gateway bring a node to its new epoch: the record goes to the node, the new node key to the gateway.

    The new key stands on the input, as provisioning prints it:

    \b
    python -m paifang_tools.provision rekey aq-1.nvs --epoch 2 | paifang keys rekey aq-1.epoch
    """
    from paifang.cli import enrolment
    from paifang.keys import epochs
    from paifang.keys.roots import NEEDED, Rooted

    rooted = Rooted.read(record)
    node, number = epochs.read(rooted, str(record))
    if len(rooted.signatures) < NEEDED:
        hint = f"paifang keys root sign {record} --key ROOT"
        raise bad_argument(f"{record} has {len(rooted.signatures)} of two signatures", hint)
    line = enrolment.from_input(node)[0]
    if line["epoch"] != number:
        hint = f"python -m paifang_tools.provision rekey {node}.nvs --epoch {number}"
        raise bad_argument(f"the key on the input is of epoch {line['epoch']}, the record of {number}", hint)
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        site = cast("dict[str, Any]", gateway.request("status")).get("site")
        if line.get("site") not in {None, site}:
            message = f"the key of {node} was made for site {line['site']}, this gateway is {site}"
            raise bad_argument(message, f"provision it with --site {site}")
        done = gateway.request("nodes.rekey", node=node, key=line["key"], epoch=number, record=rooted.encode().hex())
    if wanted.as_json:
        output.print_json(done)
    output.print_note(f"{node} is to take epoch {number}; `paifang nodes show {node}` tells when it has")
