"""Who is who on this machine, which operation takes which role, and what is told about a denial."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import socket

import pytest

from paifang.control import denials
from paifang.control.async_client import AsyncControlClient
from paifang.control.authority import ALL_ROLES, PERMISSIONS, Authority, Caller, peer, unknown_users
from paifang.control.denials import Denials
from paifang.control.lines import RemoteError
from paifang.errors import EXIT_REFUSED, EXIT_UNREACHABLE, PaifangError
from paifang.settings import ControlSettings, Role, UserSettings

OWN_UID, ALICE_UID, GUEST_UID = 990_001, 990_002, 990_003
GROUP = grp.getgrgid(os.getgid()).gr_name
"""One that this machine has."""
USER = pwd.getpwuid(os.getuid()).pw_name
PEOPLE = {"alice": frozenset({"approver"})}


def authority(*users: UserSettings, uids=(), own_uid=OWN_UID) -> Authority:
    settings = ControlSettings(users=users, uids=uids)
    return Authority(settings, lambda person: PEOPLE.get(person, frozenset()), own_uid=own_uid)


def roles(found: Authority, uid: int, *groups: int) -> set[str]:
    return set(found.known(Caller(1, uid, uid, frozenset(groups))).principal.roles)


def test_the_own_user_and_root_have_all_roles_and_others_are_not_let_in():
    assert roles(authority(), OWN_UID) == roles(authority(), 0) == ALL_ROLES
    with pytest.raises(PaifangError, match=f"user id {GUEST_UID} may not control") as refused:
        roles(authority(), GUEST_UID)
    assert (refused.value.exit_code, refused.value.code) == (EXIT_UNREACHABLE, "denied")


def test_listed_users_may_look_alone():
    assert roles(authority(uids=[GUEST_UID]), GUEST_UID) == {"viewer"}


def test_an_entry_gives_its_roles_and_whoever_has_one_may_look():
    found = authority(UserSettings(uid=ALICE_UID, roles=("operator", "safety")))
    assert roles(found, ALICE_UID) == {"viewer", "operator", "safety"}
    with pytest.raises(PaifangError):
        roles(found, GUEST_UID)


def test_a_person_brings_the_roles_of_people_toml():
    found = authority(UserSettings(uid=ALICE_UID, roles=("operator",), person="alice"))
    principal = found.known(Caller(1, ALICE_UID, 1)).principal
    assert (principal.person, principal.uid) == ("alice", ALICE_UID)
    assert principal.roles == {"viewer", "operator", "approver"}


def test_a_user_who_is_called_like_a_person_is_not_that_person():
    found = authority(uids=[ALICE_UID])
    assert roles(found, ALICE_UID) == {"viewer"}


def test_groups_are_those_that_the_kernel_tells():
    found = authority(UserSettings(group=GROUP, roles=("engineer",)))
    assert roles(found, GUEST_UID, os.getgid(), 7) == {"viewer", "engineer"}
    with pytest.raises(PaifangError):
        roles(found, GUEST_UID, os.getgid() + 7)


def test_entries_add_up():
    users = [UserSettings(uid=ALICE_UID, roles=("safety",)), UserSettings(group=GROUP, roles=("engineer",))]
    assert roles(authority(*users, uids=[ALICE_UID]), ALICE_UID, os.getgid()) == {"viewer", "safety", "engineer"}


def test_an_entry_for_the_own_user_takes_the_place_of_all_roles():
    found = authority(UserSettings(uid=OWN_UID, roles=("viewer",)))
    assert roles(found, OWN_UID) == {"viewer"}
    assert roles(found, 0) == ALL_ROLES
    group = authority(UserSettings(group=GROUP, roles=("viewer",)))
    assert roles(group, OWN_UID, os.getgid()) == ALL_ROLES


def test_a_name_stands_for_its_user():
    found = authority(UserSettings(user=USER, roles=("operator",)), own_uid=OWN_UID)
    principal = found.known(Caller(1, os.getuid(), 1)).principal
    assert (principal.name, principal.person, principal.roles) == (USER, USER, {"viewer", "operator"})


def test_users_that_this_machine_does_not_have_let_nobody_in(caplog):
    users = (
        UserSettings(user="no-such-user-here", roles=("operator",)),
        UserSettings(group="no-such", roles=("safety",)),
    )
    assert list(unknown_users(ControlSettings(users=users))) == ['user "no-such-user-here"', 'group "no-such"']
    assert not authority(*users).has_others
    assert 'no user "no-such-user-here"' in caplog.text


def test_every_operation_of_a_gateway_has_its_role(house):
    assert not house.gateway.operations.handlers().keys() - PERMISSIONS.keys()
    known = set(Role.__args__)
    assert all(set(needed) <= known and needed for needed in PERMISSIONS.values())


LOOKING = {"status", "read", "watch", "events", "nodes.list", "audit.list", "commands.pending", "commands.submit"}
LOOKING |= {"signals.show"}
ACTING = {"send", "safe", "nodes.add", "nodes.remove", "nodes.rekey", "keyset.load", "reload", "stop", "policy.reload"}
ACTING |= {"signals.site", "signals.stage"}


@pytest.mark.parametrize("role", Role.__args__)
def test_each_role_may_look_and_do_its_own(role):
    own = {
        "viewer": set(),
        "operator": {"send", "signals.stage"},
        "safety": {"safe"},
        "approver": set(),
        "engineer": ACTING - {"send", "safe"},
    }[role]
    found = authority(UserSettings(uid=ALICE_UID, roles=(role,)))
    caller = found.known(Caller(1, ALICE_UID, 1))
    assert {op for op in LOOKING | ACTING if found.denied(caller, op) is None} == LOOKING | own
    assert found.denied(caller, "no-such-op") is not None


def test_nobody_may_anything():
    assert all(Authority().denied(Caller(1, 0, 0), op) is not None for op in PERMISSIONS)


def test_a_denial_says_what_is_missing_and_how_to_get_it():
    found = authority(UserSettings(uid=ALICE_UID, roles=("approver",)))
    denied = found.denied(found.known(Caller(1, ALICE_UID, 1)), "delegations.revoke")
    error = denied.error()
    assert error.message == (
        f"uid {ALICE_UID} may not delegations.revoke: it takes the role operator, safety or engineer "
        "(has: approver, viewer)"
    )
    assert 'roles = ["operator"]' in error.hint
    assert (error.code, error.exit_code) == ("denied", EXIT_REFUSED)


def test_the_kernel_tells_ids_and_groups():
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        found = peer(one)
    assert (found.pid, found.uid, found.gid) == (os.getpid(), os.getuid(), os.getgid())
    assert found.groups == {os.getgid(), *os.getgroups()}


@pytest.fixture
def as_uid(house):
    def change(uid):
        house.gateway.control._peer_of = lambda _socket: Caller(1, uid, uid, frozenset({uid}))

    return change


async def test_rights_change_in_connections_that_are_open(house, as_uid):
    control = house.gateway.control
    told = []
    control.denials.on_denied = lambda caller, op, role, times: told.append((caller.uid, op, role, times))
    control.allow(authority(uids=[ALICE_UID]))
    as_uid(ALICE_UID)
    add = {"node": "meter-1", "key": "00" * 32, "epoch": 1}
    async with AsyncControlClient(control.path) as client:
        await client.request("status")
        with pytest.raises(RemoteError, match="takes the role engineer"):
            await client.request("nodes.add", **add)
        control.allow(authority(UserSettings(uid=ALICE_UID, roles=("engineer",))))
        assert (await client.request("nodes.add", **add))["added"]
        control.allow(authority())
        with pytest.raises(RemoteError, match="may not status"):
            await client.request("status")
    assert [each[:2] for each in told] == [(ALICE_UID, "nodes.add"), (ALICE_UID, "status")]
    assert told[0] == (ALICE_UID, "nodes.add", "engineer", 1)
    assert control.counts["denied"] == 2


async def test_denials_in_a_row_are_told_at_once_and_then_as_a_number(monkeypatch):
    monkeypatch.setattr(denials, "GATHER_S", 0.05)
    told = asyncio.Queue()
    book = Denials(lambda caller, op, role, times: told.put_nowait((caller.uid, op, times)))
    for _ in range(500):
        book.add(Caller(1, 7, 7), "send", "operator")
    book.add(Caller(1, 8, 8), "send", "operator")
    assert [told.get_nowait() for _ in range(told.qsize())] == [(7, "send", 1), (8, "send", 1)]
    async with asyncio.timeout(20):
        assert await told.get() == (7, "send", 499)
    book.add(Caller(1, 7, 7), "send", "operator")
    book.flush()
    async with asyncio.timeout(20):
        assert await told.get() == (7, "send", 1)
    assert not book._gathered
    assert told.empty()


BAD_USERS = [
    ('roles = ["viewer"]', "one of user, group and uid"),
    ('user = "a"\nuid = 5\nroles = ["viewer"]', "one of user, group and uid"),
    ('group = "a"\nperson = "b"\nroles = ["viewer"]', "a group is several persons"),
    ('user = "a"', "or a person of people.toml"),
    ('user = "a"\nroles = ["oprator"]', 'did you mean "operator"?'),
    ("uid = -1\nroles = []", "at least 0"),
]


@pytest.mark.parametrize(("text", "told"), BAD_USERS, ids=range(len(BAD_USERS)))
def test_a_mistake_in_an_entry_is_told(tmp_path, text, told):
    from paifang.config.load import ConfigError, parse

    with pytest.raises(ConfigError) as refused:
        parse(f"[[control.users]]\n{text}", tmp_path / "gateway.toml")
    assert told in str(refused.value)
    assert "control.users[1]" in str(refused.value)
